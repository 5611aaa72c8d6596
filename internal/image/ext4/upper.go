package ext4

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Upper is an empty file system that is written to. It has a journal, and no data but the directory
// lost+found.
type Upper struct {
	Origin image.Origin // names it in errors
	Label  string       // at most MaxLabel bytes
	Seed   string       // the UUID is derived from it: see UUID
	Size   int64        // bytes, MinUpper at least and MaxUpper at most; what does not fill a block is not used
}

// The sizes of an upper, in bytes. A mounted one grows by the kernel's EXT4_IOC_RESIZE_FS, which is
// also how a larger one is made from a small one.
const (
	MinUpper = 8 << 20
	MaxUpper = 1 << 45
)

const (
	bytesPerInode  = 16 << 10 // as many bytes of an upper for one inode as mke2fs takes
	upperInodes    = blocksPerGroup * BlockSize / bytesPerInode
	upperTable     = upperInodes / inodesPerBlock // blocks
	minGroup       = 64                           // blocks that a last group has to have besides its metadata
	journalShare   = 64                           // one of so many blocks is the journal's
	minJournal     = 1024                         // blocks, as the kernel asks for
	maxJournal     = 8192                         // blocks; more make large bursts of changes faster
	largeJournal   = 32768                        // the same, from largeUpper on
	largeUpper     = 128 << 30                    // bytes
	lostAndFound   = "lost+found"
	journalMagic   = 0xc03b3998
	journalSuperV2 = 4
)

// Send passes the file system to a sink, in the order of its bytes, and returns how many bytes were
// sent: up to 16 GiB about 100 KB, and 12 KiB more for each 8 GiB. The others are zeros.
func (u Upper) Send(ctx context.Context, sink Sink) (sent int64, err error) {
	if u.Size < MinUpper || u.Size > MaxUpper {
		return 0, fmt.Errorf("a writable ext4 file system of %s has to have from %d to %d bytes, not %d", u.Origin,
			int64(MinUpper), int64(MaxUpper), u.Size)
	}
	id, err := newIdentity(u.Label, u.Seed)
	if err != nil {
		return 0, err
	}
	list := newUpper(id, u.Size/BlockSize).pieces()
	each := func(yield func(piece, error) bool) {
		for _, p := range list {
			if !yield(p, nil) {
				return
			}
		}
	}
	return send(ctx, u.Origin, sink, each, func(int64) int64 { return u.Size / BlockSize * BlockSize })
}

// upper places what an empty file system has. Each group has its own metadata at its beginning: a
// copy of the superblock in some, a block of descriptors in some, two bitmaps, and inodes.
type upper struct {
	identity
	counts
	groups  []group
	journal extent
	root    int64 // the block of the root directory
	lost    int64 // the block of lost+found
	list    []piece
}

func newUpper(id identity, blocks int64) *upper {
	u := &upper{identity: id, counts: counts{blocks: blocks, inodesPerGroup: upperInodes}}
	if last := u.counts.groups() - 1; last > 0 {
		if in := blocks - last*blocksPerGroup; in < upperMetadata(last)+minGroup {
			u.blocks = last * blocksPerGroup // too few for a group
		}
	}
	u.root = upperMetadata(0)
	u.lost = u.root + 1
	u.journal = extent{start: u.lost + 1, count: uint32(journalBlocks(u.blocks))}
	u.groups = make([]group, u.counts.groups())
	for i := range u.groups {
		u.groups[i] = u.group(int64(i))
	}
	return u
}

func journalBlocks(blocks int64) int64 {
	if blocks*BlockSize >= largeUpper {
		return min(largeJournal, int64(blocksPerGroup-1024-upperTable))
	}
	return max(minJournal, min(maxJournal, blocks/journalShare))
}

// hasSuperblock reports whether a group has a copy of the superblock, by the rule of sparse_super.
func hasSuperblock(number int64) bool {
	if number <= 1 {
		return true
	}
	for _, base := range []int64{3, 5, 7} {
		n := base
		for n < number {
			n *= base
		}
		if n == number {
			return true
		}
	}
	return false
}

// descriptorBlock is where a group has its block of descriptors, counted from its own first block,
// if it has one. The superblock comes before it.
func descriptorBlock(number int64) int64 {
	if hasSuperblock(number) {
		return 1
	}
	return 0
}

// upperMetadata is how many blocks of a group metadata takes.
func upperMetadata(number int64) int64 {
	return upperBitmaps(number) + 2 + upperTable
}

// upperBitmaps is where in a group its bitmaps begin.
func upperBitmaps(number int64) int64 {
	n := descriptorBlock(number)
	if hasDescriptors(number) {
		n++
	}
	return n
}

// group describes a group, and adds up what is free.
func (u *upper) group(number int64) group {
	first := number * blocksPerGroup
	all := min(u.blocks-first, blocksPerGroup)
	at := first + upperBitmaps(number)
	g := group{
		blockBitmap:  at,
		inodeBitmap:  at + 1,
		inodeTable:   at + 2,
		freeBlocks:   all - upperMetadata(number),
		freeInodes:   upperInodes,
		unusedInodes: upperInodes,
		flags:        groupInodesUnused | groupBlocksUnused | groupTableZeroed,
	}
	if number == 0 {
		g.dirs = 2
		g.freeBlocks -= 2 + int64(u.journal.count)
		g.freeInodes -= firstInode
		g.unusedInodes -= firstInode
		g.flags = groupTableZeroed
		inodes := bitmap(firstInode, upperInodes)
		g.inodeSum = u.sums.over(inodes[:upperInodes/8])
		u.add(g.inodeBitmap, inodes)
	}
	if number == 0 || number == u.counts.groups()-1 { // the last one may be shorter than others
		g.flags &^= groupBlocksUnused
		blocks := bitmap(all-g.freeBlocks, all)
		g.blockSum = u.sums.over(blocks)
		u.add(g.blockBitmap, blocks)
	}
	u.freeBlocks += g.freeBlocks
	u.freeInode += g.freeInodes
	return g
}

func (u *upper) add(block int64, data []byte) {
	u.list = append(u.list, piece{offset: block * BlockSize, data: data})
}

// pieces are all bytes that are not zeros, in order.
func (u *upper) pieces() []piece {
	rootInodeOf, lost, journal := u.inodes()
	s := u.superblock(u.counts)
	s.Compat |= compatHasJournal
	s.ROCompat |= roSparseSuper
	s.Errors = errorsReadOnly
	s.JournalInode, s.JournalBackup = journalInode, journalBackupBlock
	for i := range s.JournalBlocks[:15] {
		s.JournalBlocks[i] = le.Uint32(journal.content[4*i:])
	}
	s.JournalBlocks[16] = uint32(journal.size)
	for number := range u.counts.groups() {
		first := number * blocksPerGroup
		if number == 0 {
			u.list = append(u.list, piece{offset: superblockOffset, data: s.encode()})
		} else if hasSuperblock(number) {
			s.GroupNumber = uint16(number)
			u.add(first, s.encode())
		}
		if hasDescriptors(number) {
			u.add(first+descriptorBlock(number), descriptors(u.sums, u.groups, number/descsPerBlock))
		}
	}
	table := make([]byte, BlockSize)
	for number, n := range map[uint32]*inode{rootInode: rootInodeOf, journalInode: journal, firstInode: lost} {
		n.encode(table[(number-1)*inodeSize:][:inodeSize], u.sums, number)
	}
	u.add(u.groups[0].inodeTable, table)
	u.add(u.journal.start, u.journalSuperblock())
	slices.SortFunc(u.list, func(a, b piece) int { return cmp.Compare(a.offset, b.offset) })
	return u.list
}

// inodes makes the inodes that are used, and the blocks of the directories.
func (u *upper) inodes() (root, lost, journal *inode) {
	root = &inode{mode: modeDir | 0o755, links: 3, size: BlockSize}
	lost = &inode{mode: modeDir | 0o700, links: 2, size: BlockSize}
	journal = &inode{mode: modeRegular | 0o600, links: 1, size: int64(u.journal.count) * BlockSize}
	for _, d := range []struct {
		n       *inode
		self    uint32
		block   int64
		entries []entry
	}{
		{root, rootInode, u.root, []entry{{name: lostAndFound, ino: firstInode, kind: typeDirectory}}},
		{lost, firstInode, u.lost, nil},
	} {
		of := directory{sums: u.sums.ofInode(d.self), self: d.self, parent: rootInode}
		blocks, _ := of.encode(d.entries)
		u.add(d.block, blocks[0])
		u.fits(d.n, d.self, extent{start: d.block, count: 1})
	}
	u.fits(journal, journalInode, u.journal)
	return root, lost, journal
}

// fits maps an inode by one extent.
func (u *upper) fits(n *inode, number uint32, e extent) {
	if err := n.mapped(extents{e}, u.sums, number, nil); err != nil {
		panic(err) // one extent is never stored elsewhere
	}
}

// journalSuperblock is the first block of the journal: struct journal_superblock_s, of a journal
// with nothing in it.
func (u *upper) journalSuperblock() []byte {
	var data bytes.Buffer
	for _, n := range []uint32{journalMagic, journalSuperV2, 0, BlockSize, u.journal.count, 1, 1, 0} {
		_ = binary.Write(&data, binary.BigEndian, n) // which never fails
	}
	block := make([]byte, BlockSize)
	copy(block, data.Bytes())
	copy(block[0x30:], u.uuid[:])
	binary.BigEndian.PutUint32(block[0x40:], 1) // file systems that use it
	return block
}
