// Package saveimage reads and writes the heads of the files that libvirt's QEMU driver saves the
// memory of guests to. libvirt describes the format in src/qemu/qemu_saveimage.h. A head is followed
// by the memory, which only QEMU understands.
//
// libvirt restores a guest only under the name, UUID and MAC addresses in the head. So a copy of a
// file becomes another guest by another head of the same length.
package saveimage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// FixedSize is how many bytes of a head come before its texts. They say how long the head is.
const FixedSize = 92

// maxTexts bounds the texts of a head, in bytes: a definition has to fit into a message of libvirt.
const maxTexts = 16 << 20

const (
	magic = "LibvirtQemudSave"
	// partial is the magic until the memory is saved as a whole.
	partial = "LibvirtQemudPart"
	version = 2
)

var (
	// ErrNotSaved says that a file does not have the memory of a guest, or in an unknown format.
	ErrNotSaved = errors.New("not the memory of a guest as libvirt saves it")
	// ErrPartial says that a guest's memory was not saved to its end.
	ErrPartial = errors.New("the memory of the guest is not complete")
	// ErrTooLong says that the texts of a head do not fit into it.
	ErrTooLong = errors.New("too long for the head of the saved memory")
)

// Head is the head of a file with a guest's memory.
type Head struct {
	XML     string // the definition of the domain
	Cookie  string // what libvirt keeps beside it, in XML; "" for nothing
	Running bool   // the guest was running, and runs once it is restored
	// Compression is how the memory is compressed, by libvirt's numbers; 0 is not at all.
	Compression uint32

	order binary.ByteOrder // of the host that has saved it
	texts int              // room for the texts, in bytes
}

// fixed is what a head begins with.
type fixed struct {
	Magic        [len(magic)]byte
	Version      uint32
	TextsLength  uint32
	WasRunning   uint32
	Compression  uint32
	CookieOffset uint32 // in the texts; 0 for no cookie
	_            [14]uint32
}

// Size returns how long a head is, in bytes, from the first FixedSize bytes of its file. Errors are
// those of Parse.
func Size(file []byte) (int, error) {
	f, _, err := parseFixed(file)
	return FixedSize + int(f.TextsLength), err
}

// Parse parses a head, which file begins with. It returns ErrNotSaved or ErrPartial.
func Parse(file []byte) (Head, error) {
	f, order, err := parseFixed(file)
	if err != nil {
		return Head{}, err
	}
	texts := file[FixedSize:]
	if len(texts) < int(f.TextsLength) {
		return Head{}, fmt.Errorf("%w: the file ends in its head", ErrPartial)
	}
	texts = texts[:f.TextsLength]
	h := Head{
		Running: f.WasRunning != 0, Compression: f.Compression, order: order, texts: len(texts),
	}
	var whole bool
	if h.XML, whole = text(texts); !whole {
		return Head{}, fmt.Errorf("%w: the definition has no end", ErrNotSaved)
	}
	if offset := int(f.CookieOffset); offset != 0 {
		if offset <= len(h.XML) || offset >= len(texts) {
			return Head{}, fmt.Errorf("%w: the cookie is outside of the head", ErrNotSaved)
		}
		if h.Cookie, whole = text(texts[offset:]); !whole {
			return Head{}, fmt.Errorf("%w: the cookie has no end", ErrNotSaved)
		}
	}
	return h, nil
}

// parseFixed parses what a head begins with. The byte order is the host's, and the version shows it.
func parseFixed(file []byte) (f fixed, order binary.ByteOrder, err error) {
	if len(file) < FixedSize {
		return f, nil, fmt.Errorf("%w: it has %d bytes", ErrNotSaved, len(file))
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if _, err := binary.Decode(file[:FixedSize], order, &f); err != nil {
			return f, nil, err
		}
		switch string(f.Magic[:]) {
		case magic:
		case partial:
			return f, nil, ErrPartial
		default:
			return f, nil, ErrNotSaved
		}
		if f.Version == version && f.TextsLength <= maxTexts {
			return f, order, nil
		}
	}
	return f, nil, fmt.Errorf("%w: its head is of an unknown version, or too long", ErrNotSaved)
}

// text is what data has before the first zero byte; whole is false if there is none.
func text(data []byte) (text string, whole bool) {
	before, _, whole := bytes.Cut(data, []byte{0})
	return string(before), whole
}

// Render renders the head, as long as the one that Parse has parsed. It returns ErrTooLong if the
// texts need more room: libvirt leaves 64 KiB more than it needs.
func (h Head) Render() ([]byte, error) {
	f := fixed{Version: version, TextsLength: uint32(h.texts), Compression: h.Compression}
	copy(f.Magic[:], magic)
	if h.Running {
		f.WasRunning = 1
	}
	texts := append([]byte(h.XML), 0)
	if h.Cookie != "" {
		f.CookieOffset = uint32(len(texts))
		texts = append(append(texts, h.Cookie...), 0)
	}
	if len(texts) > h.texts {
		return nil, fmt.Errorf("%w: they take %d bytes, and it has room for %d", ErrTooLong, len(texts), h.texts)
	}
	head := make([]byte, FixedSize+h.texts)
	if _, err := binary.Encode(head, h.order, f); err != nil {
		return nil, err
	}
	copy(head[FixedSize:], texts)
	return head, nil
}
