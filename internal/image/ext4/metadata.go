package ext4

// layout is where the metadata of a base is, behind everything else.
type layout struct {
	counts
	cursor      cursor // behind the last block
	blockMaps   []int64
	inodeMaps   []int64
	inodeTables []int64
}

// metadata stores the bitmaps and the inodes, and makes the late blocks.
func (w *writer) metadata() error {
	inodes := w.tree.ordered()
	l := w.cursor.layout(int64(len(inodes)))
	if l.blocks > maxBlocks {
		return w.options.Origin.Unsupported("", "it does not fit into %d bytes", int64(maxBlocks*BlockSize))
	}
	w.size = l.blocks * BlockSize
	groups := make([]group, l.groups())
	for i := range groups {
		g := &groups[i]
		g.blockBitmap, g.inodeBitmap, g.inodeTable = l.blockMaps[i], l.inodeMaps[i], l.inodeTables[i]
		block := l.usedBlocks(int64(i), g)
		if err := w.out.write(g.blockBitmap, block); err != nil {
			return err
		}
		g.blockSum = w.id.sums.over(block)
		l.freeBlocks += g.freeBlocks
	}
	for i := range groups {
		g := &groups[i]
		block := l.usedInodes(int64(i), g, inodes)
		if err := w.out.write(g.inodeBitmap, block); err != nil {
			return err
		}
		g.inodeSum = w.id.sums.over(block[:l.inodesPerGroup/8])
		l.freeInode += g.freeInodes
	}
	if err := w.inodes(inodes, l); err != nil {
		return err
	}
	w.late = w.lateBlocks(l.counts, groups)
	return nil
}

// layout places the metadata for that many inodes behind the cursor.
func (c cursor) layout(inodes int64) layout {
	for groups := (c.next + blocksPerGroup) / blocksPerGroup; ; groups++ {
		l := layout{cursor: c}
		l.inodesPerGroup = roundUp((inodes+groups-1)/groups, inodesPerBlock)
		if l.inodesPerGroup > maxGroupInodes {
			continue
		}
		for range groups {
			at, _ := l.cursor.take(1)
			l.blockMaps = append(l.blockMaps, at)
		}
		for range groups {
			at, _ := l.cursor.take(1)
			l.inodeMaps = append(l.inodeMaps, at)
		}
		for range groups {
			l.inodeTables = append(l.inodeTables, l.cursor.takeTogether(l.inodesPerGroup/inodesPerBlock))
		}
		l.blocks = l.cursor.next
		needed := l.groups()
		if needed > groups {
			continue
		}
		if needed < groups { // there are more inodes than so few groups have
			l.cursor.gaps = append(l.cursor.gaps, l.cursor.unused(groups*blocksPerGroup)...)
			l.blocks = groups * blocksPerGroup
		}
		return l
	}
}

// unused are the blocks for data from the cursor to the end.
func (c cursor) unused(end int64) (gaps []gap) {
	for {
		start, taken := c.take(end - c.next)
		if start >= end {
			return gaps
		}
		gaps = append(gaps, gap{start, min(taken, end-start)})
		if c.next >= end {
			return gaps
		}
	}
}

// usedBlocks is the bitmap of a group's blocks.
func (l *layout) usedBlocks(number int64, g *group) []byte {
	first := number * blocksPerGroup
	end := min(l.blocks-first, blocksPerGroup)
	block := bitmap(end, end)
	for _, gap := range l.cursor.gaps {
		for b := max(gap.start, first); b < min(gap.start+gap.count, first+end); b++ {
			block[(b-first)/8] &^= 1 << ((b - first) % 8)
			g.freeBlocks++
		}
	}
	return block
}

// usedInodes is the bitmap of a group's inodes.
func (l *layout) usedInodes(number int64, g *group, inodes []*node) []byte {
	first := min(number*l.inodesPerGroup, int64(len(inodes)))
	used := inodes[first:min(first+l.inodesPerGroup, int64(len(inodes)))]
	for _, n := range used {
		if n != nil && n.children != nil {
			g.dirs++
		}
	}
	g.freeInodes = l.inodesPerGroup - int64(len(used))
	g.unusedInodes = g.freeInodes
	g.flags = groupTableZeroed
	if len(used) == 0 {
		g.flags |= groupInodesUnused
	}
	return bitmap(int64(len(used)), l.inodesPerGroup)
}

// inodes stores the inodes that are used, and the last block of the file system in any case.
func (w *writer) inodes(inodes []*node, l layout) error {
	block := make([]byte, BlockSize)
	last := int64(-1)
	for at := int64(0); at < int64(len(inodes)); at += inodesPerBlock {
		clear(block)
		for i, n := range inodes[at:min(at+inodesPerBlock, int64(len(inodes)))] {
			if n != nil {
				n.encode(block[i*inodeSize:][:inodeSize], w.id.sums, n.ino)
			}
		}
		last = l.inodeTables[at/l.inodesPerGroup] + at%l.inodesPerGroup/inodesPerBlock
		if err := w.out.write(last, block); err != nil {
			return err
		}
	}
	if end := l.blocks - 1; last < end && !reserved(end) {
		clear(block)
		return w.out.write(end, block)
	}
	return nil
}

// lateBlocks are the superblock and the descriptors of all groups, in order.
func (w *writer) lateBlocks(c counts, groups []group) (list []late) {
	s := w.id.superblock(c)
	s.Compat |= compatSparseSuper2 // and no copies of the superblock: what is not changed is not damaged
	s.Incompat |= incompatFlexBg
	s.ROCompat |= roReadonly
	s.LogGroupsPerFlex = 4
	first := make([]byte, BlockSize)
	copy(first[superblockOffset:], s.encode())
	list = append(list, late{0, first})
	for number := range c.groups() {
		if hasDescriptors(number) {
			block := max(1, number*blocksPerGroup)
			list = append(list, late{block, descriptors(w.id.sums, groups, number/descsPerBlock)})
		}
	}
	return list
}
