// Package archive reads the layers of container images, which are tar archives that anyone can make.
// It decompresses and verifies them while they are read, checks each entry, and refuses what must not
// be in a root file system. It keeps nothing of what it has read.
package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Reader reads the entries of one layer, in their order. It is not safe for concurrent use.
type Reader struct {
	origin  image.Origin
	layer   string
	devices Devices
	budget  *Budget
	content *content
	in      *failing
	tar     *tar.Reader
	number  int // of the next entry
}

// Options say how layers are read.
type Options struct {
	Origin  image.Origin // named and blamed in errors
	Devices Devices
}

// Read opens a layer for reading. Its bytes are taken from the budget. Reading ends with ctx. Errors
// are those of Layer.Open, and *RefusedError.
func (l Layer) Read(ctx context.Context, o Options, budget *Budget) (*Reader, error) {
	c, err := l.open(ctx, o.Origin, budget)
	if err != nil {
		return nil, err
	}
	in := &failing{r: c}
	return &Reader{
		origin:  o.Origin,
		layer:   l.Name,
		devices: o.Devices,
		budget:  budget,
		content: c,
		in:      in,
		tar:     tar.NewReader(in),
	}, nil
}

// failing keeps the error with which reading ended.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !image.Ended(err) {
		f.err = err
	}
	return n, err
}

// Close releases the layer.
func (r *Reader) Close() error { return r.content.Close() }

// Next returns the next entry, with its content in Read. It returns io.EOF after the last one, once
// the whole layer is verified. Other errors are *RefusedError, and those of the layer's content.
func (r *Reader) Next() (*Entry, error) {
	for {
		h, err := r.tar.Next()
		if image.Ended(err) {
			if err := r.Drain(); err != nil { // what follows the archive's end belongs to the layer
				return nil, err
			}
			return nil, io.EOF
		}
		if err != nil {
			return nil, r.failed(err)
		}
		number := r.number
		if r.number++; number == math.MaxInt32 || !r.budget.Entry() {
			return nil, r.budget.TooMany(r.origin, r.layer)
		}
		e, refused := read(h, r.devices)
		if refused != nil {
			refused.Origin, refused.Layer, refused.Entry = r.origin, r.layer, h.Name
			return nil, refused
		}
		if e == nil { // it says nothing about the root
			continue
		}
		if e.Size > r.budget.limits.Bytes {
			return nil, r.budget.tooLong(r.origin, r.layer)
		}
		e.Number = number
		return e, nil
	}
}

// Drain reads the rest of the layer, so that it is verified, without looking at its entries. Errors are
// those of Next.
func (r *Reader) Drain() error {
	_, err := io.Copy(io.Discard, r.in)
	return err
}

// Read reads the content of the entry that Next has returned.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.tar.Read(p)
	if err != nil && !image.Ended(err) {
		err = r.failed(err)
	}
	return n, err
}

// Refuse creates a *RefusedError about an entry.
func (r *Reader) Refuse(e *Entry, advice, reason string, args ...any) error {
	return &RefusedError{Origin: r.origin, Layer: r.layer, Entry: e.Path, Reason: fmt.Sprintf(reason, args...),
		Advice: advice}
}

// failed distinguishes an archive that was not read from one that is damaged.
func (r *Reader) failed(err error) error {
	const again = "Export or download it again; tar tf tells whether it is whole."
	switch {
	case r.in.err != nil:
		return r.in.err
	case r.number == 0 && errors.Is(err, tar.ErrHeader):
		return Refuse(r.origin, r.layer, again, "it is not a tar archive")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Refuse(r.origin, r.layer, again, "it is cut off: the tar archive ends within an entry")
	}
	return Refuse(r.origin, r.layer, again, "its tar archive is damaged after %d entries (%v)", r.number, err)
}
