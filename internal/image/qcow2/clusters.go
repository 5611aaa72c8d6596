package qcow2

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	format "github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// The library reads a compressed cluster by one Read of a decompressor that it opens for it. A
// decompressor may return less than it was asked for, and io.EOF with the last bytes. The library
// takes the former for the end of the cluster's piece, which it then decompresses from its
// beginning for the next one, and the latter for a failure. So it gets decompressors that read
// everything that is asked for. They are reused: a cluster may be as small as a sector.
func init() {
	format.SetDecompressor(format.CompressionTypeZlib, pooled(func() (inflater, error) {
		return &deflated{in: bufio.NewReader(nil)}, nil
	}))
	format.SetDecompressor(format.CompressionTypeZstd, pooled(func() (inflater, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(image.MaxWindow))
	}))
}

// inflater decompresses one input after another.
type inflater interface {
	io.Reader
	Reset(r io.Reader) error
}

// deflated decompresses raw deflate data (RFC 1951), as qcow2 calls zlib.
type deflated struct {
	in *bufio.Reader
	z  io.ReadCloser
}

func (d *deflated) Read(p []byte) (int, error) { return d.z.Read(p) }

func (d *deflated) Reset(r io.Reader) error {
	d.in.Reset(r)
	if d.z == nil {
		d.z = flate.NewReader(d.in)
		return nil
	}
	reset, ok := d.z.(flate.Resetter)
	if !ok {
		return errors.New("the decompressor cannot be used again")
	}
	return reset.Reset(d.in, nil)
}

// pooled is a decompressor of clusters that reuses inflaters.
func pooled(open func() (inflater, error)) format.Decompressor {
	var pool sync.Pool
	return func(r io.Reader) (io.ReadCloser, error) {
		z, ok := pool.Get().(inflater)
		if !ok {
			var err error
			if z, err = open(); err != nil {
				return nil, err
			}
		}
		if err := z.Reset(r); err != nil {
			return nil, err
		}
		return &inflating{z: z, pool: &pool}, nil
	}
}

// inflating is an inflater that decompresses a cluster.
type inflating struct {
	z    inflater
	pool *sync.Pool
}

// Read fills p: a cluster that has less is damaged.
func (i *inflating) Read(p []byte) (int, error) {
	n, err := io.ReadFull(i.z, p)
	if image.Ended(err) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("its data ends too soon: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}

// Close returns the inflater to the pool.
func (i *inflating) Close() error {
	i.pool.Put(i.z)
	return nil
}
