package transfer

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// long is longer than the head that is probed, so that a body is left to go wrong.
var long = imagetest.RawDisk(4 << 20)

// An error whose cause is an end is not an end: otherwise the part that came until then would pass
// for the whole.
func TestAnErrorOfAnEarlyEndIsNoEnd(t *testing.T) {
	lost := image.Blame("url", "downloading", fmt.Errorf("the connection: %w", io.EOF), "")
	for name, data := range map[string][]byte{
		"plain": long, "zstd": imagetest.Packed(t, "zstd", long), "gzip": imagetest.Packed(t, "gzip", long),
	} {
		half := data[:len(data)/2]
		r := io.MultiReader(bytes.NewReader(half), readerFunc(func([]byte) (int, error) { return 0, lost }))
		im, err := open(t.Context(), source{once: r, length: -1})
		if err == nil {
			_, err = im.Send(t.Context(), &imagetest.Sink{})
			_ = im.Close()
		}
		if got := imagetest.WantError[*image.SourceError](t, err); got != lost {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// An HTTP/1 client cannot see what follows the announced length; HTTP/2 and a volume's reader may
// deliver it.
func TestAnImageOfAnotherLengthThanAnnouncedIsAnError(t *testing.T) {
	for name, announced := range map[string]int64{"longer": 1 << 20, "shorter": 8 << 20} {
		t.Run(name, func(t *testing.T) {
			im, err := open(t.Context(), source{once: bytes.NewReader(long), length: announced})
			if err != nil {
				t.Fatal(err)
			}
			defer im.Close()
			_, err = im.Send(t.Context(), &imagetest.Sink{})
			imagetest.WantError[*image.SourceError](t, err)
			imagetest.WantBlamed(t, err, "volume")
		})
	}
}
