package qcow2

import (
	"bytes"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// A cluster whose data is damaged is an error, and blames the image.
func TestADamagedClusterIsTold(t *testing.T) {
	for _, kind := range []string{"zlib", "zstd"} {
		file := imagetest.Converted(t, imagetest.Textual(), "-c", "-o", "compression_type="+kind)
		o, size := image.Volume("pool", "disk"), int64(len(file))
		disk, err := Open(t.Context(), o, bytes.NewReader(file), size)
		if err != nil {
			t.Fatal(err)
		}
		var packed cluster
		if err := disk.tables.clusters(func(c cluster) error {
			if packed.file == 0 {
				packed = c
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			file[int(packed.file)+n] = 0xff
		}
		_, err = disk.ReadAt(make([]byte, 512), int64(packed.disk))
		if err == nil {
			t.Fatalf("%s: it was read", kind)
		}
		said := imagetest.WantError[*image.NotAnImageError](t, disk.Unread(err))
		if !strings.Contains(said.Reason, "cluster") {
			t.Errorf("%s: it says %q", kind, said.Reason)
		}
	}
}
