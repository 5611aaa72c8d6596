package transfer

import (
	"bytes"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// The engine makes each input that brings it further as small as it can, and tries all pieces of it for that: so inputs have a
// hundred bytes or two, and stand for more where that is needed.

// FuzzCompressed decompresses whatever comes: it ends, is counted, and blames the image.
func FuzzCompressed(f *testing.F) {
	disk := bytes.Repeat([]byte("disk"), 20)
	for _, tool := range imagetest.Tools {
		one := imagetest.Packed(f, tool, disk, map[string]string{"gzip": "-9", "xz": "-0", "zstd": "--check", "bzip2": "-1"}[tool]) // which take little memory
		f.Add(one)
		f.Add(append(bytes.Clone(one), one...))
		f.Add(append(bytes.Clone(one), make([]byte, 8)...))
		f.Add(one[:len(one)-3])
	}
	f.Add(append(skippable("here"), imagetest.Packed(f, "zstd", disk)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := image.Volume("pool", "disk")
		kind := compressionOf(data[:min(len(data), headSize)])
		if kind == nil {
			return
		}
		in := bytes.NewReader(data)
		u, err := kind.unpack(o, in)
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

// FuzzBlocks looks at the blocks of whatever passes for an image: each once, in order, inside the disk.
func FuzzBlocks(f *testing.F) {
	for _, changes := range [][]byte{{0}, {1}, {3}, {1, 0, 24, 40, 1}, {1, 8, 16, 62, 1, 8, 8, 0, 1}, {1, 0, 0, 64, 70}} {
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
				if end := block*blockmap.BlockSize + int64(len(data)); block <= last || end > virtual || len(data) < blockmap.BlockSize && end != virtual {
					t.Errorf("block %d of %d bytes comes after %d, on a disk of %d bytes", block, len(data), last, virtual)
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

// FuzzPartitions looks for partitions in anything.
func FuzzPartitions(f *testing.F) {
	f.Add(hybrid(make([]byte, 2048), [2]uint32{0x83, 2048}, [2]uint32{0xef, 64})[440:512], []byte{})
	f.Add([]byte{}, guided(make([]byte, 2048), map[string]uint64{string(gptSystem): 34})[512:612])
	f.Fuzz(func(t *testing.T, mbr, gpt []byte) {
		head := make([]byte, 4096)
		copy(head[440:512], mbr)
		copy(head[512:], gpt)
		if n := len(partitions(head)); n > 4+2*len(head)/128 {
			t.Errorf("%d partitions in %d bytes", n, len(head))
		}
		isCD(head)
	})
}
