package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"syscall"
)

// Into has Send copy an image that is a local file, and not compressed, into another file of this machine instead of handing
// it to the sink: by sharing its blocks where the file system can, else by the kernel, or by reading and writing. The file is
// open for reading and writing, as long as the image, and reads as zeros; Send closes it. What cannot be copied goes to the
// sink all the same, which has to lead to the same file.
func Into(file *os.File) Option { return func(s *sending) { s.into = file } }

// copyStep is how much is copied at a time, in bytes: in between it may be cancelled.
const copyStep = 8 << 20

// copyInto copies the file's data, and leaves its holes out. It returns once the copy is on its disk. Where done is false,
// it could not, and the copy has at most data that belongs there: whoever sends the image instead finds out why.
func (im *Image) copyInto(ctx context.Context, to *os.File, p *progress) (result Result, done bool, err error) {
	c := copying{from: im.file, to: to}
	result.Copied, result.Size = true, im.Size
	if shareBlocks(to, im.file) == nil {
		for e := range dataOf(to, im.Size) { // which may be less than in the file: room that was only set aside is not shared
			result.Shared += e.length
		}
	} else {
		for e := range dataOf(im.file, im.Size) {
			if err := c.extent(ctx, e, p); err != nil {
				return Result{}, false, c.failure(ctx, im, err)
			}
			result.Transferred += e.length
		}
	}
	if err := to.Sync(); err != nil { // what the disk has lost is written by nobody once more
		return Result{}, false, fmt.Errorf("storing %s in %s: %w", im.origin, to.Name(), cause(err))
	}
	p.at(p.total)
	return result, true, nil
}

// dataOf lists the stretches of a file of size bytes that hold data, as the file system has them.
func dataOf(file *os.File, size int64) iter.Seq[extent] {
	return func(yield func(extent) bool) {
		for from := int64(0); from < size; {
			e, found := nextData(file, from, size)
			if !found || !yield(e) {
				return
			}
			from = e.end()
		}
	}
}

// copying copies from one file to the same places of another.
type copying struct {
	from, to *os.File
	byHand   bool   // the kernel does not copy between these two
	buf      []byte // for what is copied by hand
}

func (c *copying) extent(ctx context.Context, e extent, p *progress) error {
	for e.length > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := c.some(e.offset, min(e.length, copyStep))
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF // it has become shorter
		}
		p.add(n)
		e.offset, e.length = e.offset+n, e.length-n
	}
	return nil
}

// some copies length bytes at offset, or fewer.
func (c *copying) some(offset, length int64) (int64, error) {
	if !c.byHand {
		n, err := copyRange(c.to, c.from, offset, length)
		if n > 0 || errors.Is(err, syscall.ENOSPC) {
			return n, err
		}
		c.byHand, c.buf = true, make([]byte, behindBufferSize)
	}
	return io.CopyBuffer(io.NewOffsetWriter(c.to, offset), io.NewSectionReader(c.from, offset, length), c.buf)
}

// failure is the error of a copy that ended with err, or nil where the image can still be sent. A full disk is full for whoever
// writes to it, and this process is told so more plainly than the sink.
func (c *copying) failure(ctx context.Context, im *Image, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("copying %s: %w", im.origin, context.Cause(ctx))
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("storing %s in %s: %w. Make room, or use another pool", im.origin, c.to.Name(), syscall.ENOSPC)
	default:
		return nil
	}
}
