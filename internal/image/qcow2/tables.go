package qcow2

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	format "github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// The content of a table's entry (QEMU, docs/interop/qcow2.txt).
const (
	entryOffset = 0x00fffffffffffe00 // where a table or a cluster begins
	// the cluster is compressed: the bits below are its place, by the clusters' size
	entryCompressed = 1 << 62
	entryZero       = 1        // the cluster reads as zeros; not used if there are subclusters
	subclusters     = 32       // of a cluster, if there are any
	tableBlock      = 64 << 10 // bytes of a table that are read at a time
)

// CheckWhole checks that all clusters of a qcow2 image begin within its file of size bytes:
// otherwise the file was cut off, and the missing part would read as zeros. It reads only the
// tables. Errors are those of CheckHeader.
func CheckWhole(ctx context.Context, o image.Origin, r io.ReaderAt, size int64) error {
	t, err := newTables(ctx, o, r, size)
	if err != nil {
		return err
	}
	return t.clusters(func(cluster) error { return nil })
}

// tables are the tables of a qcow2 image in a file of size bytes.
type tables struct {
	ctx                         context.Context //nolint:containedctx // it reads once, by one caller
	origin                      image.Origin
	r                           io.ReaderAt
	header                      *format.Header
	size, disk, cluster, packed uint64
	entry                       uint64 // bytes of an L2 entry: 16 if there are subclusters, else 8
	read                        uint64 // bytes of L2 tables so far
}

// newTables finds the tables of an image that CheckHeader has accepted.
func newTables(ctx context.Context, o image.Origin, r io.ReaderAt, size int64) (*tables, error) {
	h, err := readHeader(o, r)
	if err != nil {
		return nil, err
	}
	t := &tables{
		ctx:     ctx,
		origin:  o,
		r:       r,
		header:  h,
		size:    uint64(size),
		disk:    h.Size,
		cluster: 1 << h.ClusterBits,
		entry:   8,
	}
	t.packed = 1<<(62-(h.ClusterBits-8)) - 1
	if extended(h) {
		t.entry = 16
	}
	return t, nil
}

// cluster is a cluster of the disk for which the file has something.
type cluster struct {
	disk, file uint64 // the bytes where it begins
	data       bool   // it may hold something other than zeros
	packed     bool   // it is compressed
	needed     uint64 // bytes from file on that are read for the disk
}

// clusters passes on the clusters for which the file has something, in the order of the disk. Its
// time depends on the size of the tables in the file, not on the claimed size of the disk.
func (t *tables) clusters(do func(cluster) error) error {
	perTable := t.cluster / t.entry * t.cluster // bytes of the disk
	return t.each(t.header.L1TableOffset, uint64(t.header.L1Size)*8, 8, func(n, l1, _ uint64) error {
		table := l1 & entryOffset
		if table == 0 {
			return nil
		}
		// Tables that take more than the whole file are not tables: reading them would never end.
		if t.read += t.cluster; t.read > t.size {
			return t.origin.NotImage(adviceDamaged, "its tables overlap")
		}
		if table > t.size || t.size-table < t.cluster {
			return t.cut(table + t.cluster)
		}
		return t.each(table, t.cluster, t.entry, func(m, entry, bitmap uint64) error {
			c := t.at(n*perTable+m*t.cluster, entry, bitmap)
			switch {
			case c.file == 0:
				return nil
			case c.file >= t.size:
				return t.cut(c.file)
			}
			return do(c)
		})
	})
}

// at returns what an L2 entry says about a cluster.
func (t *tables) at(disk, entry, bitmap uint64) cluster {
	left := min(t.cluster, max(t.disk, disk)-disk)
	if entry&entryCompressed != 0 {
		at := entry & t.packed
		sectors := entry&(entryCompressed-1)>>bits.Len64(t.packed) + 1
		needed := sectors*image.SectorSize - at%image.SectorSize
		return cluster{disk: disk, file: at, data: true, packed: true, needed: needed}
	}
	c := cluster{disk: disk, file: entry & entryOffset}
	switch allocated := uint32(bitmap); {
	case t.entry == 8 && entry&entryZero == 0:
		c.data, c.needed = true, left
	case t.entry == 16 && allocated != 0:
		c.data, c.needed = true, min(left, uint64(bits.Len32(allocated))*t.cluster/subclusters)
	}
	return c
}

// each passes on the entries of a table, by their number: the first eight bytes of each, and the
// next eight if there are any.
func (t *tables) each(offset, length, entry uint64, do func(n, first, second uint64) error) error {
	block := make([]byte, min(tableBlock, length))
	for n, end := uint64(0), offset+length; offset < end; offset += tableBlock {
		if err := context.Cause(t.ctx); err != nil {
			return fmt.Errorf("reading the tables of %s: %w", t.origin, err)
		}
		part := block[:min(tableBlock, end-offset)]
		if n, err := t.r.ReadAt(part, int64(offset)); n < len(part) {
			if err == nil || errors.Is(err, io.EOF) {
				return t.cut(end)
			}
			return t.origin.Unread(err)
		}
		for ; len(part) > 0; part, n = part[entry:], n+1 {
			var second uint64
			if entry == 16 {
				second = binary.BigEndian.Uint64(part[8:])
			}
			if err := do(n, binary.BigEndian.Uint64(part), second); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tables) cut(at uint64) error {
	return t.origin.NotImage(adviceDamaged, "it is cut off: its tables lead to byte %d, the file ends at %d",
		at, t.size)
}
