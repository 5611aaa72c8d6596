package transfer

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// An error whose cause is an end is no end: what came until then would pass for the whole.
func TestAnErrorOfAnEarlyEndIsNoEnd(t *testing.T) {
	lost := image.Blame("url", "downloading", fmt.Errorf("the connection: %w", io.EOF), "")
	for name, data := range map[string][]byte{"plain": long, "zstd": packed(t, "zstd", long), "gzip": packed(t, "gzip", long)} {
		half := data[:len(data)/2]
		r := io.MultiReader(bytes.NewReader(half), readerFunc(func([]byte) (int, error) { return 0, lost }))
		im, err := OpenStream(Source{Volume: "pool/disk"}, io.NopCloser(r), -1)
		if err == nil {
			_, err = im.Send(t.Context(), &memory{})
			_ = im.Close()
		}
		if got := wantError[*image.SourceError](t, err); got != lost {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}
