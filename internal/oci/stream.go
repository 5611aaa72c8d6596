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
	"math"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/compression"
	"github.com/novacron/terraform-provider-novacron/internal/image/spool"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

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
