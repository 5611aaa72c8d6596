// Package blockmap describes what a disk holds, block by block, without having the disk, so that
// only the differences of another disk need to be sent.
package blockmap

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"sort"
)

// BlockSize is how much of a disk one block is, in bytes: the size of qcow2's clusters. The last
// block of a disk counts as if it were filled up with zeros.
const BlockSize = 64 << 10

// Sum stands for the content of a block. It is a GMAC (NIST SP 800-38D) under a key that only the
// maps of one family have. It is as fast as reading memory, and without the key it is not possible
// to construct two blocks with the same sum.
type Sum [16]byte

// Map has the sums of a disk's blocks. Blocks of zeros have none.
type Map struct {
	Size int64 // bytes of the disk
	key  [16]byte
	mac  cipher.AEAD
	runs []run
}

// run is a row of blocks none of which is zeros.
type run struct {
	first int64
	sums  []Sum
}

func (r run) end() int64 { return r.first + int64(len(r.sums)) }

// New creates the map of a disk of zeros, the first of a family.
func New(size int64) *Map {
	var key [16]byte
	_, _ = rand.Read(key[:]) // which never fails
	return newMap(size, key)
}

// Like creates the map of a disk of zeros whose sums can be compared with m's.
func (m *Map) Like(size int64) *Map { return newMap(size, m.key) }

func newMap(size int64, key [16]byte) *Map {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	mac, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return &Map{Size: size, key: key, mac: mac}
}

// SumOf returns the sum of a block, which may be shorter than BlockSize: what is missing counts as
// zeros.
func (m *Map) SumOf(block []byte) (sum Sum) {
	if len(block) < BlockSize {
		block = append(bytes.Clone(block), make([]byte, BlockSize-len(block))...)
	}
	// One nonce for all is right here: it hides nothing, and keeps equal blocks equal.
	var nonce [12]byte
	m.mac.Seal(sum[:0], nonce[:], nil, block)
	return sum
}

// Blocks is how many blocks the disk has.
func (m *Map) Blocks() int64 { return (m.Size + BlockSize - 1) / BlockSize }

// Append adds the sum of a block, which lies after all that were added before.
func (m *Map) Append(block int64, sum Sum) {
	if last := len(m.runs) - 1; last >= 0 && m.runs[last].end() == block {
		m.runs[last].sums = append(m.runs[last].sums, sum)
		return
	}
	m.runs = append(m.runs, run{first: block, sums: []Sum{sum}})
}

// At returns the sum of a block; false if it is zeros, also past the end of the disk.
func (m *Map) At(block int64) (Sum, bool) {
	at := sort.Search(len(m.runs), func(i int) bool { return m.runs[i].end() > block })
	if at == len(m.runs) || m.runs[at].first > block {
		return Sum{}, false
	}
	return m.runs[at].sums[block-m.runs[at].first], true
}

// Next returns the first block at or after the given one that is not zeros.
func (m *Map) Next(block int64) (int64, bool) {
	at := sort.Search(len(m.runs), func(i int) bool { return m.runs[i].end() > block })
	if at == len(m.runs) {
		return 0, false
	}
	return max(block, m.runs[at].first), true
}

// Data is how many blocks are not zeros.
func (m *Map) Data() (n int64) {
	for _, r := range m.runs {
		n += int64(len(r.sums))
	}
	return n
}
