package compression

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// The engine makes each input that brings it further as small as it can, and tries all pieces of it
// for that. So inputs have a hundred bytes or two, and stand for more where that is needed.

// FuzzCompressed decompresses any input: it ends, its parts are counted, and errors blame the
// image.
func FuzzCompressed(f *testing.F) {
	disk := bytes.Repeat([]byte("disk"), 20)
	little := map[string]string{"gzip": "-9", "xz": "-0", "zstd": "--check", "bzip2": "-1"} // memory
	for _, tool := range imagetest.Tools {
		one := imagetest.Packed(f, tool, disk, little[tool])
		f.Add(one)
		f.Add(append(bytes.Clone(one), one...))
		f.Add(append(bytes.Clone(one), make([]byte, 8)...))
		f.Add(one[:len(one)-3])
	}
	f.Add(append(skippable("here"), imagetest.Packed(f, "zstd", disk)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := image.Volume("pool", "disk")
		kind := Of(data[:min(len(data), 128<<10)])
		if kind == nil {
			return
		}
		in := bytes.NewReader(data)
		u, err := kind.Open(o, in)
		if err != nil {
			imagetest.WantBlamed(t, err, "volume")
			return
		}
		defer u.Close()
		got, err := io.ReadAll(io.LimitReader(u, 1<<20))
		if err != nil {
			imagetest.WantBlamed(t, err, "volume")
			return
		}
		if len(got) == 1<<20 {
			return
		}
		if in.Len() > 0 {
			t.Errorf("%d bytes were not looked at", in.Len())
		}
		if kind.Name == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(bytes.TrimRight(data, "\x00")))
			if err != nil { // its last bytes are zeros
				return
			}
			if want, err := io.ReadAll(z); err == nil && !bytes.Equal(got, want) {
				t.Errorf("it gave %d bytes, want %d", len(got), len(want))
			}
		}
		if len(got) > 0 && u.Parts() < 1 {
			t.Error("data came from nothing")
		}
	})
}
