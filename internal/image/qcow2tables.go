package image

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"
)

// What an entry of a table holds (QEMU, docs/interop/qcow2.txt).
const (
	qcow2Offset     = 0x00fffffffffffe00 // where a table or a cluster begins
	qcow2Compressed = 1 << 62            // the cluster is compressed: its place takes the bits below, by the clusters' size
	tableBlock      = 64 << 10           // bytes of a table that are read at a time
)

// CheckWhole makes sure that all clusters of a qcow2 image begin within its file of size bytes: else it was cut off, and what
// is missing would read as zeros. It reads the tables, nothing else. Errors are those of Open.
func CheckWhole(s Source, r io.ReaderAt, size int64) error {
	h, err := readQcow2Header(s, r)
	if err != nil {
		return err
	}
	t := qcow2Tables{source: s, r: r, size: uint64(size), cluster: 1 << h.ClusterBits, entry: 8}
	t.packed = 1<<(62-(h.ClusterBits-8)) - 1
	if h.HeaderFieldsV3 != nil && h.IncompatibleFeatures>>qcow2.IncompatibleFeaturesExtendedL2EntriesBit&1 == 1 {
		t.entry = 16
	}
	return t.each(h.L1TableOffset, uint64(h.L1Size)*8, 8, t.l2)
}

type qcow2Tables struct {
	source                Source
	r                     io.ReaderAt
	size, cluster, packed uint64
	entry                 uint64 // bytes of an L2 entry
	read                  uint64 // bytes of L2 tables so far
}

// each hands out the first eight bytes of each entry of a table.
func (t *qcow2Tables) each(offset, length, entry uint64, do func(uint64) error) error {
	block := make([]byte, tableBlock)
	for end := offset + length; offset < end; offset += tableBlock {
		part := block[:min(tableBlock, end-offset)]
		if n, err := t.r.ReadAt(part, int64(offset)); n < len(part) {
			if err == nil || errors.Is(err, io.EOF) {
				return t.cut(offset + length)
			}
			return t.source.failed("reading", cause(err), "")
		}
		for at := uint64(0); at < uint64(len(part)); at += entry {
			if err := do(binary.BigEndian.Uint64(part[at:])); err != nil {
				return err
			}
		}
	}
	return nil
}

// l2 checks the table that an L1 entry leads to. Tables that take more than the whole file are no tables: reading them would
// have no end.
func (t *qcow2Tables) l2(l1 uint64) error {
	table := l1 & qcow2Offset
	if table == 0 {
		return nil
	}
	if t.read += t.cluster; t.read > t.size {
		return t.source.notImage(adviceDamaged, "its tables overlap")
	}
	if table > t.size || t.size-table < t.cluster {
		return t.cut(table + t.cluster)
	}
	return t.each(table, t.cluster, t.entry, func(entry uint64) error {
		at := entry & qcow2Offset
		if entry&qcow2Compressed != 0 {
			at = entry & t.packed
		}
		if at != 0 && at >= t.size {
			return t.cut(at)
		}
		return nil
	})
}

func (t *qcow2Tables) cut(at uint64) error {
	return t.source.notImage(adviceDamaged, "it is cut off: its tables lead to byte %d, the file ends at %d", at, t.size)
}
