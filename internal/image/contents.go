package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	container "github.com/lima-vm/go-qcow2reader/image"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/blockmap"
)

func init() {
	qcow2.SetDecompressor(qcow2.CompressionTypeZstd, func(r io.Reader) (io.ReadCloser, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	})
}

// contents is the disk in an image whose bytes can be read in any order.
type contents struct {
	source Source
	io.ReaderAt
	size int64
	data func(from int64) (e extent, more bool, err error) // the first stretch at or after from that may not be zeros
}

// contents opens the disk in a local file that is not compressed.
func (im *Image) contents() (contents, error) {
	if im.Format == FormatQcow2 {
		return qcow2Contents(im.source, im.file)
	}
	rest := im.extents
	return contents{source: im.source, ReaderAt: im.file, size: im.VirtualSize, data: func(from int64) (extent, bool, error) {
		for len(rest) > 0 && rest[0].end() <= from {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return extent{}, false, nil
		}
		start := max(from, rest[0].offset)
		return extent{start, rest[0].end() - start}, true, nil
	}}, nil
}

// qcow2Contents opens the disk in a qcow2 image that Open has let pass: one that stands on nothing.
func qcow2Contents(s Source, r io.ReaderAt) (contents, error) {
	disk, err := qcow2.Open(r, func(io.ReaderAt, container.Type) (container.Image, error) {
		return nil, errors.New("it has a backing file")
	})
	if err == nil {
		err = disk.Readable()
	}
	if err != nil {
		return contents{}, s.notImage(adviceDamaged, "its qcow2 tables cannot be read (%v)", err)
	}
	size := disk.Size()
	return contents{source: s, ReaderAt: disk, size: size, data: func(from int64) (extent, bool, error) {
		for from < size {
			// A piece at a time: the library looks at each cluster, and a disk may have many.
			e, err := disk.Extent(from, min(size-from, 1<<30))
			if err != nil {
				return extent{}, false, fmt.Errorf("reading its qcow2 tables: %w", err)
			}
			if e.Length <= 0 {
				return extent{}, false, fmt.Errorf("reading its qcow2 tables: nothing is at byte %d", from)
			}
			if e.Allocated && !e.Zero {
				return extent{e.Start, e.Length}, true, nil
			}
			from = e.Start + e.Length
		}
		return extent{}, false, nil
	}}, nil
}

// readAhead is how much of a disk is read at once, in bytes, and a multiple of where reading begins: no less than the largest
// cluster of qcow2, so that each is decompressed once.
const readAhead = 2 << 20

// eachBlock hands out the blocks of the disk that are not zeros, in order. The last one may be shorter than the others. Data
// is do's until it returns.
func (c contents) eachBlock(ctx context.Context, do func(block int64, data []byte) error) error {
	buffer := make([]byte, readAhead)
	for from := int64(0); ; {
		e, more, err := c.data(from)
		if err != nil {
			return c.source.failed("reading", cause(err), "")
		}
		if !more {
			return nil
		}
		start := e.offset - e.offset%blockmap.BlockSize
		stop := min(start-start%readAhead+readAhead, e.end()+(blockmap.BlockSize-e.end()%blockmap.BlockSize)%blockmap.BlockSize)
		part := buffer[:min(stop, c.size)-start]
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("reading %s: %w", c.source, err)
		}
		if n, err := c.ReadAt(part, start); n < len(part) {
			if err == nil || ended(err) {
				err = ErrChanged // it has become shorter
			}
			return c.source.failed("reading", cause(err), "")
		}
		for at := start; at < start+int64(len(part)); at += blockmap.BlockSize {
			data := part[at-start:]
			data = data[:min(blockmap.BlockSize, len(data))]
			if bytes.Equal(data, zeros[:len(data)]) {
				continue
			}
			if err := do(at/blockmap.BlockSize, data); err != nil {
				return err
			}
		}
		from = stop
	}
}

// blocksOf hands out the blocks of a raw disk that arrives from its beginning to its end, as eachBlock does.
func blocksOf(r io.Reader, do func(block int64, data []byte) error) error {
	data := make([]byte, blockmap.BlockSize)
	for block := int64(0); ; block++ {
		n, err := io.ReadFull(r, data)
		if n > 0 && !bytes.Equal(data[:n], zeros[:n]) {
			if err := do(block, data[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
