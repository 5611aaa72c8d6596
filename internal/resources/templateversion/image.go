package templateversion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// notes is a resource's private state: what only the provider reads of what Terraform keeps.
type notes interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// seenKey is where the notes have what was last seen of the image file, as JSON of localfile.Stamp.
const seenKey = "image"

// look tells what is to be seen of an image file, and notes it, so that a file is read again only once it was written to.
func look(ctx context.Context, file string, n notes) (localfile.Stamp, error) {
	var before localfile.Stamp
	if text, _ := n.GetKey(ctx, seenKey); len(text) > 0 {
		_ = json.Unmarshal(text, &before) // what cannot be read was not noted
	}
	now, err := transfer.Look(ctx, file, before)
	if err == nil && now != before {
		note(ctx, now, n)
	}
	return now, err
}

// note can fail only by a mistake in the key, or in the encoding of times.
func note(ctx context.Context, seen localfile.Stamp, n notes) {
	if text, err := json.Marshal(seen); err == nil {
		n.SetKey(ctx, seenKey, text)
	}
}

// noteRegistered notes what is known of the file that a version was registered from; it was looked at before.
func noteRegistered(ctx context.Context, before localfile.Stamp, source transfer.Source, v catalog.Version, n notes) {
	if _, known := source.KnownDigest(); known && v.Transferred == 0 {
		return // the pool had the image, and nobody has read the file
	}
	before.Digest = v.Digest
	note(ctx, before, n)
}

// imageCheck asks whether a version's image is what its source leads to.
type imageCheck struct {
	version *Model // in the state
	library *library.Library
	notes   notes
	diags   *diag.Diagnostics
}

// destroyAdvice is for an image file that stops a plan: Terraform plans normally before it plans a destroy, and no request says
// which of the two a plan is.
const destroyAdvice = "If terraform destroy stops here, add -refresh=false: it then does not plan the configuration " +
	"first."

// unusable adds to an error of image.Open what to do where the file is missing.
func unusable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w\n\n%s", err, destroyAdvice)
	}
	return err
}

// unchanged reports an image file that has become another image. One that is not there is no finding: it is not needed any
// more, and not every machine that plans has it. One that is there and cannot be read is a warning.
func (c *imageCheck) unchanged(ctx context.Context, source transfer.Source) {
	if source.Path == "" {
		return
	}
	seen, err := look(ctx, source.Path, c.notes)
	if err == nil && seen.Digest == c.version.Digest.ValueString() || errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		c.diags.AddAttributeWarning(path.Root("source"), "Image not verified", fmt.Sprintf("It is unknown whether the file "+
			"%s is still the image of version %q. %s The version stays as it is: "+
			"the pool has its image.", source.Path, c.version.ID.ValueString(), finding.Sentence(err)))
		return
	}
	c.diags.AddAttributeError(path.Root("source"), "Image file has changed", fmt.Sprintf("The file %s is no longer the "+
		"image of version %q: its digest is %s, the version's is %s. Versions do not change: register the file as a new "+
		"version with a higher number, or restore the old file. %s", source.Path, c.version.ID.ValueString(), seen.Digest, c.version.Digest.ValueString(), destroyAdvice))
}

// same tells whether another source leads to the image that the version has. Of a URL, and of a file that is not there, only
// its checksum can tell. After an import nothing is known to be different: where it cannot be told, the version stays.
func (c *imageCheck) same(ctx context.Context, source transfer.Source) bool {
	imported := c.version.Source.IsNull()
	if source.Path == "" {
		face.AddError(c.diags, "Invalid image source", source.Validate())
		same := c.sameChecksum(ctx, source)
		if !same && imported && source.Checksum == "" {
			c.trust(source, "only a checksum of the source could tell")
			return true
		}
		return same
	}
	im, err := transfer.Open(ctx, source)
	if errors.Is(err, fs.ErrNotExist) {
		if c.sameChecksum(ctx, source) {
			return true
		}
		if imported {
			c.trust(source, "this machine does not have the file")
			return true
		}
	}
	if err != nil {
		face.AddError(c.diags, "Could not use image", unusable(err))
		return false
	}
	defer im.Close()
	seen, err := im.Look(ctx)
	if err != nil {
		face.AddError(c.diags, "Could not read image", fmt.Errorf("finding out whether it is the version's image: %w", err))
		return false
	}
	note(ctx, seen, c.notes)
	return seen.Digest == c.version.Digest.ValueString()
}

// sameChecksum tells whether the checksum of a source is one of the version's image. Without a checksum it is not.
func (c *imageCheck) sameChecksum(ctx context.Context, source transfer.Source) bool {
	known, ok := source.KnownDigest()
	if ok && known == c.version.Digest.ValueString() {
		return true
	}
	if c.library == nil {
		return false
	}
	same, err := c.library.HasSource(ctx, c.version.Digest.ValueString(), source)
	face.AddError(c.diags, "Could not compare image", err)
	return same
}

func (c *imageCheck) trust(source transfer.Source, why string) {
	c.diags.AddAttributeWarning(path.Root("source"), "Image not verified", fmt.Sprintf("Version %q was imported, and it "+
		"is unknown whether %s is its image: %s. The version stays as it is.", c.version.ID.ValueString(), source, why))
}
