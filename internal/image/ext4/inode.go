package ext4

import "time"

// The types of files in an inode's mode.
const (
	modeFifo    = 0x1000
	modeChar    = 0x2000
	modeDir     = 0x4000
	modeBlock   = 0x6000
	modeRegular = 0x8000
	modeSymlink = 0xa000
	modeType    = 0xf000
)

const (
	flagIndex   = 0x1000  // a directory with a hash tree
	flagExtents = 0x80000 // the inode maps its blocks by extents

	extraSize    = 32 // bytes of an inode's fields after the first 128
	inodeFields  = 128 + extraSize
	inodeXattrs  = inodeSize - inodeFields // bytes that are left for extended attributes
	maxLinks     = 65000                   // of a file; directories with more have 1, for "unknown"
	inlineTarget = 59                      // bytes of a symbolic link's target that fit in its inode
)

// inode is what an inode holds, but for its number.
type inode struct {
	mode                   uint16
	uid, gid               uint32
	links                  int64
	size                   int64 // bytes
	blocks                 int64 // that belong to it, those with extents and extended attributes included
	flags                  uint32
	accessed, changed, mod stamp
	content                [60]byte // the root of the extents, a short target, or a device's number
	xattrBlock             int64    // the number of the block with extended attributes, or 0
	xattrs                 []byte   // those within the inode, inodeXattrs bytes at most
}

// encode writes the inode with that number into data, which has inodeSize bytes of zeros.
func (n *inode) encode(data []byte, sums sum, number uint32) {
	links := n.links
	if n.mode&modeType == modeDir && links > maxLinks {
		links = 1
	}
	sectors := n.blocks * (BlockSize / 512)
	le.PutUint16(data[0x00:], n.mode)
	le.PutUint16(data[0x02:], uint16(n.uid))
	le.PutUint32(data[0x04:], uint32(n.size))
	le.PutUint32(data[0x08:], n.accessed.seconds)
	le.PutUint32(data[0x0c:], n.changed.seconds)
	le.PutUint32(data[0x10:], n.mod.seconds)
	le.PutUint16(data[0x18:], uint16(n.gid))
	le.PutUint16(data[0x1a:], uint16(links))
	le.PutUint32(data[0x1c:], uint32(sectors))
	le.PutUint32(data[0x20:], n.flags)
	copy(data[0x28:], n.content[:])
	le.PutUint32(data[0x68:], uint32(n.xattrBlock))
	le.PutUint32(data[0x6c:], uint32(n.size>>32))
	le.PutUint16(data[0x74:], uint16(sectors>>32))
	le.PutUint16(data[0x76:], uint16(n.xattrBlock>>32))
	le.PutUint16(data[0x78:], uint16(n.uid>>16))
	le.PutUint16(data[0x7a:], uint16(n.gid>>16))
	le.PutUint16(data[0x80:], extraSize)
	le.PutUint32(data[0x84:], n.changed.extra)
	le.PutUint32(data[0x88:], n.mod.extra)
	le.PutUint32(data[0x8c:], n.accessed.extra)
	le.PutUint32(data[0x90:], n.mod.seconds) // when it was made
	le.PutUint32(data[0x94:], n.mod.extra)
	copy(data[inodeFields:], n.xattrs)
	check := sums.ofInode(number).over(data[:inodeSize])
	le.PutUint16(data[0x7c:], uint16(check))
	le.PutUint16(data[0x82:], uint16(check>>16))
}

// stamp is a time in an inode: the lower bits of its seconds, and two more bits of them with the
// nanoseconds.
type stamp struct{ seconds, extra uint32 }

// The seconds that a stamp reaches: from 1901 to 2446.
const (
	firstSecond = -1 << 31
	lastSecond  = 1<<34 - 1<<31 - 1
)

// stampOf is the stamp of a time, or the nearest one there is.
func stampOf(t time.Time) stamp {
	seconds, nanos := t.Unix(), t.Nanosecond()
	if t.IsZero() {
		seconds, nanos = 0, 0
	}
	if seconds < firstSecond {
		seconds, nanos = firstSecond, 0
	}
	if seconds > lastSecond {
		seconds, nanos = lastSecond, 0
	}
	epoch := (seconds - int64(int32(seconds))) >> 32
	return stamp{seconds: uint32(seconds), extra: uint32(nanos)<<2 | uint32(epoch)&3}
}

// device puts the number of a device where the kernel looks for it: the old form of 16 bits if that
// is enough, and otherwise the new one, in the second word.
func (n *inode) device(major, minor uint32) {
	if major < 1<<8 && minor < 1<<8 {
		le.PutUint32(n.content[0:], major<<8|minor)
		return
	}
	le.PutUint32(n.content[4:], minor&0xff|major<<8|minor&^0xff<<12)
}

// The numbers of devices that the kernel has.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// fileType is the type of a file as entries of directories have it.
func (n *inode) fileType() uint8 {
	switch n.mode & modeType {
	case modeRegular:
		return 1
	case modeDir:
		return 2
	case modeChar:
		return 3
	case modeBlock:
		return 4
	case modeFifo:
		return 5
	case modeSymlink:
		return 7
	}
	return 0
}
