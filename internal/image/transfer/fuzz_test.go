package transfer

import (
	"bytes"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
)

// FuzzBlocks looks at the blocks of any input that passes for an image: each once, in order, inside
// the disk.
func FuzzBlocks(f *testing.F) {
	for _, changes := range [][]byte{
		{0}, {1}, {3}, {1, 0, 24, 40, 1}, {1, 8, 16, 62, 1, 8, 8, 0, 1}, {1, 0, 0, 64, 70},
	} {
		f.Add(changes)
	}
	f.Fuzz(func(t *testing.T, changes []byte) {
		data := imagetest.Patched(changes)
		o, r, size := image.Volume("pool", "disk"), bytes.NewReader(data), int64(len(data))
		if !bytes.HasPrefix(data, []byte(qcow2.Magic)) {
			return
		}
		virtual, err := qcow2.CheckHeader(o, r, size)
		var disk contents
		if err == nil {
			disk, err = qcow2Contents(t.Context(), o, r, size)
		}
		last := int64(-1)
		if err == nil {
			err = disk.eachBlock(t.Context(), func(block int64, data []byte) error {
				end := block*blockmap.BlockSize + int64(len(data))
				if block <= last || end > virtual || len(data) < blockmap.BlockSize && end != virtual {
					t.Errorf("block %d of %d bytes comes after %d, on a disk of %d bytes",
						block, len(data), last, virtual)
				}
				last = block
				return nil
			})
		}
		if err != nil {
			imagetest.WantBlamed(t, err, "volume")
		}
	})
}
