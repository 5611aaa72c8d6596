// Package verity computes the digest by which fs-verity of Linux identifies a file: the hash of a
// Merkle tree over its blocks. Blocks of zeros cost nothing, because the hashes of trees over zeros
// are known, and all processors share the others.
//
// The digest is that of https://docs.kernel.org/filesystems/fsverity.html with the defaults of
// "fsverity digest": SHA-256, blocks of 4096 bytes, no salt.
package verity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"runtime"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// maxAtOnce is how many chunks are hashed at once at most. So many processors hash faster than
// files are read.
const maxAtOnce = 8

// Visit looks at data that is hashed, which begins at offset and is not all zeros. It may be called
// for several pieces at once, in any order, and owns data until it returns. All pieces begin
// at multiples of ChunkSize, and have that many bytes unless the file ends with them.
type Visit func(offset int64, data []byte)

// Hasher computes the digest of what is written to it, or passed over as zeros. It holds at most
// nine chunks of 512 KiB. It is not safe for concurrent use. One that is not used to the end leaves
// nothing behind.
type Hasher struct {
	visit   Visit // may be nil
	tree    tree
	size    int64    // bytes so far
	next    *chunk   // is being filled; nil if no byte of it has come
	pending []*chunk // are being hashed, in order
	spare   []byte   // the buffer of a chunk that is hashed
	limit   int
}

// New creates a Hasher that shows visit what it hashes, unless visit is nil.
func New(visit Visit) *Hasher {
	return &Hasher{visit: visit, limit: min(runtime.GOMAXPROCS(0), maxAtOnce)}
}

// chunk is data below one block of the tree's lowest level.
type chunk struct {
	offset int64
	buffer []byte
	data   []byte // of buffer
	zeros  int64  // instead of data: chunks of zeros
	hashes []byte // of the data's blocks
	err    error  // of reading the data
	hashed chan struct{}
}

// Write never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		n := copy(h.room(), p)
		h.filled(n)
		p = p[n:]
	}
	return written, nil
}

// Zeros is Write for n bytes of zeros.
func (h *Hasher) Zeros(n int64) {
	for n > 0 {
		if whole := n / ChunkSize; whole > 0 && h.next == nil {
			h.skip(whole)
			h.size += whole * ChunkSize
			n %= ChunkSize
			continue
		}
		room := h.room()
		room = room[:min(n, int64(len(room)))]
		clear(room)
		h.filled(len(room))
		n -= int64(len(room))
	}
}

// skip adds chunks of zeros after what is pending. Zeros that follow zeros take no more memory.
func (h *Hasher) skip(chunks int64) {
	if last := len(h.pending) - 1; last >= 0 && h.pending[last].zeros > 0 {
		h.pending[last].zeros += chunks
		return
	}
	h.pending = append(h.pending, &chunk{zeros: chunks})
}

// room is where the next bytes go, until filled is called.
func (h *Hasher) room() []byte {
	if h.next == nil {
		h.next = h.chunkAt(h.size)
	}
	return h.next.buffer[len(h.next.data):]
}

// filled takes n bytes of room.
func (h *Hasher) filled(n int) {
	c := h.next
	c.data = c.buffer[:len(c.data)+n]
	h.size += int64(n)
	if len(c.data) == ChunkSize {
		h.next = nil
		h.start(c, nil)
		_ = h.wait(h.limit) // only reading can fail
	}
}

// Sum returns the digest in hexadecimal digits. Nothing is written after it.
func (h *Hasher) Sum() string {
	if h.next != nil {
		h.start(h.next, nil)
		h.next = nil
	}
	_ = h.wait(0) // only reading can fail
	sum := digest(h.size, h.tree.root())
	return hex.EncodeToString(sum[:])
}

func (h *Hasher) chunkAt(offset int64) *chunk {
	c := &chunk{offset: offset, buffer: h.spare, hashed: make(chan struct{})}
	if h.spare = nil; c.buffer == nil {
		c.buffer = make([]byte, ChunkSize)
	}
	return c
}

// start hashes a chunk in the background, after read has filled its data, unless read is nil.
func (h *Hasher) start(c *chunk, read func() error) {
	visit := h.visit
	go func() {
		defer close(c.hashed)
		if read != nil {
			if c.err = read(); c.err != nil {
				return
			}
		}
		c.sum(visit)
	}()
	h.pending = append(h.pending, c)
}

// wait adds the first of the pending chunks to the tree, until no more than left are pending. It
// returns an error of reading one.
func (h *Hasher) wait(left int) error {
	for len(h.pending) > left {
		c := h.pending[0]
		h.pending = h.pending[1:]
		if c.zeros > 0 {
			h.tree.addZeros(1, c.zeros)
			continue
		}
		<-c.hashed
		if c.err != nil {
			return c.err
		}
		h.spare = c.buffer
		for hashes := c.hashes; len(hashes) > 0; hashes = hashes[sha256.Size:] {
			h.tree.add(0, hash(hashes))
		}
	}
	return nil
}

// sum hashes the blocks of a chunk.
func (c *chunk) sum(visit Visit) {
	anything := false
	c.hashes = make([]byte, 0, blockSize)
	for rest := c.data; len(rest) > 0; {
		block := rest[:min(blockSize, len(rest))]
		rest = rest[len(block):]
		h := zeroHash[0]
		if !bytes.Equal(block, zeroBlock[:len(block)]) {
			anything = true
			h = sumPadded(block)
		}
		c.hashes = append(c.hashes, h[:]...)
	}
	if anything && visit != nil {
		visit(c.offset, c.data)
	}
}

// File returns the digest of a file of size bytes, in hexadecimal digits. Only the extents are
// read; they are in order, do not overlap, and end with the file at the latest. What lies between
// them is zeros. Errors are those of the reader, io.ErrUnexpectedEOF if it is shorter than the
// extents, and the cause of ctx. The reader is not used after File has returned.
func File(
	ctx context.Context, r io.ReaderAt, size int64, extents []image.Extent, visit Visit,
) (sum string, err error) {
	h := New(visit)
	defer func() {
		for _, c := range h.pending { // after an error
			if c.hashed != nil {
				<-c.hashed
			}
		}
	}()
	for _, e := range extents {
		for e.End() > h.size {
			if hole := e.Offset - h.size; hole >= ChunkSize {
				h.Zeros(hole - hole%ChunkSize)
			}
			c := h.chunkAt(h.size)
			c.data = c.buffer[:min(ChunkSize, size-c.offset)]
			h.size += int64(len(c.data))
			h.start(c, func() error { return readAt(ctx, r, c.data, c.offset) })
			if err := h.wait(h.limit); err != nil {
				return "", err
			}
		}
	}
	if err := h.wait(0); err != nil {
		return "", err
	}
	h.Zeros(size - h.size)
	return h.Sum(), nil
}

func readAt(ctx context.Context, r io.ReaderAt, p []byte, offset int64) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	n, err := r.ReadAt(p, offset)
	switch {
	case n == len(p):
		return nil
	case image.Ended(err):
		return io.ErrUnexpectedEOF
	default:
		return err
	}
}
