package transfer

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"

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

// smallQcow2 is a whole image with clusters of 512 bytes: header, table and block of reference counts, L1 and L2 table, and clusters
// of data, the last of which is compressed.
func smallQcow2(version uint32, extended bool) []byte {
	v2 := qcow2.HeaderFieldsV2{Version: version, ClusterBits: 9, Size: 96 << 10, L1Size: 6, L1TableOffset: 3 << 9, RefcountTableOffset: 1 << 9, RefcountTableClusters: 1}
	copy(v2.Magic[:], qcow2.Magic)
	v3 := qcow2.HeaderFieldsV3{RefcountOrder: 4, HeaderLength: 104}
	if extended {
		v3.IncompatibleFeatures = 1 << qcow2.IncompatibleFeaturesExtendedL2EntriesBit
	}
	var header bytes.Buffer
	_ = binary.Write(&header, binary.BigEndian, v2)
	_ = binary.Write(&header, binary.BigEndian, v3)
	image := make([]byte, 8<<9)
	copy(image, header.Bytes())
	put := func(at int, value uint64) { binary.BigEndian.PutUint64(image[at:], value) }
	put(1<<9, 2<<9)
	for n := range 8 {
		image[2<<9+2*n+1] = 1
	}
	put(3<<9+8, 1<<63|4<<9)
	put(4<<9, 1<<63|5<<9)
	if extended {
		put(4<<9+8, 0xff)
	} else {
		put(4<<9+8, 1<<63|6<<9)
		put(4<<9+16, 1)                // zeros
		put(4<<9+24, 1<<62|7<<9)       // compressed: stored as it is, by deflate
		copy(image[7<<9:], "\x4b\x04") // the letter a, and what is not whole
	}
	copy(image[5<<9:], "data")
	copy(image[6<<9:], "more data")
	return image
}

// patched is a small image in which some numbers are others. Each takes four bytes: two for its place, one for how far it is shifted, and
// one for itself. The first byte of all says which image.
func patched(changes []byte) []byte {
	var kind byte
	if len(changes) > 0 {
		kind, changes = changes[0], changes[1:]
	}
	image := smallQcow2(2+uint32(kind&1), kind&3 == 3)
	for ; len(changes) >= 4; changes = changes[4:] {
		at := int(binary.BigEndian.Uint16(changes)) % (len(image) - 8)
		if shift := changes[2]; shift < 64 {
			binary.BigEndian.PutUint64(image[at:], binary.BigEndian.Uint64(image[at:])^uint64(changes[3])<<shift)
		} else {
			image = image[:max(16, len(image)-int(changes[3])*8)]
		}
	}
	return image
}

// FuzzQcow2 reads the tables and the disk of whatever passes for an image: each block once, in order, inside the disk; and what shows
// that it is whole is what is whole.
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
		data := patched(changes)
		o, r, size := image.Volume("pool", "disk"), bytes.NewReader(data), int64(len(data))
		if !bytes.HasPrefix(data, []byte(qcow2.Magic)) {
			return
		}
		virtual, err := probeQcow2(o, r, size)
		if err != nil {
			imagetest.WantBlamed(t, err, "volume")
			return
		}
		whole := CheckWhole(t.Context(), o, r, size)
		proved := proveWhole(t.Context(), o, r, size)
		for _, err := range []error{whole, proved} {
			if err != nil {
				imagetest.WantBlamed(t, err, "volume")
			}
		}
		if proved == nil && whole != nil {
			t.Errorf("it is proved to be whole, and is not: %v", whole)
		}
		disk, err := qcow2Contents(t.Context(), o, r, size)
		if err != nil {
			imagetest.WantBlamed(t, err, "volume")
			return
		}
		last := int64(-1)
		err = disk.eachBlock(t.Context(), func(block int64, data []byte) error {
			if end := block*blockmap.BlockSize + int64(len(data)); block <= last || end > virtual || len(data) < blockmap.BlockSize && end != virtual {
				t.Errorf("block %d of %d bytes comes after %d, on a disk of %d bytes", block, len(data), last, virtual)
			}
			last = block
			return nil
		})
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
