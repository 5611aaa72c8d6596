package overlay

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"
)

const (
	headerV2 = 72 // bytes
	// nameOfFormat is how many bytes the name of a format takes among the extensions of a header, which
	// are padded.
	nameOfFormat = 8
)

var errNoOverlay = errors.New("the header is not that of an overlay that names the format of what it stands on")

// Restand returns the header of an overlay's file, of which this is the first cluster, when the image
// below is in another file with the same disk. Unlike Rebase, it takes every header that QEMU may have
// written, and changes nothing else in it.
func Restand(first []byte, backing, format string) ([]byte, error) {
	var h qcow2.HeaderFieldsV2
	if _, err := binary.Decode(first, binary.BigEndian, &h); err != nil || string(h.Magic[:]) != qcow2.Magic {
		return nil, errNoOverlay
	}
	if err := checkBacking(backing, format); err != nil {
		return nil, err
	}
	begin := uint64(headerV2)
	if h.Version >= 3 {
		const headerLengthAt = 100
		if len(first) < headerLengthAt+4 {
			return nil, errNoOverlay
		}
		begin = uint64(binary.BigEndian.Uint32(first[headerLengthAt:]))
	}
	name, length := h.BackingFileOffset, uint64(h.BackingFileSize)
	end := uint64(len(first))
	if h.ClusterBits < 63 {
		end = min(end, 1<<h.ClusterBits)
	}
	if length == 0 || begin > name || name > end || length > end-name || uint64(len(backing)) > end-name {
		return nil, errNoOverlay
	}
	at, found := formatExtension(first[:name], begin)
	if !found {
		return nil, errNoOverlay
	}
	const backingSizeAt = 16
	to := slices.Clone(first)
	binary.BigEndian.PutUint32(to[backingSizeAt:], uint32(len(backing)))
	clear(to[name : name+length])
	copy(to[name:], backing)
	binary.BigEndian.PutUint32(to[at+4:], uint32(len(format)))
	clear(to[at+8 : at+8+nameOfFormat])
	copy(to[at+8:], format)
	return to, nil
}

// formatExtension finds the extension with the format of the image below, from an offset on.
func formatExtension(header []byte, from uint64) (at uint64, found bool) {
	for at = from; at+8 <= uint64(len(header)); {
		kind := qcow2.HeaderExtensionType(binary.BigEndian.Uint32(header[at:]))
		length := uint64(binary.BigEndian.Uint32(header[at+4:]))
		switch kind {
		case qcow2.HeaderExtensionTypeEnd:
			return 0, false
		case qcow2.HeaderExtensionTypeBackingFileFormatNameString:
			return at, length > 0 && length <= nameOfFormat && at+8+nameOfFormat <= uint64(len(header))
		}
		at += 8 + (length+7)&^7
	}
	return 0, false
}
