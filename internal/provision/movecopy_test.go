package provision

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// Everything arrives, whatever is zeros in it, and zeros are not sent.
func TestVolumesAreCopiedWithoutTheirZeros(t *testing.T) {
	data, none := bytes.Repeat([]byte{7}, copyPiece), make([]byte, copyPiece)
	for name, c := range map[string]struct {
		parts [][]byte
		sent  int64 // pieces
	}{
		"nothing":        {nil, 0},
		"zeros":          {[][]byte{none, none}, 0},
		"data":           {[][]byte{data, data}, 2},
		"data at begin":  {[][]byte{data, none, none}, 1},
		"data at end":    {[][]byte{none, none, data}, 1},
		"data between":   {[][]byte{none, data, data, none, none, data, none}, 3},
		"zeros at ends":  {[][]byte{none, data, none}, 1},
		"an odd end":     {[][]byte{data, none, {1, 2, 3}}, 1},
		"an odd zero":    {[][]byte{data, none, {0, 0, 0}}, 1},
		"only a little":  {[][]byte{{1}}, 0},
		"data, then odd": {[][]byte{data, data, {1}}, 2},
	} {
		content := slices.Concat(c.parts...)
		for _, longer := range []int64{0, 1, -1} { // what the volume has beyond what is read, bytes
			size := int64(len(content)) + longer
			if size < 0 {
				continue
			}
			h := fakehost.New()
			must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "pool", "/pool"))
			must.Get[host.Volume](t)(h.CreateVolume(t.Context(), "pool", host.VolumeSpec{
				Name: "v", Format: "raw", Capacity: uint64(size),
			}))
			s := &sending{in: bytes.NewReader(content), sum: sha256.New()}
			conn := must.Get[host.Transfer](t)(h.OpenTransfer(t.Context()))
			err := s.to(t.Context(), volumes.NewSink(conn, "pool", "v"), size)
			if longer != 0 {
				if err == nil {
					t.Errorf("%s: %d bytes were copied to a volume of %d", name, len(content), size)
				}
				continue
			}
			if err != nil || s.sent/copyPiece != c.sent {
				t.Errorf("%s: %d bytes were sent, %v", name, s.sent, err)
			}
			got := must.Get[[]byte](t)(readAll(t.Context(), h))
			if want := sha256.Sum256(content); !bytes.Equal(got, content) || !bytes.Equal(s.sum.Sum(nil), want[:]) {
				t.Errorf("%s: another content arrived, or the digest is that of another", name)
			}
		}
	}
}

func readAll(ctx context.Context, h host.Host) ([]byte, error) {
	r, err := h.OpenVolume(ctx, "pool", "v")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
