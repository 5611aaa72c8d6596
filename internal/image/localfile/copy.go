package localfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"syscall"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// copyStep is how much is copied at a time, in bytes: between two steps the copy can be cancelled.
const copyStep = 8 << 20

// copyBuffer is how much is copied at a time by reading and writing, in bytes.
const copyBuffer = 256 << 10

// Copied is what a copy did.
type Copied struct {
	Bytes  int64 // that were copied
	Shared int64 // bytes that the copy shares with the file, instead of copied ones
}

// CopyTo copies the file's data into another file of this machine, and leaves its holes out: by
// sharing its blocks if the file system can, else by the kernel, or by reading and writing. The
// other file is open for reading and writing, as long as this one, and reads as zeros. CopyTo
// returns once the copy is on its disk. It calls notice with how many bytes were copied since the
// last call. If done is false, it could not copy, and the other file has at most data that belongs
// there. A caller that then sends the image finds out why.
func (f *File) CopyTo(ctx context.Context, to *os.File, notice func(n int64)) (result Copied, done bool, err error) {
	c := copying{from: f.File, to: to, notice: notice}
	if shareBlocks(to, f.File) == nil {
		// It may be less than in the file: room that was only reserved is not shared.
		for e := range dataOf(to, f.Size()) {
			result.Shared += e.Length
		}
	} else {
		for e := range dataOf(f.File, f.Size()) {
			if err := c.extent(ctx, e); err != nil {
				return Copied{}, false, c.failure(ctx, f.origin, err)
			}
			result.Bytes += e.Length
		}
	}
	if err := to.Sync(); err != nil { // what the disk loses after this is not written again
		return Copied{}, false, fmt.Errorf("storing %s in %s: %w", f.origin, to.Name(), cause(err))
	}
	return result, true, nil
}

// dataOf lists the stretches of a file of size bytes that hold data, according to the file system.
func dataOf(file *os.File, size int64) iter.Seq[image.Extent] {
	return func(yield func(image.Extent) bool) {
		for from := int64(0); from < size; {
			e, found := nextData(file, from, size)
			if !found || !yield(e) {
				return
			}
			from = e.End()
		}
	}
}

// copying copies from one file to the same offsets of another.
type copying struct {
	from, to *os.File
	notice   func(n int64)
	byHand   bool   // the kernel does not copy between these two
	buf      []byte // for copying by reading and writing
}

func (c *copying) extent(ctx context.Context, e image.Extent) error {
	for e.Length > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := c.some(e.Offset, min(e.Length, copyStep))
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF // the file has become shorter
		}
		c.notice(n)
		e.Offset, e.Length = e.Offset+n, e.Length-n
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
		c.byHand, c.buf = true, make([]byte, copyBuffer)
	}
	return io.CopyBuffer(io.NewOffsetWriter(c.to, offset), io.NewSectionReader(c.from, offset, length), c.buf)
}

// failure is the error of a copy that ended with err, or nil if the image can still be sent. A full
// disk is full for every writer, and this process gets a clearer error than the sink.
func (c *copying) failure(ctx context.Context, o image.Origin, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("copying %s: %w", o, context.Cause(ctx))
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("storing %s in %s: %w. Make room, or use another pool", o, c.to.Name(), syscall.ENOSPC)
	default:
		return nil
	}
}
