package imagetest

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

// Qcow2 is an empty qcow2 image of version 3 with a 1 GiB disk, as qemu-img create lays it out:
// header, refcount table, refcount block, L1 table. Change may spoil the header; nil leaves it as
// it is.
func Qcow2(change func(*qcow2.HeaderFieldsV2, *qcow2.HeaderFieldsV3)) []byte {
	const cluster = 1 << 16
	v2 := qcow2.HeaderFieldsV2{Version: 3, ClusterBits: 16, Size: 1 << 30, L1Size: 2, L1TableOffset: 3 * cluster,
		RefcountTableOffset: cluster, RefcountTableClusters: 1}
	copy(v2.Magic[:], qcow2.Magic)
	v3 := qcow2.HeaderFieldsV3{RefcountOrder: 4, HeaderLength: 104}
	if change != nil {
		change(&v2, &v3)
	}
	header := new(bytes.Buffer)
	for _, part := range []any{v2, v3} {
		if err := binary.Write(header, binary.BigEndian, part); err != nil {
			panic(err)
		}
	}
	data := make([]byte, 3*cluster+16)
	copy(data, header.Bytes())
	return data
}

// Converted is a qcow2 image of a disk, as qemu-img convert writes it.
func Converted(t testing.TB, disk []byte, options ...string) []byte {
	t.Helper()
	path := WriteFile(t, disk)
	command := append([]string{"qemu-img", "convert", "-f", "raw", "-O", "qcow2"}, options...)
	needs.Tool(t, append(command, path, path+".qcow2")...)
	return ReadFile(t, path+".qcow2")
}

// smallQcow2 is a whole image with clusters of 512 bytes: header, table and block of reference
// counts, L1 and L2 table, and clusters of data, the last of which is compressed.
func smallQcow2(version uint32, extended bool) []byte {
	v2 := qcow2.HeaderFieldsV2{
		Version:               version,
		ClusterBits:           9,
		Size:                  96 << 10,
		L1Size:                6,
		L1TableOffset:         3 << 9,
		RefcountTableOffset:   1 << 9,
		RefcountTableClusters: 1,
	}
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
		copy(image[7<<9:], "\x4b\x04") // the letter a, and an incomplete rest
	}
	copy(image[5<<9:], "data")
	copy(image[6<<9:], "more data")
	return image
}

// Patched is a small image in which some numbers are replaced. Each takes four bytes: two for its
// place, one for its shift, and one for the number itself. The first byte of all chooses the image.
func Patched(changes []byte) []byte {
	var kind byte
	if len(changes) > 0 {
		kind, changes = changes[0], changes[1:]
	}
	data := smallQcow2(2+uint32(kind&1), kind&3 == 3)
	for ; len(changes) >= 4; changes = changes[4:] {
		at := int(binary.BigEndian.Uint16(changes)) % (len(data) - 8)
		if shift := changes[2]; shift < 64 {
			binary.BigEndian.PutUint64(data[at:], binary.BigEndian.Uint64(data[at:])^uint64(changes[3])<<shift)
		} else {
			data = data[:max(16, len(data)-int(changes[3])*8)]
		}
	}
	return data
}
