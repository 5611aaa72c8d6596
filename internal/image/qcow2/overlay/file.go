package overlay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"
)

// Spec describes the overlay's disk and the image below.
type Spec struct {
	Size    int64  // bytes of the disk
	Backing string // path of the image below, as the host has it
	Format  string // of the image below: qcow2 or raw
}

// File is the image that holds changes: a cluster with the header, which refers to parts that are
// known last; the data, cluster by cluster, from DataOffset on; and the tables.
type File struct {
	spec    Spec
	changes *Changes
	regions []int64
	layout
}

// layout is where the tables are, and how long, in clusters of the file.
type layout struct {
	l2              int64
	l1, l1Len       int64
	l1Entries       int64
	table, tableLen int64 // of the blocks of reference counts
	refs, refsLen   int64 // these blocks
	end             int64
}

// File computes the image of all the changes that there are.
func (c *Changes) File(s Spec) (*File, error) {
	if !possible(s.Size) {
		return nil, fmt.Errorf("an overlay cannot have %d bytes", s.Size)
	}
	if err := checkBacking(s.Backing, s.Format); err != nil {
		return nil, err
	}
	f := &File{spec: s, changes: c, regions: c.regions()}
	l := layout{l2: 1 + c.data, l1Entries: ceil(ceil(s.Size, ClusterSize), perL2)}
	l.l1, l.l1Len = l.l2+int64(len(f.regions)), ceil(l.l1Entries, perL2)
	l.table = l.l1 + l.l1Len
	for settled := false; !settled; { // the reference counts are counted themselves
		l.refs = l.table + l.tableLen
		l.end = l.refs + l.refsLen
		blocks := ceil(l.end, perRefs)
		settled = blocks == l.refsLen && ceil(blocks, perTable) == l.tableLen
		l.refsLen, l.tableLen = blocks, ceil(blocks, perTable)
	}
	f.layout = l
	return f, nil
}

// possible reports whether a disk can have size bytes.
func possible(size int64) bool {
	return size > 0 && size%sector == 0 && (size-1)/ClusterSize/perL2 < maxL1
}

func checkBacking(path, format string) error {
	switch {
	case path == "" || len(path) > maxName:
		return fmt.Errorf("an overlay cannot stand on %q: the path has %d bytes, and the limit is "+
			"%d", path, len(path), maxName)
	case format != "qcow2" && format != "raw":
		return fmt.Errorf("an overlay cannot stand on an image of format %q", format)
	}
	return nil
}

func ceil(n, per int64) int64 { return (n + per - 1) / per }

// Size is how long the file is, in bytes.
func (f *File) Size() int64 { return f.end * ClusterSize }

// TablesOffset is where the tables begin in the file, in bytes: after the data.
func (f *File) TablesOffset() int64 { return f.l2 * ClusterSize }

// WriteTables writes the tables.
func (f *File) WriteTables(w io.Writer) error {
	runs := f.changes.runs
	for _, n := range f.regions {
		for runs[0].first+runs[0].count <= n*perL2 {
			runs = runs[1:]
		}
		if _, err := w.Write(l2Table(n, runs)); err != nil {
			return err
		}
	}
	l1, table := make([]byte, f.l1Len*ClusterSize), make([]byte, f.tableLen*ClusterSize)
	for i, n := range f.regions {
		binary.BigEndian.PutUint64(l1[n*8:], copied|uint64(f.l2+int64(i))*ClusterSize)
	}
	for i := range f.refsLen {
		binary.BigEndian.PutUint64(table[i*8:], uint64(f.refs+i)*ClusterSize)
	}
	for _, part := range [][]byte{l1, table} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	block := make([]byte, ClusterSize)
	for i := range f.refsLen {
		clear(block)
		for c := range min(perRefs, f.end-i*perRefs) {
			block[c*2+1] = 1
		}
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// l2Table creates the table of a region from the runs that may reach into it.
func l2Table(region int64, runs []run) []byte {
	table := make([]byte, ClusterSize)
	from, to := region*perL2, (region+1)*perL2
	for _, r := range runs {
		if r.first >= to {
			break
		}
		for c := max(from, r.first); c < min(to, r.first+r.count); c++ {
			entry := uint64(allZeros)
			if !r.zeros {
				entry = copied | uint64(1+r.at+c-r.first)*ClusterSize
			}
			binary.BigEndian.PutUint64(table[(c-from)*8:], entry)
		}
	}
	return table
}

// Header returns the first cluster of the file. It is written last, so that an incomplete file is
// not an image.
func (f *File) Header() ([]byte, error) {
	return header(qcow2.HeaderFieldsV2{
		Size: uint64(f.spec.Size), L1Size: uint32(f.l1Entries), L1TableOffset: uint64(f.l1) * ClusterSize,
		RefcountTableOffset: uint64(f.table) * ClusterSize, RefcountTableClusters: uint32(f.tableLen),
	}, f.spec.Backing, f.spec.Format)
}

// Rebase returns the header of an overlay's file, of which this is the first cluster, when the
// image below is in another file with the same disk. Parts of a header that this package does not
// write itself are left out, or refused.
func Rebase(first []byte, backing, format string) ([]byte, error) {
	var h struct {
		qcow2.HeaderFieldsV2
		qcow2.HeaderFieldsV3
	}
	if _, err := binary.Decode(first, binary.BigEndian, &h); err != nil {
		return nil, fmt.Errorf("the header of an overlay is cut off: %w", err)
	}
	if string(h.Magic[:]) != qcow2.Magic || h.Version != 3 || h.ClusterBits != clusterBits ||
		h.RefcountOrder != refcountOrder ||
		h.IncompatibleFeatures != 0 || h.BackingFileSize == 0 || h.NbSnapshots != 0 ||
		h.CryptMethod != qcow2.CryptMethodNone {
		return nil, errors.New("the header is not that of an overlay that was written here")
	}
	if size := int64(h.Size); !possible(size) || int64(h.L1Size) != ceil(ceil(size, ClusterSize), perL2) {
		return nil, fmt.Errorf("the header of an overlay says that its disk has %d bytes, and its table %d entries",
			h.Size, h.L1Size)
	}
	if err := checkBacking(backing, format); err != nil {
		return nil, err
	}
	return header(qcow2.HeaderFieldsV2{
		Size: h.Size, L1Size: h.L1Size, L1TableOffset: h.L1TableOffset,
		RefcountTableOffset: h.RefcountTableOffset, RefcountTableClusters: h.RefcountTableClusters,
	}, backing, format)
}

// header creates the first cluster of a file whose tables are at where.
func header(where qcow2.HeaderFieldsV2, backing, format string) ([]byte, error) {
	h := struct {
		qcow2.HeaderFieldsV2
		qcow2.HeaderFieldsV3
		ExtensionType   qcow2.HeaderExtensionType
		ExtensionLength uint32
		Format          [8]byte
		End             [8]byte
	}{
		HeaderFieldsV2:  where,
		HeaderFieldsV3:  qcow2.HeaderFieldsV3{RefcountOrder: refcountOrder},
		ExtensionType:   qcow2.HeaderExtensionTypeBackingFileFormatNameString,
		ExtensionLength: uint32(len(format)),
	}
	copy(h.Magic[:], qcow2.Magic)
	copy(h.Format[:], format)
	h.Version, h.ClusterBits, h.BackingFileSize = 3, clusterBits, uint32(len(backing))
	h.HeaderLength = uint32(binary.Size(h.HeaderFieldsV2) + binary.Size(h.HeaderFieldsV3))
	h.BackingFileOffset = uint64(binary.Size(h))
	var cluster bytes.Buffer
	if err := binary.Write(&cluster, binary.BigEndian, h); err != nil {
		return nil, err
	}
	cluster.WriteString(backing)
	return append(cluster.Bytes(), make([]byte, ClusterSize-cluster.Len())...), nil
}
