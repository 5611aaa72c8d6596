package qcow2

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// made creates an image with data here and there, as QEMU does it.
func made(t *testing.T, options string, convert ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.qcow2")
	needs.Tool(t, "qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "1100M")
	needs.Tool(t, "qemu-io", "-c", "write -P 7 1M 300k", "-c", "write -P 9 600M 64k", "-c", "write -P 9 1099M 1M", path)
	if len(convert) > 0 {
		needs.Tool(t, append(append([]string{"qemu-img", "convert", "-O", "qcow2"}, convert...), path, path+".new")...)
		path += ".new"
	}
	return imagetest.ReadFile(t, path)
}

func TestAnImageThatIsCutOffAnywhereIsToldFromAWholeOne(t *testing.T) {
	for name, disk := range map[string][]byte{
		"plain":          made(t, "compat=1.1"),
		"version 2":      made(t, "compat=0.10"),
		"small clusters": made(t, "cluster_size=4k"),
		"large clusters": made(t, "cluster_size=2M"),
		"compressed":     made(t, "compat=1.1", "-c"),
		"converted":      made(t, "compat=1.1", "-o", "cluster_size=64k"),
		"zstd":           made(t, "compat=1.1", "-c", "-o", "compression_type=zstd"),
		"extended":       made(t, "extended_l2=on,cluster_size=128k"),
		"preallocated":   made(t, "preallocation=metadata"),
	} {
		t.Run(name, func(t *testing.T) {
			s := image.Volume("pool", "disk")
			if err := CheckWhole(t.Context(), s, bytes.NewReader(disk), int64(len(disk))); err != nil {
				t.Errorf("the whole image is refused: %v", err)
			}
			whole := int64(len(disk))
			for _, size := range []int64{whole / 2, whole * 3 / 4, whole - 2<<21} {
				if size < 1<<18 {
					continue
				}
				err := CheckWhole(t.Context(), s, bytes.NewReader(disk[:size]), size)
				said := imagetest.WantError[*image.NotAnImageError](t, err)
				if !strings.Contains(said.Reason, "cut off") {
					t.Errorf("at byte %d of %d: %v", size, whole, err)
				}
			}
		})
	}
}

// An L1 table whose entries all refer to one L2 table would be read for ever.
func TestTablesThatOverlapAreRefused(t *testing.T) {
	disk := imagetest.Qcow2(nil)
	disk = append(disk, make([]byte, 4<<16-len(disk))...)
	for n := range 1 << 13 {
		binary.BigEndian.PutUint64(disk[3<<16+8*n:], 1<<16)
	}
	binary.BigEndian.PutUint32(disk[36:], 1<<13) // l1_size
	err := CheckWhole(t.Context(), image.Volume("pool", "disk"), bytes.NewReader(disk), int64(len(disk)))
	if said := imagetest.WantError[*image.NotAnImageError](t, err); !strings.Contains(said.Reason, "overlap") {
		t.Errorf("the error is %v", err)
	}
}
