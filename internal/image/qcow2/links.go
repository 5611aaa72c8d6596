package qcow2

import (
	"encoding/binary"
	"errors"
	"io"

	format "github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Links are the other files that a qcow2 image needs, as its header names them.
type Links struct {
	Backing string // the name of its backing file; "" for none
	Format  string // of the backing file; "" if the header does not say, and QEMU would guess
	Data    bool   // the disk's data is in another file
	// Snapshots is how many snapshots are in the image.
	Snapshots int
}

// ReadLinks reads the links from the beginning of a qcow2 image. It opens nothing that they lead
// to. Errors are those of CheckHeader.
func ReadLinks(o image.Origin, r io.ReaderAt) (Links, error) {
	h, err := readHeader(o, r)
	if err != nil {
		return Links{}, err
	}
	l := Links{Snapshots: int(h.NbSnapshots)}
	at := int64(headerV2)
	if h.HeaderFieldsV3 != nil {
		at = int64(h.HeaderLength)
		l.Data = h.IncompatibleFeatures>>format.IncompatibleFeaturesExternalDataFileBit&1 == 1
	}
	if h.BackingFileOffset == 0 && h.BackingFileSize == 0 {
		return l, nil
	}
	damaged := o.NotImage(adviceDamaged, "the name of its backing file is damaged")
	if h.BackingFileSize == 0 || h.BackingFileSize > maxName || h.BackingFileOffset > 1<<maxClusterBits {
		return l, damaged
	}
	name := make([]byte, h.BackingFileSize)
	if n, err := r.ReadAt(name, int64(h.BackingFileOffset)); n < len(name) {
		return l, orDamaged(o, err, damaged)
	}
	l.Backing = string(name)
	l.Format, err = backingFormat(o, r, at, int64(h.BackingFileOffset), damaged)
	return l, err
}

// backingFormat looks for the format of the backing file among the extensions of a header, which
// lie between two offsets.
func backingFormat(o image.Origin, r io.ReaderAt, at, end int64, damaged error) (string, error) {
	const maxFormat = 64 // bytes; QEMU's own limit is 15
	for at+8 <= end {
		var head [8]byte
		if n, err := r.ReadAt(head[:], at); n < len(head) {
			return "", orDamaged(o, err, damaged)
		}
		kind, length := format.HeaderExtensionType(binary.BigEndian.Uint32(head[:])),
			int64(binary.BigEndian.Uint32(head[4:]))
		switch {
		case kind == format.HeaderExtensionTypeEnd:
			return "", nil
		case kind != format.HeaderExtensionTypeBackingFileFormatNameString:
			at += 8 + (length+7)&^7
			continue
		case length > maxFormat:
			return "", damaged
		}
		format := make([]byte, length)
		if n, err := r.ReadAt(format, at+8); n < len(format) {
			return "", orDamaged(o, err, damaged)
		}
		return string(format), nil
	}
	return "", nil
}

// orDamaged is the meaning of a read that returned less than it was asked for.
func orDamaged(o image.Origin, err, damaged error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return damaged
	}
	return o.Unread(err)
}
