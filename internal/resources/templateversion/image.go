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
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// notes is a resource's private state: what Terraform keeps and only the provider reads.
type notes interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// seenKey is where the notes have the last observed state of a watched source: the JSON of a
// source.Stamp.
const seenKey = "image"

// look looks at a watched source, and records what it saw, so that the image is read again only if
// it may have changed.
func look(ctx context.Context, s source.Watched, n notes) (source.Stamp, error) {
	before, _ := n.GetKey(ctx, seenKey)
	now, err := s.Look(ctx, before)
	if err == nil {
		note(ctx, now, n)
	}
	return now, err
}

// note can fail only by a mistake in the key, or in the encoding of times.
func note(ctx context.Context, seen source.Stamp, n notes) {
	if text, err := json.Marshal(seen); err == nil {
		n.SetKey(ctx, seenKey, text)
	}
}

// stampOf records how a source looks before it is read; nil if it is not watched, or does not
// exist.
func stampOf(ctx context.Context, s source.Source) source.Stamp {
	if watched, is := s.(source.Watched); is {
		if seen, err := watched.Stamp(ctx); err == nil {
			return seen
		}
	}
	return nil
}

// noteRegistered records what is known of the source that a version was registered from. The source
// was looked at before.
func noteRegistered(ctx context.Context, before source.Stamp, s source.Source, v catalog.Version, n notes) {
	_, known := source.KnownDigest(s)
	if before == nil || known && v.Transferred == 0 {
		return // in the latter case the pool had the image, and it was not read
	}
	note(ctx, before.WithDigest(v.Digest), n)
}

// imageCheck asks whether a version's image is what its source leads to.
type imageCheck struct {
	version *Model // in the state
	library *library.Library
	notes   notes
	diags   *diag.Diagnostics
}

// unusable adds to an error of Open what to do where the file is missing.
func unusable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w\n\n%s", err, destroyAdvice)
	}
	return err
}

// destroyAdvice is for an image file that stops a plan: Terraform plans normally before it plans a
// destroy, and no request says which of the two a plan is.
const destroyAdvice = "If terraform destroy stops here, add -refresh=false: it then does not plan the configuration " +
	"first."

// unchanged reports a watched source that now has another image. A missing source is not reported:
// it is not needed any more, and not every machine that plans has it. A source that exists but
// cannot be read is a warning.
func (c *imageCheck) unchanged(ctx context.Context, s source.Source) {
	watched, is := s.(source.Watched)
	if !is {
		return
	}
	seen, err := look(ctx, watched, c.notes)
	if err == nil && seen.Digest() == c.version.Digest.ValueString() || errors.Is(err, fs.ErrNotExist) {
		return
	}
	id, digest := c.version.ID.ValueString(), c.version.Digest.ValueString()
	if err != nil {
		c.diags.AddAttributeWarning(path.Root("source"), "Image not verified", fmt.Sprintf("It is unknown whether %s is still "+
			"the image of version %q. %s The version stays as it is: the pool has its image.", s, id, finding.Sentence(err)))
		return
	}
	c.diags.AddAttributeError(path.Root("source"), "Image has changed", fmt.Sprintf("%s is no longer the image of version "+
		"%q: its digest is %s, the version's is %s. Versions do not change: register it as a new version with a higher number, or "+
		"restore the old image. %s", s, id, seen.Digest(), digest, destroyAdvice))
}

// same reports whether another source leads to the image that the version has. If the source is not
// watched, or does not exist, only its checksum can show that. After an import nothing is known to
// be different: if it is uncertain, the version stays.
func (c *imageCheck) same(ctx context.Context, s source.Source) bool {
	imported := c.version.Source.IsNull()
	watched, is := s.(source.Watched)
	if !is {
		face.AddError(c.diags, "Invalid image source", s.Validate())
		same := c.sameChecksum(ctx, s)
		if !same && imported && s.Expected() == (image.Checksum{}) {
			c.trust(s, "only a checksum of the source could tell")
			return true
		}
		return same
	}
	seen, err := watched.Read(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		if c.sameChecksum(ctx, s) {
			return true
		}
		if imported {
			c.trust(s, "it was not found")
			return true
		}
	}
	if err != nil {
		face.AddError(c.diags, "Could not use image", unusable(err))
		return false
	}
	note(ctx, seen, c.notes)
	return seen.Digest() == c.version.Digest.ValueString()
}

// sameChecksum reports whether the checksum of a source is that of the version's image. Without a
// checksum it is not.
func (c *imageCheck) sameChecksum(ctx context.Context, s source.Source) bool {
	known, ok := source.KnownDigest(s)
	if ok && known == c.version.Digest.ValueString() {
		return true
	}
	if c.library == nil {
		return false
	}
	same, err := c.library.Images.HasSource(ctx, c.version.Digest.ValueString(), s)
	face.AddError(c.diags, "Could not compare image", err)
	return same
}

func (c *imageCheck) trust(s source.Source, why string) {
	c.diags.AddAttributeWarning(path.Root("source"), "Image not verified", fmt.Sprintf("Version %q was imported, and it "+
		"is unknown whether %s is its image: %s. The version stays as it is.", c.version.ID.ValueString(), s, why))
}
