package ext4

const (
	extentMagic   = 0xf30a
	extentSize    = 12                                    // bytes of an extent, a reference, and a header
	maxExtent     = 32768                                 // blocks of one extent
	inodeExtents  = 4                                     // that fit in an inode
	blockExtents  = (BlockSize - extentSize) / extentSize // that fit in a block
	maxFileBlocks = 1<<32 - 1                             // of a file: the numbers of its blocks have 32 bits
)

// extent says where blocks of a file are: count of them, from the block logical of the file on, are
// at start in the file system.
type extent struct {
	logical, count uint32
	start          int64
}

// extents map a file. What lies between them is holes.
type extents []extent

// add appends blocks, which come after all that were added before.
func (e *extents) add(logical, start, count int64) {
	if last := len(*e) - 1; last >= 0 {
		l := &(*e)[last]
		if int64(l.logical)+int64(l.count) == logical && l.start+int64(l.count) == start {
			joined := min(count, maxExtent-int64(l.count))
			l.count += uint32(joined)
			logical, start, count = logical+joined, start+joined, count-joined
		}
	}
	for count > 0 {
		n := min(count, maxExtent)
		*e = append(*e, extent{logical: uint32(logical), count: uint32(n), start: start})
		logical, start, count = logical+n, start+n, count-n
	}
}

// reference leads to a node of the tree of extents.
type reference struct {
	logical uint32
	block   int64
}

// node encodes a node with room for limit entries: one with extents, at depth 0, or with
// references.
func encodeExtents(data []byte, depth, limit int, leaf []extent, inner []reference) {
	le.PutUint16(data[0:], extentMagic)
	le.PutUint16(data[2:], uint16(len(leaf)+len(inner)))
	le.PutUint16(data[4:], uint16(limit))
	le.PutUint16(data[6:], uint16(depth))
	at := data[extentSize:]
	for _, e := range leaf {
		le.PutUint32(at[0:], e.logical)
		le.PutUint16(at[4:], uint16(e.count))
		le.PutUint16(at[6:], uint16(e.start>>32))
		le.PutUint32(at[8:], uint32(e.start))
		at = at[extentSize:]
	}
	for _, r := range inner {
		le.PutUint32(at[0:], r.logical)
		le.PutUint32(at[4:], uint32(r.block))
		le.PutUint16(at[8:], uint16(r.block>>32))
		at = at[extentSize:]
	}
}

// mapped puts the extents into the inode with that number. If they do not fit there, store puts
// blocks of the tree into the file system, and returns where.
func (n *inode) mapped(list extents, sums sum, number uint32, store func([]byte) (int64, error)) error {
	n.flags |= flagExtents
	for _, e := range list {
		n.blocks += int64(e.count)
	}
	if len(list) <= inodeExtents {
		encodeExtents(n.content[:], 0, inodeExtents, list, nil)
		return nil
	}
	keep := func(depth int, leaf []extent, inner []reference) (int64, error) {
		block := make([]byte, BlockSize)
		encodeExtents(block, depth, blockExtents, leaf, inner)
		tail := extentSize + blockExtents*extentSize
		le.PutUint32(block[tail:], uint32(sums.ofInode(number).over(block[:tail])))
		n.blocks++
		return store(block)
	}
	var level []reference
	for rest := list; len(rest) > 0; {
		some := rest[:min(len(rest), blockExtents)]
		rest = rest[len(some):]
		at, err := keep(0, some, nil)
		if err != nil {
			return err
		}
		level = append(level, reference{some[0].logical, at})
	}
	depth := 1
	for ; len(level) > inodeExtents; depth++ {
		var above []reference
		for rest := level; len(rest) > 0; {
			some := rest[:min(len(rest), blockExtents)]
			rest = rest[len(some):]
			at, err := keep(depth, nil, some)
			if err != nil {
				return err
			}
			above = append(above, reference{some[0].logical, at})
		}
		level = above
	}
	encodeExtents(n.content[:], depth, inodeExtents, nil, level)
	return nil
}
