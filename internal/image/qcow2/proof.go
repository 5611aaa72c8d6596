package qcow2

import (
	"context"
	"io"
	"math/bits"

	format "github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// ProveWhole checks that a qcow2 image does not end earlier than it says itself: all of each
// cluster of the disk is in the file, and so is the last cluster that has references. An image that
// may be whole, but does not show it, is refused: its author knows its checksum. Errors are those
// of CheckHeader.
func ProveWhole(ctx context.Context, o image.Origin, r io.ReaderAt, size int64) error {
	t, err := newTables(ctx, o, r, size)
	if err != nil {
		return err
	}
	err = t.clusters(func(c cluster) error {
		if c.data && t.size-c.file < c.needed {
			return t.cut(c.file + c.needed)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Other structures say where snapshots and bitmaps end.
	if h := t.header; h.NbSnapshots > 0 || h.HeaderFieldsV3 != nil && h.AutoclearFeatures != 0 {
		return o.Unsupported("Set a checksum, or convert it with qemu-img convert -O qcow2.", "the server does not "+
			"announce its end, and an image with snapshots or bitmaps does not show it either")
	}
	last, err := t.lastReferenced()
	if err == nil && last > (t.size-1)/t.cluster {
		err = t.cut(t.size + 1)
	}
	return err
}

// lastReferenced is the number of the last cluster of the file that has references.
func (t *tables) lastReferenced() (last uint64, err error) {
	order := uint64(4)
	if t.header.HeaderFieldsV3 != nil {
		order = uint64(t.header.RefcountOrder)
	}
	var number, block uint64 // of the last block of references
	length := uint64(t.header.RefcountTableClusters) * t.cluster
	err = t.each(t.header.RefcountTableOffset, length, 8, func(n, entry, _ uint64) error {
		at := entry & entryOffset
		if at == 0 {
			return nil
		}
		if at > t.size || t.size-at < t.cluster {
			return t.cut(at + t.cluster)
		}
		number, block = n, at
		return nil
	})
	if err != nil || block == 0 {
		return 0, err
	}
	err = t.each(block, t.cluster, 8, func(n, counts, _ uint64) error {
		if counts != 0 {
			last = number*(t.cluster*8>>order) + lastCount(n, counts, order)
		}
		return nil
	})
	return last, err
}

// lastCount is the number of the last reference count that is not zero in eight bytes, the n-th of
// a block. Counts of less than a byte begin with its lowest bits.
func lastCount(n, counts, order uint64) uint64 {
	inByte := uint64(7 - bits.TrailingZeros64(counts)/8) // the last byte that is not zero
	first := n*8 + inByte
	if order >= 3 {
		return first * 8 >> order
	}
	b := uint8(counts >> (8 * (7 - inByte)))
	return first*8>>order + uint64(bits.Len8(b)-1)>>order
}

// extended reports whether the clusters of an image are divided.
func extended(h *format.Header) bool {
	return h.HeaderFieldsV3 != nil && h.IncompatibleFeatures>>format.IncompatibleFeaturesExtendedL2EntriesBit&1 == 1
}
