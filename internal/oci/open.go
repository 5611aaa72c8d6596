package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/compression"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/image/spool"
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
// compressed file is decompressed into a temporary one.
//
// Errors: *image.SourceError when the bytes cannot be read, *image.ChecksumError, *archive.RefusedError
// if they are no image that can be used, *PlatformError if there is none for the platform.
func FromFile(ctx context.Context, r Request, file *localfile.File) (*Image, error) {
	c, _, err := Recognise(r.Origin, io.NewSectionReader(file, 0, file.Size()))
	if err == nil && c.Ext4 {
		err = isDisk(r.Origin)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	whole := io.NewSectionReader(file, 0, file.Size())
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

// FromStream is FromFile for an image that passes only once. It is put into a temporary file,
// decompressed, because its parts are read in another order. The stream is ended in any case.
func FromStream(ctx context.Context, r Request, s transfer.Stream) (im *Image, err error) {
	if s.Abort != nil {
		defer s.Abort(errors.New("the image was read"))
		s.Abort = nil
	}
	c, whole, err := Peek(r.Origin, s)
	if err == nil && c.Ext4 {
		err = isDisk(r.Origin)
	}
	if err != nil {
		return nil, err
	}
	return fromStream(ctx, r, whole)
}

func fromStream(ctx context.Context, r Request, s transfer.Stream) (*Image, error) {
	file, err := spool.New()
	if err != nil {
		return nil, r.Origin.Failed("reading", err, adviceSpool)
	}
	size, digest, err := keep(ctx, r, s, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return fromTar(ctx, r, file, size, digest, file.Close)
}

const adviceSpool = "Set TMPDIR to a directory with more room."

// keep puts a stream into a file, decompressed, and verifies it. It returns size and SHA-256 of that.
func keep(ctx context.Context, r Request, s transfer.Stream, file *spool.File) (size int64, digest string, err error) {
	in := &source{r: &cancelled{ctx, r.Origin, s.Reader}, sum: r.Want.New()}
	head, err := headOf(in)
	if err != nil {
		return 0, "", unread(r.Origin, err)
	}
	plain := io.MultiReader(bytes.NewReader(head), in)
	if method := compression.Of(head); method != nil {
		u, err := method.Open(r.Origin, plain)
		if err != nil {
			return 0, "", archive.Refused("", in.blame(r.Origin, err))
		}
		defer u.Close()
		plain = u
	}
	sum := sha256.New()
	limit, tooLong := r.room(file)
	size, err = io.Copy(io.MultiWriter(file, sum), io.LimitReader(plain, limit+1))
	if full, ok := errors.AsType[*spool.FullError](err); ok {
		return 0, "", r.Origin.Failed("reading", full, adviceSpool)
	}
	if err != nil {
		return 0, "", archive.Refused("", in.blame(r.Origin, err))
	}
	if size > limit {
		return 0, "", tooLong
	}
	parts := 0
	if u, is := plain.(*compression.Reader); is {
		parts = u.Parts()
	}
	return size, "sha256:" + hex.EncodeToString(sum.Sum(nil)), in.end(ctx, r, s, parts)
}

// room is how many bytes may be put into a file.
func (r Request) room(file *spool.File) (limit int64, exceeded error) {
	limit = r.MaxBytes
	if limit == 0 {
		limit = archive.DefaultBytes
	}
	exceeded = archive.Refuse(r.Origin, "", "Inspect it: it may have been made to fill up a disk.",
		"it has more than %d MiB when it is decompressed", limit>>20)
	if room, free, known := file.Room(); known && room < limit {
		limit = room
		exceeded = r.Origin.Failed("reading", fmt.Errorf("it needs a temporary file, and %s has %d MiB free",
			file.Dir(), free>>20), adviceSpool)
	}
	return min(limit, math.MaxInt64-1), exceeded
}

// source counts and hashes what comes from a source, and keeps the error with which it ended.
type source struct {
	r   io.Reader
	n   int64
	sum hash.Hash // nil for none
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if s.sum != nil {
		s.sum.Write(p[:n])
	}
	if err != nil && !image.Ended(err) {
		s.err = err
	}
	return n, err
}

// blame distinguishes a source that was not read from content that is damaged.
func (s *source) blame(o image.Origin, err error) error {
	if s.err != nil {
		return unread(o, s.err)
	}
	return err
}

// end reads what a decompressor leaves, and checks that the source had everything. Parts is as in
// compression.Reader; 0 if it is not compressed.
func (s *source) end(ctx context.Context, r Request, from transfer.Stream, parts int) error {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return unread(r.Origin, err)
	}
	if from.Size >= 0 && s.n != from.Size {
		return r.Origin.Failed("reading", fmt.Errorf("it has %d bytes, where %d were announced", s.n, from.Size),
			"Apply again.")
	}
	switch {
	case s.sum != nil:
		if err := r.Want.Check(r.Origin, s.sum); err != nil {
			return err
		}
	case from.Untold != nil && parts != 1: // the end of one part is the end of the file
		if err := from.Untold(); err != nil {
			return err
		}
	}
	if from.Done != nil {
		return from.Done(ctx)
	}
	return nil
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
