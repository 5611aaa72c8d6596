package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/compression"
	"github.com/novacron/terraform-provider-novacron/internal/image/probe"
	"github.com/novacron/terraform-provider-novacron/internal/image/verity"
)

// stream is one reading of an image from beginning to end, decompressed on the way.
type stream struct {
	im      *Image
	in      *tap       // what comes from the source
	out     io.Reader  // the image
	parts   func() int // of a compressed image; nil if it is not compressed
	release func()
}

func (p *stream) close() { p.release() }

// newStream starts a reading of a source of size bytes, or -1 for unknown. It finds out what kind
// of image it is, and records that.
func newStream(im *Image, r io.Reader, size int64) (*stream, error) {
	in := &tap{origin: im.origin, r: r}
	head, err := readHead(in)
	if err != nil {
		return nil, err
	}
	im.PackedSize = size
	packed := compression.Of(head)
	if packed == nil {
		p := &stream{im: im, in: in, out: io.MultiReader(bytes.NewReader(head), in), release: func() {}}
		return p, im.recognise(head, size)
	}
	im.Compression, im.extents = packed.Name, nil
	in.again = head
	if im.want != (image.Checksum{}) {
		in.sum = im.want.New()
	}
	u, err := packed.Open(im.origin, in)
	if err != nil {
		return nil, err
	}
	p := &stream{im: im, in: in, parts: u.Parts, release: u.Close}
	if head, err = readHead(u); err == nil {
		p.out = io.MultiReader(bytes.NewReader(head), u)
		err = im.recognise(head, -1)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// readHead reads the bytes by which a file is recognised.
func readHead(r io.Reader) ([]byte, error) {
	head := make([]byte, probe.HeadSize)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF { // compared with ==: a reader that fails returns its own error
		err = nil
	}
	return head[:n], err
}

// recognise finds out what kind of image begins with head, and how large it is. It is called again
// when the size is known.
func (im *Image) recognise(head []byte, size int64) error {
	format, virtual, err := probe.Image(im.origin, bytes.NewReader(head), size)
	if err != nil {
		return inside(im.Compression, err)
	}
	im.head, im.Format, im.VirtualSize, im.Size = head, format, max(virtual, 0), size
	return nil
}

// inside adds to an error about an image that the image was compressed.
func inside(packed string, err error) error {
	if packed == "" {
		return err
	}
	before := "it is compressed with " + packed + ", and inside "
	if e, ok := errors.AsType[*image.NotAnImageError](err); ok {
		return &image.NotAnImageError{Origin: e.Origin, Reason: before + e.Reason, Advice: e.Advice}
	}
	if e, ok := errors.AsType[*image.UnsupportedImageError](err); ok {
		return &image.UnsupportedImageError{Origin: e.Origin, Reason: before + e.Reason, Advice: e.Advice, Root: e.Root}
	}
	return err
}

// limit is how long an image of unknown size may become before it is given up: not longer than its
// disk with the tables of its format, and not longer than the room allows.
func (im *Image) limit(room int64) (int64, error) {
	const reason = "it is longer than the disk of %d bytes that it declares: it holds snapshots, or was " +
		"made to fill up a disk when it is decompressed"
	if im.Format == image.FormatQcow2 {
		// Tables take 1/32 of the smallest clusters that there are; the rest is for snapshots and spare
		// tables.
		if declared := im.VirtualSize + im.VirtualSize/8 + 64<<20; declared < room {
			const advice = "Convert it with qemu-img convert -O qcow2 IMAGE NEW.qcow2."
			return declared, im.origin.Unsupported(advice, reason, im.VirtualSize)
		}
	}
	return room, im.origin.Unsupported("Make room, or use another pool.",
		"it is longer than the %d MiB that there is room for", room>>20)
}

// through lets take read the whole stream, limit bytes at most, and hashes it meanwhile, which it
// shows to visit unless that is nil. Reading ends with ctx. It closes the stream.
func (p *stream) through(
	ctx context.Context, s sending, visit verity.Visit, take func(r io.Reader, limit int64) error,
) (digest string, err error) {
	defer p.close()
	im := p.im
	shown := newProgress(im.PackedSize, s.progress)
	shown.done = p.in.n
	p.in.notice = shown.at
	of := s.summing(visit)
	if im.Compression == "" { // otherwise the checksum is of what comes from the source
		of.want = im.want
	}
	limit, tooLong := im.limit(s.room)
	if s.tooLong != nil && limit == s.room {
		tooLong = s.tooLong
	}
	if im.Size >= 0 {
		limit, tooLong = im.Size, im.origin.Failed("reading", fmt.Errorf("it has more than the %d "+
			"bytes that were announced", im.Size), "Apply again.")
	}
	in := &bounded{r: &cancelled{ctx, im.origin, p.out}, left: limit, over: tooLong}
	sum := of.start()
	defer sum.end()
	err = take(io.TeeReader(in, sum), limit)
	if err == nil {
		err = p.end(limit - in.left)
	}
	if err == nil && im.from.Done != nil {
		err = im.from.Done(ctx)
	}
	if err != nil {
		return "", err
	}
	got, err := sum.finish(im.origin)
	if err != nil {
		return "", err
	}
	im.known(s.form, got.digest)
	if err := s.digested(got, nil); err != nil {
		return "", err
	}
	shown.end()
	return got.digest, nil
}

// end checks that everything has passed, and that it is what it should be. Plain is how many bytes
// the image had.
func (p *stream) end(plain int64) error {
	im := p.im
	if im.Compression != "" {
		// The checksum is of the whole file, including what a decompressor leaves after its last mark.
		if _, err := io.Copy(io.Discard, p.in); err != nil {
			return err
		}
		if p.in.sum != nil {
			if err := im.want.Check(im.origin, p.in.sum); err != nil {
				return err
			}
		}
	}
	if p.in.n != im.PackedSize && im.PackedSize >= 0 {
		cut := &image.CutError{Err: io.ErrUnexpectedEOF}
		err := fmt.Errorf("%w: it has %d bytes, where %d were announced", cut, p.in.n, im.PackedSize)
		return im.origin.Failed("reading", err, "Apply again.")
	}
	if im.Size < 0 {
		if err := im.recognise(im.head, plain); err != nil {
			return err
		}
	}
	parts := 0
	if p.parts != nil {
		parts = p.parts()
	}
	return im.checkTold(parts)
}

// cancelled is a reader that ends with ctx. Its input may have no end, also when decompressed.
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

// bounded fails once there are more than left bytes.
type bounded struct {
	r    io.Reader
	left int64
	over error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		p = p[:min(1, len(p))]
	} else {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.r.Read(p)
	if b.left == 0 && n > 0 {
		return 0, b.over
	}
	b.left -= int64(n)
	return n, err
}

// tap counts what comes from a source, and hashes it if the checksum is not that of the image.
type tap struct {
	origin image.Origin
	r      io.Reader
	again  []byte    // read already, and returned once more
	n      int64     // bytes that have come, all of which were returned once or are in again
	sum    hash.Hash // nil if nothing is to be hashed
	err    error
	notice func(n int64)
}

func (t *tap) Read(p []byte) (int, error) {
	if len(t.again) > 0 {
		n := copy(p, t.again)
		t.again = t.again[n:]
		t.hash(p[:n])
		return n, nil
	}
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.r.Read(p)
	t.n += int64(n)
	if t.notice != nil {
		t.notice(t.n)
	}
	t.hash(p[:n])
	if err != nil && !image.Ended(err) {
		err = t.origin.Unread(err)
	}
	if t.err = err; n > 0 {
		err = nil // returned next time: not all decompressors expect it with the last bytes
	}
	return n, err
}

func (t *tap) hash(p []byte) {
	if t.sum != nil {
		t.sum.Write(p)
	}
}

// checkTold refuses an image that ended with its connection and does not show that it is whole.
// Parts is the number of compressed parts, one after the other: the end of the first need not be
// the end of the last.
func (im *Image) checkTold(parts int) error {
	if im.want != (image.Checksum{}) || im.from.Untold == nil || parts == 1 {
		return nil
	}
	err := im.from.Untold()
	if err != nil && im.Format == image.FormatQcow2 { // see CheckStored
		im.proveWhole = true
		return nil
	}
	return err
}
