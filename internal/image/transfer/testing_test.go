package transfer

import (
	"context"
	"io"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// source is where a test has an image: in a file, or in a reader that can be read once.
type source struct {
	path     string
	once     io.Reader // if there is no path
	length   int64     // of once, as announced
	checksum string
	untold   error // of once, if no sign shows where it ends
}

func open(ctx context.Context, s source) (*Image, error) {
	var want image.Checksum
	if s.checksum != "" {
		var err error
		if want, err = image.ParseChecksum(s.checksum); err != nil {
			return nil, err
		}
	}
	if s.path == "" {
		o := image.Volume("pool", "disk")
		return FromStream(o, want, Stream{
			Reader: s.once,
			Size:   s.length,
			Abort:  func(error) {},
			Untold: func() error { return s.untold },
		})
	}
	o := image.Origin{Name: s.path, Attribute: "path"}
	file, err := localfile.Open(o, s.path)
	if err != nil {
		return nil, err
	}
	return FromFile(ctx, o, want, file)
}

func opened(t *testing.T, s source) *Image {
	t.Helper()
	im, err := open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := im.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return im
}

// sinkFunc is a sink that misbehaves.
type sinkFunc func(ctx context.Context, r io.Reader, offset, length int64) error

func (f sinkFunc) WriteAt(ctx context.Context, r io.Reader, offset, length int64) error {
	return f(ctx, r, offset, length)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
