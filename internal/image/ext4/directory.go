package ext4

import (
	"cmp"
	"slices"
)

const (
	maxName       = 255 // bytes
	entryHeader   = 8
	entryTail     = 12 // of a block of entries: an entry without a name, which has the checksum
	typeOfTail    = 0xde
	typeDirectory = 2
	leafRoom      = BlockSize - entryTail
	treeRootSize  = 32 // what is in the root of a hash tree before its entries
	treeNodeSize  = 8
	treeEntry     = 8
	treeTail      = 8 // with the checksum; as long as an entry
	perTreeRoot   = (BlockSize - treeRootSize - treeTail) / treeEntry
	perTreeNode   = (BlockSize - treeNodeSize - treeTail) / treeEntry
)

// entry is a name in a directory, and what it stands for.
type entry struct {
	name string
	ino  uint32
	kind uint8 // see inode.fileType
	hash nameHash
}

func entrySize(name string) int { return int(roundUp(entryHeader+int64(len(name)), 4)) }

// directory are the blocks of a directory, in order. Names are in order of their bytes if all fit in
// one block. Otherwise they are in a hash tree, in the order of their hashes.
type directory struct {
	sums   sum // of the directory's inode
	self   uint32
	parent uint32
	seed   [4]uint32
}

// encode returns the blocks of the directory, and the flags that its inode needs. It sorts entries.
func (d *directory) encode(entries []entry) (blocks [][]byte, flags uint32) {
	size := 2 * entrySize("..")
	for _, e := range entries {
		size += entrySize(e.name)
	}
	if size <= leafRoom {
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
		dots := []entry{{name: ".", ino: d.self, kind: typeDirectory}, {name: "..", ino: d.parent, kind: typeDirectory}}
		return [][]byte{d.leaf(append(dots, entries...))}, 0
	}
	for i := range entries {
		entries[i].hash = hashOf(entries[i].name, d.seed)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(a.hash.compare(b.hash), cmp.Compare(a.name, b.name))
	})
	return d.tree(entries), flagIndex
}

// leaf is a block with entries. The last one reaches to the block's tail.
func (d *directory) leaf(entries []entry) []byte {
	block := make([]byte, BlockSize)
	at := 0
	for i, e := range entries {
		size := entrySize(e.name)
		if i == len(entries)-1 {
			size = leafRoom - at
		}
		putEntry(block[at:], e, size)
		at += size
	}
	le.PutUint16(block[leafRoom+4:], entryTail)
	block[leafRoom+7] = typeOfTail
	le.PutUint32(block[leafRoom+8:], uint32(d.sums.over(block[:leafRoom])))
	return block
}

func putEntry(at []byte, e entry, size int) {
	le.PutUint32(at[0:], e.ino)
	le.PutUint16(at[4:], uint16(size))
	at[6], at[7] = uint8(len(e.name)), e.kind
	copy(at[entryHeader:], e.name)
}

// pointer leads to a block of the directory by the least hash there.
type pointer struct {
	hash  uint32
	block uint32
}

// tree has the root first, then the nodes below it, if there are any, and the leaves last.
func (d *directory) tree(entries []entry) [][]byte {
	var leaves [][]byte
	var pointers []pointer
	for rest := entries; len(rest) > 0; {
		n, size := 0, 0
		for n < len(rest) && size+entrySize(rest[n].name) <= leafRoom {
			size += entrySize(rest[n].name)
			n++
		}
		p := pointer{hash: rest[0].hash.major}
		if before := len(entries) - len(rest) - 1; before >= 0 && entries[before].hash.major == p.hash {
			p.hash |= 1 // names of one hash go on from the block before
		}
		leaves, pointers = append(leaves, d.leaf(rest[:n])), append(pointers, p)
		rest = rest[n:]
	}
	levels, nodes := 0, 0
	if len(leaves) > perTreeRoot {
		levels, nodes = 1, (len(leaves)+perTreeNode-1)/perTreeNode
	}
	for i := range pointers {
		pointers[i].block = uint32(1 + nodes + i)
	}
	blocks := make([][]byte, 1, 1+nodes+len(leaves))
	top := pointers
	if nodes > 0 {
		top = nil
		for rest := pointers; len(rest) > 0; {
			some := rest[:min(len(rest), perTreeNode)]
			rest = rest[len(some):]
			top = append(top, pointer{hash: some[0].hash, block: uint32(len(blocks))})
			block := make([]byte, BlockSize)
			le.PutUint16(block[4:], BlockSize) // one entry that stands for nothing
			d.pointers(block, treeNodeSize, perTreeNode, some)
			blocks = append(blocks, block)
		}
	}
	blocks[0] = d.treeRoot(levels, top)
	return append(blocks, leaves...)
}

func (d *directory) treeRoot(levels int, top []pointer) []byte {
	block := make([]byte, BlockSize)
	putEntry(block, entry{name: ".", ino: d.self, kind: typeDirectory}, entrySize("."))
	putEntry(block[12:], entry{name: "..", ino: d.parent, kind: typeDirectory}, BlockSize-12)
	info := block[treeRootSize-8:]
	info[4], info[5], info[6] = hashTEA, 8, uint8(levels) // 8 is the length of this information
	d.pointers(block, treeRootSize, perTreeRoot, top)
	return block
}

// pointers fills a block of the tree from offset on. The hash of the first pointer is not written:
// its place has the limit and the count.
func (d *directory) pointers(block []byte, offset, limit int, list []pointer) {
	for i, p := range list {
		le.PutUint32(block[offset+treeEntry*i:], p.hash)
		le.PutUint32(block[offset+treeEntry*i+4:], p.block)
	}
	le.PutUint16(block[offset:], uint16(limit))
	le.PutUint16(block[offset+2:], uint16(len(list)))
	// The checksum is of what is used, and of the tail with zeros in the checksum's place.
	var tail [treeTail]byte
	check := d.sums.over(block[:offset+treeEntry*len(list)]).over(tail[:])
	le.PutUint32(block[offset+treeEntry*limit+4:], uint32(check))
}

// maxNames is how many names a directory may have: what a tree with one level of nodes holds, if
// all names have maxName bytes.
const maxNames = perTreeRoot * perTreeNode * (leafRoom / (entryHeader + maxName + 1))
