package transfer

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// The tables of a qcow2 image are read again after the last byte was hashed.
func TestAFileThatChangesBeforeItIsMappedIsNoticed(t *testing.T) {
	disk := imagetest.Textual()
	for format, data := range map[image.Format][]byte{
		image.FormatRaw: disk, image.FormatQcow2: imagetest.Converted(t, disk),
	} {
		path := imagetest.WriteFile(t, data)
		im := opened(t, source{path: path})
		blocks, err := mapping(t.Context(), im)
		if err != nil || blocks == nil || im.Format != format {
			t.Fatalf("%s: preparing the map of a %s image: %t, %v", format, im.Format, blocks != nil, err)
		}
		if _, err := im.sum(t.Context(), summing{form: digest.Current, visit: blocks.shown()}); err != nil {
			t.Fatal(err)
		}
		imagetest.Tick(t, path)
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), len(data)), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := blocks.mapped(t.Context(), im); m != nil || !errors.Is(err, image.ErrChanged) {
			t.Errorf("%s: a map: %t, %v, want %v", format, m != nil, err, image.ErrChanged)
		}
	}
}

// A digest that does not show the bytes gives no map, instead of one of zeros.
func TestOnlyTheDigestThatShowsTheBytesGivesAMap(t *testing.T) {
	data := imagetest.RawDisk(1 << 20)
	path := imagetest.WriteFile(t, data)
	for name, s := range map[string]func() source{
		"file":   func() source { return source{path: path} },
		"stream": func() source { return source{once: bytes.NewReader(data), length: int64(len(data))} },
	} {
		for form, want := range map[digest.Form]bool{digest.FSVerity: true, digest.SHA256: false} {
			sent, err := opened(t, s()).Send(t.Context(), Discard, MapBlocks(), As(form))
			if err != nil || (sent.Blocks != nil) != want {
				t.Errorf("%s, %s: a map: %t, %v, want %t", name, form, sent.Blocks != nil, err, want)
			}
		}
	}
}
