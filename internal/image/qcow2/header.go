// Package qcow2 reads the format of QEMU's images: headers, tables, and the disk inside. It trusts
// nothing that an image says, and opens no other file that an image names.
package qcow2

import (
	"encoding/binary"
	"io"

	format "github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Magic is what a qcow2 image begins with.
const Magic = format.Magic

// Limits of the format (QEMU, docs/interop/qcow2.txt) and of the implementation that will open the
// image (QEMU, block/qcow2.h). The host cannot open an image whose header is beyond them, or the
// header makes a reader allocate arbitrary amounts of memory.
const (
	headerV2       = 72  // bytes
	headerV3       = 104 // bytes, the least for version 3
	minClusterBits = 9
	maxClusterBits = 21
	maxRefOrder    = 6
	maxL1Bytes     = 32 << 20
	maxRefBytes    = 8 << 20
	maxName        = 1023    // bytes of a backing file's name
	maxOffset      = 1 << 62 // of anything in a file
)

const (
	adviceDamaged = "Download or export the image again; qemu-img check tells whether it is whole."
	adviceFlatten = "Where its other files are, flatten it with qemu-img convert -O qcow2 IMAGE FLAT.qcow2."
)

// CheckHeader checks a qcow2 header without following anything that it points to, and returns the
// virtual size in bytes. An image may come from anywhere: opening its backing file would read any
// file that the image's author names. A size of -1 means that the length is not known yet.
//
// Errors: *image.SourceError when the bytes cannot be read, *image.NotAnImageError when they are
// not an image, or a damaged one, and *image.UnsupportedImageError when it cannot be used.
func CheckHeader(o image.Origin, r io.ReaderAt, size int64) (int64, error) {
	h, err := readHeader(o, r)
	if err != nil {
		return 0, err
	}
	if err := checkIndependent(o, r, h); err != nil {
		return 0, err
	}
	if h.HeaderFieldsV3 != nil {
		if err := checkFeatures(o, h); err != nil {
			return 0, err
		}
	}
	if err := checkGeometry(o, h, size); err != nil {
		return 0, err
	}
	return int64(h.Size), nil
}

func readHeader(o image.Origin, r io.ReaderAt) (*format.Header, error) {
	var raw [headerV3]byte
	n, err := r.ReadAt(raw[:], 0)
	if err != nil && err != io.EOF {
		return nil, o.Unread(err)
	}
	truncated := o.NotImage(adviceDamaged, "its qcow2 header is cut off after %d bytes", n)
	if n < headerV2 {
		return nil, truncated
	}
	h := &format.Header{}
	if _, err := binary.Decode(raw[:n], binary.BigEndian, &h.HeaderFieldsV2); err != nil {
		return nil, truncated
	}
	switch h.Version {
	case 2:
		return h, nil
	case 3:
	default:
		return nil, o.Unsupported("Convert it with qemu-img convert -O qcow2 IMAGE NEW.qcow2.",
			"it has version %d of the qcow format, and only 2 and 3 are known", h.Version)
	}
	h.HeaderFieldsV3 = &format.HeaderFieldsV3{}
	if _, err := binary.Decode(raw[headerV2:n], binary.BigEndian, h.HeaderFieldsV3); err != nil {
		return nil, truncated
	}
	return h, nil
}

// checkIndependent refuses an image that needs more than the file itself: a backing file or a key.
func checkIndependent(o image.Origin, r io.ReaderAt, h *format.Header) error {
	if h.BackingFileOffset != 0 || h.BackingFileSize != 0 {
		return o.Unsupported(adviceFlatten, "it is an overlay on the backing file %s", backingName(r, h))
	}
	if h.CryptMethod != format.CryptMethodNone {
		return o.Unsupported("Convert it to an image without encryption: a template cannot carry a key.",
			"it is encrypted (%s)", h.CryptMethod)
	}
	return nil
}

// backingName is quoted, because it may contain anything, including terminal escapes.
func backingName(r io.ReaderAt, h *format.Header) string {
	if h.BackingFileSize == 0 || h.BackingFileSize > maxName || h.BackingFileOffset > maxOffset {
		return "(whose name is damaged)"
	}
	name := make([]byte, h.BackingFileSize)
	if n, _ := r.ReadAt(name, int64(h.BackingFileOffset)); n < len(name) {
		return "(whose name lies outside the header)"
	}
	return image.Quote(string(name))
}

func checkFeatures(o image.Origin, h *format.Header) error {
	if h.HeaderLength < headerV3 || h.RefcountOrder > maxRefOrder {
		return o.NotImage(adviceDamaged, "its qcow2 header is damaged (header of %d bytes, refcount order %d)",
			h.HeaderLength, h.RefcountOrder)
	}
	const known = 1<<format.IncompatibleFeaturesDirtyBit | 1<<format.IncompatibleFeaturesCorruptBit |
		1<<format.IncompatibleFeaturesExternalDataFileBit | 1<<format.IncompatibleFeaturesCompressionTypeBit |
		1<<format.IncompatibleFeaturesExtendedL2EntriesBit
	has := func(bit int) bool { return h.IncompatibleFeatures>>bit&1 == 1 }
	switch {
	case has(format.IncompatibleFeaturesCorruptBit):
		return o.NotImage("Repair it with qemu-img check -r all, or export it again.", "it is marked as corrupt")
	case has(format.IncompatibleFeaturesDirtyBit):
		return o.NotImage("Shut the guest down; after a crash, repair the image with qemu-img check -r all.",
			"it is marked as in use: a guest runs on it, or did so when it crashed")
	case has(format.IncompatibleFeaturesExternalDataFileBit):
		return o.Unsupported(adviceFlatten, "its data is in another file")
	case h.IncompatibleFeatures&^known != 0:
		return o.Unsupported("Convert it with qemu-img convert -O qcow2 -o compat=1.1 IMAGE NEW.qcow2.",
			"it uses unknown features of qcow2 (bits %#x)", uint64(h.IncompatibleFeatures&^known))
	}
	return nil
}

func checkGeometry(o image.Origin, h *format.Header, size int64) error {
	damaged := func(format string, args ...any) error { return o.NotImage(adviceDamaged, format, args...) }
	switch {
	case h.ClusterBits < minClusterBits || h.ClusterBits > maxClusterBits:
		return damaged("its clusters would have 2^%d bytes, and only 2^%d to 2^%d are possible", h.ClusterBits,
			minClusterBits, maxClusterBits)
	case h.Size == 0:
		return damaged("its disk has no size")
	case h.Size > image.MaxDisk:
		return o.TooLarge(h.Size)
	}
	cluster := uint64(1) << h.ClusterBits
	if h.HeaderFieldsV3 != nil && uint64(h.HeaderLength) > cluster {
		return damaged("its header of %d bytes does not fit into a cluster", h.HeaderLength)
	}
	entry := uint64(8) // bytes of an L2 entry: one table is one cluster
	if h.HeaderFieldsV3 != nil && h.IncompatibleFeatures>>format.IncompatibleFeaturesExtendedL2EntriesBit&1 == 1 {
		entry = 16
	}
	mapped := cluster * (cluster / entry) // bytes of disk behind one L1 entry
	needed := (h.Size-1)/mapped + 1
	l1Bytes := uint64(h.L1Size) * 8
	switch {
	case uint64(h.L1Size) < needed:
		return damaged("its L1 table has %d entries, a disk of %d bytes needs %d", h.L1Size, h.Size, needed)
	case l1Bytes > maxL1Bytes: // more than needed is usual after a disk was shrunk or has snapshots
		return damaged("its L1 table would have %d entries", h.L1Size)
	case h.RefcountTableClusters == 0 || uint64(h.RefcountTableClusters)*cluster > maxRefBytes:
		return damaged("its refcount table would have %d clusters", h.RefcountTableClusters)
	}
	for _, table := range []struct {
		name          string
		offset, bytes uint64
	}{
		{"L1 table", h.L1TableOffset, l1Bytes},
		{"refcount table", h.RefcountTableOffset, 8}, // its unused end may lie past the end of the file
	} {
		switch {
		case table.offset < cluster || table.offset%cluster != 0:
			return damaged("its %s begins at byte %d, inside another cluster", table.name, table.offset)
		case table.offset > maxOffset:
			return damaged("its %s begins at byte %d", table.name, table.offset)
		case size >= 0 && table.offset+table.bytes > uint64(size):
			return damaged("it is cut off: its %s ends at byte %d, the file at %d",
				table.name, table.offset+table.bytes, size)
		}
	}
	return nil
}
