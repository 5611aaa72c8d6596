package ext4

const (
	groupInodesUnused = 0x1 // the bitmap and the table of inodes need not be read
	groupBlocksUnused = 0x2 // the bitmap of blocks need not be read: only metadata is there
	groupTableZeroed  = 0x4 // the table of inodes is zeros where it is not used, so nobody has to clear it
)

// group is what the descriptor of a block group says. Numbers of blocks are those of the file
// system.
type group struct {
	blockBitmap, inodeBitmap, inodeTable int64
	freeBlocks, freeInodes, dirs         int64
	unusedInodes                         int64 // at the end of the table
	flags                                uint16
	blockSum, inodeSum                   sum // of the bitmaps
}

// encode returns the descriptor of the group of that number, with its checksum.
func (g group) encode(sums sum, number int64) []byte {
	d := make([]byte, descSize)
	split32 := func(lo, hi int, n int64) {
		le.PutUint32(d[lo:], uint32(n))
		le.PutUint32(d[hi:], uint32(n>>32))
	}
	split16 := func(lo, hi int, n int64) {
		le.PutUint16(d[lo:], uint16(n))
		le.PutUint16(d[hi:], uint16(n>>16))
	}
	split32(0x00, 0x20, g.blockBitmap)
	split32(0x04, 0x24, g.inodeBitmap)
	split32(0x08, 0x28, g.inodeTable)
	split16(0x0c, 0x2c, g.freeBlocks)
	split16(0x0e, 0x2e, g.freeInodes)
	split16(0x10, 0x30, g.dirs)
	le.PutUint16(d[0x12:], g.flags)
	split16(0x18, 0x38, int64(g.blockSum))
	split16(0x1a, 0x3a, int64(g.inodeSum))
	split16(0x1c, 0x32, g.unusedInodes)
	le.PutUint16(d[0x1e:], uint16(sums.over32(uint32(number)).over(d))) // with zeros in its place
	return d
}

// descriptors returns the block with the descriptors of all groups of one meta group, and zeros for
// those that do not exist.
func descriptors(sums sum, groups []group, meta int64) []byte {
	block := make([]byte, 0, BlockSize)
	for number := meta * descsPerBlock; number < min(int64(len(groups)), (meta+1)*descsPerBlock); number++ {
		block = append(block, groups[number].encode(sums, number)...)
	}
	return block[:BlockSize]
}

// hasDescriptors reports whether a group has the block of descriptors of its meta group: the first
// has it, and the second and the last have copies.
func hasDescriptors(number int64) bool {
	in := number % descsPerBlock
	return in == 0 || in == 1 || in == descsPerBlock-1
}

// bitmap is a block with the first n bits set, and also those from end on, which stand for nothing.
func bitmap(n, end int64) []byte {
	block := make([]byte, BlockSize)
	set := func(from, to int64) {
		for i := from; i < to; i++ {
			if i%8 == 0 && to-i >= 8 {
				block[i/8] = 0xff
				i += 7
				continue
			}
			block[i/8] |= 1 << (i % 8)
		}
	}
	set(0, n)
	set(end, 8*BlockSize)
	return block
}
