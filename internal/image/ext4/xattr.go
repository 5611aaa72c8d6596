package ext4

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	xattrMagic       = 0xea020000
	xattrBlockHeader = 32
	xattrEntry       = 16
	xattrEnd         = 4 // bytes of zeros after the last entry
)

// namespaces are the beginnings of names that the format replaces by a number.
var namespaces = []struct {
	prefix string
	index  uint8
	whole  bool // the prefix is the whole name
}{
	{"user.", 1, false},
	{"system.posix_acl_access", 2, true},
	{"system.posix_acl_default", 3, true},
	{"trusted.", 4, false},
	{"security.", 6, false},
}

// xattr is an extended attribute as an inode has it.
type xattr struct {
	index uint8
	name  string // after the prefix
	value []byte
}

// newXattr is the attribute with that name; false if no file on Linux has attributes of that
// namespace, as is true of those of other systems.
func newXattr(name string, value []byte) (xattr, bool, error) {
	for _, n := range namespaces {
		rest, found := strings.CutPrefix(name, n.prefix)
		if !found || n.whole != (rest == "") {
			continue
		}
		if len(rest) > maxName || strings.ContainsRune(rest, 0) {
			return xattr{}, false, fmt.Errorf("its name has a zero byte, or more than %d bytes", maxName)
		}
		if n.whole {
			list, err := storedACL(value)
			if err != nil {
				return xattr{}, false, err
			}
			value = list
		}
		return xattr{n.index, rest, value}, true, nil
	}
	return xattr{}, false, nil
}

func (x xattr) entrySize() int { return int(roundUp(xattrEntry+int64(len(x.name)), 4)) }

func (x xattr) valueSize() int { return int(roundUp(int64(len(x.value)), 4)) }

// hash is the attribute's own hash, of its name and its value.
func (x xattr) hash() (h uint32) {
	for _, c := range []byte(x.name) {
		h = h<<5 ^ h>>27 ^ uint32(c)
	}
	value := append(slices.Clip(x.value), make([]byte, x.valueSize()-len(x.value))...)
	for ; len(value) > 0; value = value[4:] {
		h = h<<16 ^ h>>16 ^ le.Uint32(value)
	}
	return h
}

// xattrSize is how much all need, without what comes before them.
func xattrSize(list []xattr) int {
	size := xattrEnd
	for _, x := range list {
		size += x.entrySize() + x.valueSize()
	}
	return size
}

// putXattrs puts entries at the beginning of area, and values at its end. Where a value is, is
// counted from base bytes before the area.
func putXattrs(area []byte, base int, list []xattr, hashed bool) {
	at, end := 0, len(area)
	for _, x := range list {
		e := area[at:]
		e[0], e[1] = uint8(len(x.name)), x.index
		if len(x.value) > 0 {
			end -= x.valueSize()
			copy(area[end:], x.value)
			le.PutUint16(e[2:], uint16(base+end))
		}
		le.PutUint32(e[8:], uint32(len(x.value)))
		if hashed {
			le.PutUint32(e[12:], x.hash())
		}
		copy(e[xattrEntry:], x.name)
		at += x.entrySize()
	}
}

var errXattrRoom = errors.New("its extended attributes need more than a block of 4096 bytes")

// withXattrs puts attributes into the inode if they fit, and else into a block, for which place
// returns a number, and which store then stores.
func (n *inode) withXattrs(
	list []xattr, sums sum, place func() (int64, error), store func(block int64, data []byte) error,
) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b xattr) int {
		return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	size := xattrSize(list)
	if size <= inodeXattrs-4 {
		n.xattrs = make([]byte, inodeXattrs)
		le.PutUint32(n.xattrs, xattrMagic)
		putXattrs(n.xattrs[4:], 0, list, false)
		return nil
	}
	if size > BlockSize-xattrBlockHeader {
		return errXattrRoom
	}
	block := make([]byte, BlockSize)
	putXattrs(block[xattrBlockHeader:], xattrBlockHeader, list, true)
	var hash uint32
	for _, x := range list {
		hash = hash<<16 ^ hash>>16 ^ x.hash()
	}
	le.PutUint32(block[0x00:], xattrMagic)
	le.PutUint32(block[0x04:], 1) // inodes that have it
	le.PutUint32(block[0x08:], 1) // blocks
	le.PutUint32(block[0x0c:], hash)
	at, err := place()
	if err != nil {
		return err
	}
	le.PutUint32(block[0x10:], uint32(sums.over64(uint64(at)).over(block)))
	n.xattrBlock = at
	n.blocks++
	return store(at, block)
}
