package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
)

// contents is the disk in an image whose bytes can be read in any order.
type contents struct {
	origin image.Origin
	io.ReaderAt
	size int64
	// data passes on the stretches that may not be zeros, in order. It ends with ctx.
	data func(ctx context.Context, do func(image.Extent) error) error
	// blame says why what ReadAt was to read is missing.
	blame func(error) error
}

// qcow2Contents opens the disk in a qcow2 image, in a file of size bytes. Errors are those of
// qcow2.Open.
func qcow2Contents(ctx context.Context, o image.Origin, r io.ReaderAt, size int64) (contents, error) {
	disk, err := qcow2.Open(ctx, o, r, size)
	if err != nil {
		return contents{}, err
	}
	return contents{origin: o, ReaderAt: disk, size: disk.Size(), data: disk.Data, blame: disk.Unread}, nil
}

// readAhead is how much of a disk is read at once, in bytes. Reading begins at a multiple of it. It
// is not less than the largest qcow2 cluster, so that each cluster is decompressed once.
const readAhead = 2 << 20

// eachBlock passes on the blocks of the disk that are not zeros, in order. The last one may be
// shorter than the others. do owns data until it returns.
func (c contents) eachBlock(ctx context.Context, do func(block int64, data []byte) error) error {
	buffer := make([]byte, min(readAhead, c.size))
	var seen int64 // the disk up to here was read: several stretches may be in one block
	return c.data(ctx, func(e image.Extent) error {
		for start := max(seen, e.Offset-e.Offset%blockmap.BlockSize); start < e.End(); start = seen {
			if err := context.Cause(ctx); err != nil {
				return fmt.Errorf("reading %s: %w", c.origin, err)
			}
			// including its last block
			ends := e.End() + (blockmap.BlockSize-e.End()%blockmap.BlockSize)%blockmap.BlockSize
			seen = min(start-start%readAhead+readAhead, ends)
			part := buffer[:min(seen, c.size)-start]
			if n, err := c.ReadAt(part, start); n < len(part) {
				return c.blame(err)
			}
			if err := eachOf(part, start, do); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachOf passes on the blocks that are not zeros of a part of a disk, which begins at a byte.
func eachOf(part []byte, start int64, do func(block int64, data []byte) error) error {
	for at := 0; at < len(part); at += blockmap.BlockSize {
		data := part[at:min(at+blockmap.BlockSize, len(part))]
		if bytes.Equal(data, zeros[:len(data)]) {
			continue
		}
		if err := do((start+int64(at))/blockmap.BlockSize, data); err != nil {
			return err
		}
	}
	return nil
}
