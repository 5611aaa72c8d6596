package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// Request is what is wanted of a source.
type Request struct {
	Origin   image.Origin   // named and blamed in errors
	Platform Platform       // chooses from several images; a root file system is for any
	Want     image.Checksum // of the file at the source, as it is there; zero for none
	MaxBytes int64          // of an archive, decompressed; 0 for archive.DefaultBytes
}

// FromDirectory opens the image in a directory with an OCI layout. Symlinks in it that lead out of it
// are not followed.
//
// Errors: *image.SourceError if the directory cannot be read, *archive.RefusedError if it has no image
// that can be used, *PlatformError if it has none for the platform.
func FromDirectory(ctx context.Context, r Request, path string) (*Image, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, r.Origin.Failed("opening", err, "")
	}
	if r.Want != (image.Checksum{}) {
		err := errors.New("a directory has no checksum")
		return nil, errors.Join(image.Blame("checksum", "reading "+r.Origin.Name, err,
			"Leave the checksum out: the parts of an OCI layout have their own."), root.Close())
	}
	d := directory{root}
	for _, name := range []string{layoutFile, indexFile} {
		_, err := root.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = archive.Refuse(r.Origin, "", "Use a directory that skopeo copy, podman push or docker buildx wrote "+
				"as an OCI layout, or put a root file system into a tar archive.",
				"it is a directory without the file %s of an OCI layout", name)
		}
		if err != nil {
			return nil, errors.Join(unread(r.Origin, err), d.Close())
		}
	}
	return fromFiles(ctx, r, d)
}

// FromFile opens the image in a local file. The image closes the file, also when FromFile fails. A
// compressed archive is decompressed into a temporary file, unless it begins as a root file system
// does: that is decompressed each time that it is read.
//
// Errors: *image.SourceError when the bytes cannot be read, *image.ChecksumError, *archive.RefusedError
// if they are no image that can be used, *PlatformError if there is none for the platform.
func FromFile(ctx context.Context, r Request, file *localfile.File) (*Image, error) {
	c, _, err := Recognise(r.Origin, file.Section())
	if err == nil && c.Ext4 {
		err = isDisk(r.Origin)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	whole := file.Section()
	if c.Compression != "" && c.Root {
		if r.Want != (image.Checksum{}) {
			if _, err := check(ctx, r, whole); err != nil {
				return nil, errors.Join(err, file.Close())
			}
		}
		im := FromOpener(r, func(context.Context) (io.ReadCloser, error) { return io.NopCloser(file.Section()), nil })
		im.release = file.Close
		return im, nil
	}
	if c.Compression != "" {
		im, err := fromStream(ctx, r, transfer.Stream{Reader: whole, Size: file.Size()})
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if err := errors.Join(file.Unchanged(), file.Close()); err != nil {
			return nil, errors.Join(err, im.Close())
		}
		return im, nil
	}
	digest := ""
	if r.Want != (image.Checksum{}) {
		if digest, err = check(ctx, r, whole); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return fromTar(ctx, r, file, file.Size(), digest, file.Close)
}

// FromOpener opens a root file system that Content.Root was found for, in what can be opened again as
// often as it is to be read. Nothing is put into a temporary file. Request.Want is not used. An OCI
// layout that turns up behind other files is refused by Index.
func FromOpener(r Request, open func(ctx context.Context) (io.ReadCloser, error)) *Image {
	im := newRoot(r.Origin, "", func(ctx context.Context) (io.ReadCloser, error) {
		in, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{&cancelled{ctx, r.Origin, in}, in}, nil
	})
	im.packed = true
	return im
}

// isDisk refuses an ext4 file system, which is opened by package transfer.
func isDisk(o image.Origin) error {
	return archive.Refuse(o, "", adviceKinds, "it is an ext4 file system, and no archive")
}

// check verifies the checksum of a file. It returns the SHA-256, "sha256:hex", if it is that.
func check(ctx context.Context, r Request, file io.Reader) (digest string, err error) {
	sum := r.Want.New()
	if _, err := io.Copy(sum, &cancelled{ctx, r.Origin, file}); err != nil {
		return "", unread(r.Origin, err)
	}
	if err := r.Want.Check(r.Origin, sum); err != nil {
		return "", err
	}
	if r.Want.Algorithm() == "sha256" {
		digest = r.Want.String()
	}
	return digest, nil
}

// cancelled is a reader that ends with ctx.
type cancelled struct {
	ctx    context.Context //nolint:containedctx // io.Reader has none
	origin image.Origin
	r      io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, fmt.Errorf("reading %s: %w", c.origin, err)
	}
	return c.r.Read(p)
}

// fromTar opens the image in a tar archive of size bytes that can be read in any order. Digest is its
// SHA-256, "" if it is not known. The image calls release, also when fromTar fails.
func fromTar(
	ctx context.Context, r Request, in io.ReaderAt, size int64, digest string, release func() error,
) (*Image, error) {
	a, err := scan(ctx, r.Origin, in, size, release)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	if a.has(layoutFile) && a.has(indexFile) {
		return fromFiles(ctx, r, a)
	}
	if a.has(dockerFile) {
		if im, err := fromDocker(ctx, r, a); im != nil || err != nil {
			return im, err
		}
	}
	im := newRoot(r.Origin, digest, func(ctx context.Context) (io.ReadCloser, error) {
		return io.NopCloser(&cancelled{ctx, r.Origin, io.NewSectionReader(in, 0, size)}), nil
	})
	im.release = release
	return im, nil
}
