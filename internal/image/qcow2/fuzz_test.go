package qcow2

import (
	"bytes"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// FuzzQcow2 reads the tables and the disk of any input that passes for an image: its data is in
// order and inside the disk, and an image that shows that it is whole is whole.
func FuzzQcow2(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{1})
	f.Add([]byte{3})
	f.Add([]byte{1, 0, 24, 40, 1})             // a larger disk
	f.Add([]byte{1, 0, 16, 0, 1})              // larger clusters
	f.Add([]byte{1, 6, 0, 9, 1})               // a table elsewhere
	f.Add([]byte{1, 8, 16, 62, 1, 8, 8, 0, 1}) // other kinds of clusters
	f.Add([]byte{1, 0, 0, 64, 70})             // cut off
	f.Fuzz(func(t *testing.T, changes []byte) {
		data := imagetest.Patched(changes)
		o, r, size := image.Volume("pool", "disk"), bytes.NewReader(data), int64(len(data))
		if !bytes.HasPrefix(data, []byte(Magic)) {
			return
		}
		virtual, err := CheckHeader(o, r, size)
		if err != nil {
			imagetest.WantBlamed(t, err, "volume")
			return
		}
		whole := CheckWhole(t.Context(), o, r, size)
		proved := ProveWhole(t.Context(), o, r, size)
		for _, err := range []error{whole, proved} {
			if err != nil {
				imagetest.WantBlamed(t, err, "volume")
			}
		}
		if proved == nil && whole != nil {
			t.Errorf("it is proved to be whole, and is not: %v", whole)
		}
		disk, err := Open(t.Context(), o, r, size)
		if err != nil {
			imagetest.WantBlamed(t, err, "volume")
			return
		}
		end, read := int64(0), make([]byte, 4096)
		err = disk.Data(t.Context(), func(e image.Extent) error {
			if e.Offset < end || e.Length <= 0 || e.End() > virtual || disk.Size() != virtual {
				t.Errorf("data at %+v comes after byte %d, on a disk of %d bytes", e, end, virtual)
			}
			end = e.End()
			if n, err := disk.ReadAt(read[:min(e.Length, 4096)], e.Offset); n < int(min(e.Length, 4096)) {
				return disk.Unread(err)
			}
			return nil
		})
		if err != nil {
			imagetest.WantBlamed(t, err, "volume")
		}
	})
}
