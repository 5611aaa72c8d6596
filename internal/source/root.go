package source

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// Rooted is a source that can have the root file system of a container.
type Rooted interface {
	Source
	// AsRoot is the same source, looked at as one of a root file system for a platform.
	AsRoot(p oci.Platform) RootSource
}

// RootSource is a source of a root file system. If it is Probed or Watched, that looks for one, and the
// digest of a stamp is the Identity of what is there. If that cannot be read, or is no image, Look returns
// the error of OpenRoot, so that no stamp claims to know it.
type RootSource interface {
	Source
	// OpenRoot finds the image and recognises it by its content. The context limits the life of what is
	// opened. Errors are those of oci.FromFile, and for an ext4 file system those of Open.
	OpenRoot(ctx context.Context) (Root, error)
}

// IsNoRoot reports whether an error of a RootSource says that something else is there than an image that
// can be used, and not that it could not be read.
func IsNoRoot(err error) bool {
	_, refused := errors.AsType[*archive.RefusedError](err)
	_, other := errors.AsType[*oci.PlatformError](err)
	return refused || other
}

// Root is what can become the root file system of a container. It has one of both.
type Root struct {
	Image *oci.Image      // whose layers are to be flattened
	Disk  *transfer.Image // a raw ext4 file system, which is stored as it is
}

// Close releases what was opened.
func (r Root) Close() error {
	if r.Image != nil {
		return r.Image.Close()
	}
	return r.Disk.Close()
}

// Identity says which image it is: the identity of an oci.Image, or the digest of a file system, of that
// form. It may read the image.
func (r Root) Identity(ctx context.Context, form digest.Form) (string, error) {
	if r.Disk != nil {
		if r.Disk.Plain() {
			return r.Disk.Digest(ctx, form)
		}
		read, err := r.Disk.Send(ctx, transfer.Discard, transfer.As(form))
		return read.Digest, err
	}
	id, err := r.Image.Identify(ctx)
	return id.String(), err
}

// FormOf is the form in which a source is to say which image it has, so that it can be compared with
// an identity or a digest.
func FormOf(identity string) (digest.Form, error) {
	if _, err := oci.ParseIdentity(identity); err == nil {
		return digest.Current, nil
	}
	return digest.FormOf(identity)
}

// ForRoot is a source for a template of containers. Validate of one that cannot have a root file system
// says so.
func ForRoot(s Source, p oci.Platform) RootSource {
	if rooted, can := s.(Rooted); can {
		return rooted.AsRoot(p)
	}
	return rootless{s}
}

// rootless is a source that has disks of machines alone.
type rootless struct{ Source }

// Validate implements Source.
func (r rootless) Validate() error {
	if err := r.Source.Validate(); err != nil {
		return err
	}
	return image.Blame(r.Attribute(), "reading the source "+r.String(),
		errors.New("it is the disk of a machine, and the template is for containers"),
		"Use path, url or volume with an OCI image or a root file system.")
}

// Same implements Source.
func (r rootless) Same(other Source) bool {
	o, is := other.(rootless)
	return is && r.Source.Same(o.Source)
}

// Open implements Source.
func (r rootless) Open(context.Context) (*transfer.Image, error) { return nil, r.Validate() }

// OpenRoot implements RootSource.
func (r rootless) OpenRoot(context.Context) (Root, error) { return Root{}, r.Validate() }

// RootRequest is what a source asks package oci for.
func RootRequest(s Source, p oci.Platform) oci.Request {
	return oci.Request{Origin: Origin(s), Platform: p, Want: s.Expected()}
}

// RootOfFile opens the root file system in a local file, which it closes, also when it fails.
func RootOfFile(ctx context.Context, r oci.Request, file *localfile.File) (Root, error) {
	c, _, err := oci.Recognise(r.Origin, file.Section())
	switch {
	case err != nil:
		return Root{}, errors.Join(err, file.Close())
	case c.Ext4:
		disk, err := transfer.FromFile(ctx, r.Origin, r.Want, file)
		return Root{Disk: disk}, err
	}
	im, err := oci.FromFile(ctx, r, file)
	return Root{Image: im}, err
}

// RootOfStream opens the root file system in a stream, which it ends when it fails. An ext4 file system
// passes on; an image is put into a temporary file.
func RootOfStream(ctx context.Context, r oci.Request, s transfer.Stream) (Root, error) {
	c, whole, err := oci.Peek(r.Origin, s)
	switch {
	case err != nil:
		return Root{}, err
	case c.Ext4:
		disk, err := transfer.FromStream(r.Origin, r.Want, whole)
		return Root{Disk: disk}, err
	}
	im, err := oci.FromStream(ctx, r, whole)
	return Root{Image: im}, err
}
