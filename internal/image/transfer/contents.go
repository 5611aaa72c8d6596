package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"

	container "github.com/lima-vm/go-qcow2reader/image"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
)

// contents is the disk in an image whose bytes can be read in any order.
type contents struct {
	origin image.Origin
	io.ReaderAt
	size int64
	// data hands out the stretches that may not be zeros, in order. It ends with ctx.
	data func(ctx context.Context, do func(image.Extent) error) error
	// blame tells why what ReadAt was to read is not there.
	blame func(error) error
}

// qcow2Contents opens the disk in a qcow2 image that Open has let pass: one that stands on nothing, in a file of size bytes. Where
// there is data, its tables tell; the library, which has no better answer than to look at each cluster of the disk, reads it.
func qcow2Contents(ctx context.Context, o image.Origin, r io.ReaderAt, size int64) (contents, error) {
	tables, err := newQcow2Tables(ctx, o, r, size)
	if err != nil {
		return contents{}, err
	}
	file := &wholeClusters{r: r, size: size}
	disk, err := qcow2.Open(file, func(io.ReaderAt, container.Type) (container.Image, error) {
		return nil, errors.New("it has a backing file")
	})
	if err == nil {
		err = disk.Readable()
	}
	damaged := func(err error) error {
		if file.err != nil {
			return o.Unread(file.err)
		}
		return o.NotImage(adviceDamaged, "a cluster of it cannot be read (%v)", err)
	}
	if err != nil {
		return contents{}, damaged(err)
	}
	return contents{origin: o, ReaderAt: disk, size: disk.Size(), blame: damaged, data: tables.data}, nil
}

// maxStretch is how long a stretch of data is at most, in bytes, so that tables are not read far ahead of the data.
const maxStretch = 1 << 30

// data hands out the stretches of the disk that may not be zeros.
func (t *qcow2Tables) data(ctx context.Context, do func(image.Extent) error) error {
	t.ctx, t.read = ctx, 0
	var next image.Extent
	err := t.clusters(func(c qcow2Cluster) error {
		if !c.data || c.disk >= t.disk {
			return nil
		}
		e := image.Extent{Offset: int64(c.disk), Length: int64(min(t.cluster, t.disk-c.disk))}
		if next.End() == e.Offset && next.Length > 0 && next.Length < maxStretch {
			next.Length += e.Length
			return nil
		}
		before := next
		next = e
		if before.Length == 0 {
			return nil
		}
		return do(before)
	})
	if err == nil && next.Length > 0 {
		err = do(next)
	}
	return err
}

// wholeClusters is the file of a qcow2 image, whose last cluster may be cut short: what is missing reads as zeros, as in QEMU.
type wholeClusters struct {
	r    io.ReaderAt
	size int64
	err  error // that reading the file ended with
}

// ReadAt implements io.ReaderAt.
func (w *wholeClusters) ReadAt(p []byte, offset int64) (int, error) {
	inside := p[:max(0, min(int64(len(p)), w.size-offset))]
	if n, err := w.r.ReadAt(inside, offset); n < len(inside) {
		if err == nil || image.Ended(err) {
			err = image.ErrChanged // it has become shorter
		}
		w.err = err
		return n, err
	}
	clear(p[len(inside):])
	return len(p), nil
}

// readAhead is how much of a disk is read at once, in bytes, and a multiple of where reading begins: no less than the largest
// cluster of qcow2, so that each is decompressed once.
const readAhead = 2 << 20

// eachBlock hands out the blocks of the disk that are not zeros, in order. The last one may be shorter than the others. Data
// is do's until it returns.
func (c contents) eachBlock(ctx context.Context, do func(block int64, data []byte) error) error {
	buffer := make([]byte, min(readAhead, c.size))
	var seen int64 // the disk up to there: several stretches may be in one block
	return c.data(ctx, func(e image.Extent) error {
		for start := max(seen, e.Offset-e.Offset%blockmap.BlockSize); start < e.End(); start = seen {
			if err := context.Cause(ctx); err != nil {
				return fmt.Errorf("reading %s: %w", c.origin, err)
			}
			seen = min(start-start%readAhead+readAhead, e.End()+(blockmap.BlockSize-e.End()%blockmap.BlockSize)%blockmap.BlockSize)
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

// eachOf hands out the blocks that are not zeros of a part of a disk, which begins at a byte.
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
