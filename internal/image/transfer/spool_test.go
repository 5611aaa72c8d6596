package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
	"github.com/novacron/terraform-provider-novacron/internal/image/spool"
)

// A server that sends without end does not fill the directory of temporary files: an image that the
// pool could not hold is refused.
func TestNoMoreIsSpooledThanThePoolCouldHold(t *testing.T) {
	const room = 8 << 20
	below := Below{Path: "/below", Format: "raw", Blocks: blockmap.New(1 << 20)}
	for name, length := range map[string]int64{"of a length": 900 << 20, "without end": -1} {
		t.Run(name, func(t *testing.T) {
			taken := 0
			zeros := readerFunc(func(p []byte) (int, error) {
				clear(p)
				taken += len(p)
				return len(p), nil
			})
			endless := io.MultiReader(bytes.NewReader(imagetest.Qcow2(nil)), zeros)
			im := opened(t, source{once: endless, length: length})
			_, err := im.SendChanges(t.Context(), &imagetest.Sink{}, below, Room(room))
			said := imagetest.WantError[*image.UnsupportedImageError](t, err)
			for _, part := range []string{os.TempDir() + " has", "the pool has room for 73 MiB"} {
				if !strings.Contains(said.Reason, part) {
					t.Errorf("it does not say %q: %v", part, err)
				}
			}
			imagetest.WantBlamed(t, err, "volume")
			if taken > 100<<20 {
				t.Errorf("%d bytes were taken", taken)
			}
		})
	}
}

func TestASpoolIsBoundedByWhatIsFree(t *testing.T) {
	s, err := spool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all := roomIn(s, math.MaxInt64)
	if all.free <= 0 || all.bytes >= all.free {
		t.Errorf("of %d bytes that are free, %d may be taken", all.free, all.bytes)
	}
	said := all.exceeded(&Image{origin: image.Origin{Name: "image", Attribute: "path"}}).Error()
	if !strings.Contains(said, "MiB free") || strings.Contains(said, "pool has") {
		t.Errorf("it says %q", said)
	}
	if few := roomIn(s, 1000); few.bytes != 1000 {
		t.Errorf("%d bytes may be taken, of 1000 that the pool could hold", few.bytes)
	}
}

// endless yields zeros without end, and calls a function after a mebibyte.
type endless struct {
	n    int
	then func()
}

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	if e.n += len(p); e.n > 1<<20 {
		e.then()
	}
	return len(p), nil
}

// Any reading of endless input stops with the context, for every content.
func TestReadingEndsWithTheContext(t *testing.T) {
	path := imagetest.WriteFile(t, imagetest.Packed(t, "gzip", imagetest.RawDisk(1<<20)))
	for name, read := range map[string]func(context.Context, *Image) error{
		"sending": func(ctx context.Context, im *Image) error { _, err := im.Send(ctx, Discard); return err },
		"mapping": func(ctx context.Context, im *Image) error { _, err := MapImage(ctx, im); return err },
		"comparing": func(ctx context.Context, im *Image) error {
			_, err := im.SendChanges(ctx, Discard, Below{Path: "/below", Format: "raw", Blocks: blockmap.New(1 << 20)})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("stop")
			im := opened(t, source{path: path})
			im.file = nil // what it reads now has no end
			im.once = &stream{im: im, in: &tap{r: &endless{then: func() { cancel(stop) }}}, release: func() {}}
			im.once.out = im.once.in
			im.from.Abort = func(error) {}
			if err := read(ctx, im); !errors.Is(err, stop) {
				t.Errorf("the error is %v, want %v", err, stop)
			}
		})
	}
	// Tables are read piece by piece.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	disk := imagetest.Qcow2(nil)
	o, r := image.Volume("pool", "disk"), bytes.NewReader(disk)
	if err := qcow2.CheckWhole(ctx, o, r, int64(len(disk))); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
