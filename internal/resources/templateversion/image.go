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

// notes is the private state of a resource: Terraform stores it, and only the provider reads it.
type notes interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// seenKey is the key in the notes of the last observed state of a watched source. Its value is the
// JSON of a source.Stamp.
const seenKey = "image"

// look looks at a watched source, for a version with that image, and records what it saw. The next
// look then reads the image again only if the image may have changed.
func look(ctx context.Context, s source.Watched, versions string, n notes) (source.Stamp, error) {
	form, err := source.FormOf(versions)
	if err != nil {
		return nil, err
	}
	before, _ := n.GetKey(ctx, seenKey)
	now, err := s.Look(ctx, before, form)
	if err == nil {
		note(ctx, now, n)
	}
	return now, err
}

// note records an observed state. Encoding it can fail only because of a bug, so note ignores
// errors.
func note(ctx context.Context, seen source.Stamp, n notes) {
	if text, err := json.Marshal(seen); err == nil {
		n.SetKey(ctx, seenKey, text)
	}
}

// stampOf records how a source looks before it is read. It returns nil if the source is not watched
// or does not exist.
func stampOf(ctx context.Context, s source.Source) source.Stamp {
	if watched, is := s.(source.Watched); is {
		if seen, err := watched.Stamp(ctx); err == nil {
			return seen
		}
	}
	return nil
}

// noteRegistered records the state of the source that a version was registered from. before is the
// state of the source just before the registration.
func noteRegistered(ctx context.Context, before source.Stamp, s source.Source, v catalog.Version, n notes) {
	if before == nil || s.Expected() != (image.Checksum{}) && v.Transferred == 0 {
		return // the pool may have had an image of that checksum, and then the source was not read
	}
	note(ctx, before.WithDigest(v.ImageID()), n)
}

// imageCheck compares the image that a version has with the image that its source has.
type imageCheck struct {
	version  *Model // as in the state
	image    string // that it has, see catalog.Version.ImageID; "" if that is not known
	form     catalog.Form
	replaced bool // the plan replaces the version in any case
	library  *library.Library
	notes    notes
	diags    *diag.Diagnostics
}

// unusable adds advice to an error of Open if the file is missing.
func unusable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w\n\n%s", err, destroyAdvice)
	}
	return err
}

// destroyAdvice helps if an image file stops a plan. Before terraform destroy plans the removal, it
// makes a normal plan, and the request does not tell the provider which of the two it is for.
const destroyAdvice = "If terraform destroy stops here, add -refresh=false: it then does not plan the configuration " +
	"first."

// unchanged reports a watched source that now has another image. It does not report a missing
// source, because a registered version no longer needs it and not every machine that plans has it.
// If a source exists but cannot be read, unchanged warns. The next plan reads it again.
func (c *imageCheck) unchanged(ctx context.Context, s source.Source) {
	watched, is := c.watched(ctx, s)
	if !is || c.image == "" {
		return
	}
	id, version := c.version.ID.ValueString(), c.image
	seen, err := look(ctx, watched, version, c.notes)
	if err == nil && seen.Digest() == version || errors.Is(err, fs.ErrNotExist) {
		return
	}
	const advice = "Versions do not change: register it as a new version with a higher number, or restore the old " +
		"image. " + destroyAdvice
	if c.form == catalog.FormRoot && source.IsNoRoot(err) {
		c.diags.AddAttributeError(path.Root("source"), "Image has changed", fmt.Sprintf("%s is no longer the image of "+
			"version %q. %s %s", s, id, finding.Sentence(err), advice))
		return
	}
	if err != nil {
		c.diags.AddAttributeWarning(path.Root("source"), "Image not verified",
			fmt.Sprintf("It is unknown whether %s is still "+
				"the image of version %q. %s The version stays as it is: the pool has its image.", s, id,
				finding.Sentence(err)))
		return
	}
	known := "digest"
	if c.form == catalog.FormRoot {
		known = "identity"
	}
	c.diags.AddAttributeError(path.Root("source"), "Image has changed",
		fmt.Sprintf("%s is no longer the image of version "+
			"%q: its %s is %s, the version's is %s. %s", s, id, known, seen.Digest(), version, advice))
}

// same reports whether another source has the version's image. If the source is not watched or does
// not exist, only its checksum can prove that. The state of an imported version has no source to
// compare with, so in doubt the version stays as it is.
func (c *imageCheck) same(ctx context.Context, s source.Source) bool {
	imported := c.version.Source.IsNull()
	watched, is := c.watched(ctx, s)
	if !is || c.image == "" {
		face.AddError(c.diags, "Invalid image source", s.Validate())
		same := c.sameChecksum(ctx, s)
		if !same && imported && s.Expected() == (image.Checksum{}) {
			c.trust(s, "only a checksum of the source could tell")
			return true
		}
		return same
	}
	var seen source.Stamp
	form, err := source.FormOf(c.image)
	if err == nil {
		seen, err = watched.Read(ctx, form)
	}
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
	return seen.Digest() == c.image
}

// watched is a source that can be watched, as one of an image of the version's form.
func (c *imageCheck) watched(ctx context.Context, s source.Source) (source.Watched, bool) {
	if c.library != nil {
		as, err := c.library.Images.For(ctx, c.form, s)
		if err != nil {
			face.AddError(c.diags, "Could not read host", err)
			return nil, false
		}
		s = as
	}
	watched, is := s.(source.Watched)
	return watched, is
}

// sameChecksum reports whether the source's checksum is that of the version's image. It returns
// false for a source without a checksum. If it matters, and nothing else tells, it has the stored
// image read.
func (c *imageCheck) sameChecksum(ctx context.Context, s source.Source) bool {
	want, checksum := c.version.Digest.ValueString(), s.Expected()
	if checksum == (image.Checksum{}) {
		return false
	}
	if checksum.String() == want { // an earlier provider registered it
		return true
	}
	if c.library == nil {
		return false
	}
	same, err := c.library.Images.HasSource(ctx, want, s)
	if err == nil && !same && !c.replaced {
		same, err = c.library.Images.IsOf(ctx, want, s)
	}
	face.AddError(c.diags, "Could not compare image", err)
	return same
}

func (c *imageCheck) trust(s source.Source, why string) {
	c.diags.AddAttributeWarning(path.Root("source"), "Image not verified",
		fmt.Sprintf("Version %q was imported, and it "+
			"is unknown whether %s is its image: %s. The version stays as it is.", c.version.ID.ValueString(), s, why))
}
