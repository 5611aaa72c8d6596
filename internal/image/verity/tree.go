package verity

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

const (
	blockSize = 4096                    // bytes of a block of data, and of a block of the tree
	fanOut    = blockSize / sha256.Size // hashes in a block of the tree

	// ChunkSize is the data, in bytes, below one block of the tree's lowest level.
	ChunkSize = blockSize * fanOut
	// maxLevels is how many levels a tree has at most, for a file of less than 2^63 bytes.
	maxLevels = 9
)

type hash = [sha256.Size]byte

var zeroBlock [blockSize]byte

// zeroHash has the hashes of data that is all zeros: of one block, and of a full block of the tree
// on each level.
var zeroHash = func() (of [maxLevels]hash) {
	of[0] = sha256.Sum256(zeroBlock[:])
	for level := 1; level < maxLevels; level++ {
		of[level] = sha256.Sum256(bytes.Repeat(of[level-1][:], fanOut))
	}
	return of
}()

// tree is a Merkle tree that grows from left to right. It keeps only the blocks that are not full
// yet, one on each level.
type tree struct {
	levels [maxLevels][]byte
}

// add adds a hash to a block of a level, whose lower levels have only full blocks. Level 0 has the
// hashes of the data's blocks.
func (t *tree) add(level int, h hash) {
	t.levels[level] = append(t.levels[level], h[:]...)
	if len(t.levels[level]) == blockSize {
		h = sha256.Sum256(t.levels[level])
		t.levels[level] = t.levels[level][:0]
		t.add(level+1, h)
	}
}

// addZeros adds n hashes of zeros to a level, as add does n times.
func (t *tree) addZeros(level int, n int64) {
	for ; n > 0 && len(t.levels[level]) > 0; n-- {
		t.add(level, zeroHash[level])
	}
	if n >= fanOut {
		t.addZeros(level+1, n/fanOut)
		n %= fanOut
	}
	for ; n > 0; n-- {
		t.add(level, zeroHash[level])
	}
}

// root fills up the blocks that are not full with zeros, and returns the tree's root: the only hash
// of its level. Of a tree without hashes it is zero. Nothing is added to the tree after it.
func (t *tree) root() (root hash) {
	for level := 0; ; level++ {
		hashes := t.levels[level]
		if len(hashes) <= sha256.Size && t.top() <= level {
			copy(root[:], hashes)
			return root
		}
		if len(hashes) > 0 {
			t.levels[level] = nil
			t.add(level+1, sumPadded(hashes))
		}
	}
}

// top is the highest level that has hashes; 0 if there are none.
func (t *tree) top() int {
	top := maxLevels - 1
	for top > 0 && len(t.levels[top]) == 0 {
		top--
	}
	return top
}

// sumPadded is the hash of a block, which is filled up with zeros.
func sumPadded(block []byte) hash {
	if len(block) == blockSize {
		return sha256.Sum256(block)
	}
	var whole [blockSize]byte
	copy(whole[:], block)
	return sha256.Sum256(whole[:])
}

// digest is the hash of the descriptor (struct fsverity_descriptor) of a file of size bytes.
func digest(size int64, root hash) hash {
	var d [256]byte
	d[0] = 1  // version
	d[1] = 1  // SHA-256
	d[2] = 12 // log2 of blockSize
	binary.LittleEndian.PutUint64(d[8:], uint64(size))
	copy(d[16:], root[:])
	return sha256.Sum256(d[:])
}
