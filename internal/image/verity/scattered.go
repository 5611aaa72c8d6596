package verity

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"sync"
)

// Scattered computes the digest of a file whose blocks do not all come in order: of what is written
// behind a gap, the gap may still be filled later. It keeps one hash for each chunk, and for a chunk
// with a gap the hashes of all its blocks. It is not safe for concurrent use.
type Scattered struct {
	open   *piece
	number int64 // of the chunk that is open

	hashing sync.WaitGroup
	slots   chan struct{}
	mu      sync.Mutex
	whole   []hash           // of chunks without gaps, by number; the zero hash for others
	gappy   map[int64]*piece // chunks with gaps, without their data, by number
	spare   [][]byte
}

// piece is a chunk, or what has come of it.
type piece struct {
	data   []byte
	had    [fanOut]uint16 // bytes that have come of each block
	hashed [fanOut]bool   // blocks whose hash is final
	hashes []byte         // of all blocks, once the chunk was closed
}

// NewScattered creates a Scattered.
func NewScattered() *Scattered {
	return &Scattered{slots: make(chan struct{}, min(runtime.GOMAXPROCS(0), maxAtOnce)), gappy: map[int64]*piece{}}
}

// WriteAt takes bytes that belong at an offset. No byte comes twice. An error is one of the caller.
func (s *Scattered) WriteAt(p []byte, offset int64) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if number := offset / ChunkSize; s.open == nil || number != s.number {
			s.close()
			if err := s.enter(number); err != nil {
				return written - len(p), err
			}
		}
		within := int(offset % ChunkSize)
		block := within / blockSize
		n := min(len(p), (block+1)*blockSize-within)
		if int(s.open.had[block])+n > blockSize || s.open.hashed[block] {
			return written - len(p), fmt.Errorf("the bytes from %d on were hashed before", offset)
		}
		copy(s.open.data[within:], p[:n])
		s.open.had[block] += uint16(n)
		p, offset = p[n:], offset+int64(n)
	}
	return written, nil
}

// enter opens a chunk.
func (s *Scattered) enter(number int64) error {
	s.mu.Lock()
	known := number < int64(len(s.whole)) && s.whole[number] != (hash{})
	s.mu.Unlock()
	if number < int64(len(s.whole)) { // it may be being hashed
		s.hashing.Wait()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for int64(len(s.whole)) <= number {
		s.whole = append(s.whole, hash{})
	}
	if known = known || s.whole[number] != (hash{}); known {
		return fmt.Errorf("the bytes from %d on were all hashed before", number*ChunkSize)
	}
	s.open, s.number = s.gappy[number], number
	if s.open == nil {
		s.open = &piece{}
	}
	if last := len(s.spare) - 1; last >= 0 {
		s.open.data, s.spare = s.spare[last], s.spare[:last]
		clear(s.open.data)
	} else {
		s.open.data = make([]byte, ChunkSize)
	}
	return nil
}

// close has the open chunk hashed in the background.
func (s *Scattered) close() {
	if s.open == nil {
		return
	}
	p, number := s.open, s.number
	s.open = nil
	s.slots <- struct{}{}
	s.hashing.Go(func() {
		defer func() { <-s.slots }()
		full := p.sum()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.spare, p.data = append(s.spare, p.data), nil
		if full {
			s.whole[number] = sumPadded(p.hashes)
			delete(s.gappy, number)
			return
		}
		s.gappy[number] = p
	})
}

// sum hashes the blocks that have come since the last time, and reports whether all have.
func (p *piece) sum() (full bool) {
	if p.hashes == nil {
		p.hashes = make([]byte, 0, blockSize)
		for range fanOut {
			p.hashes = append(p.hashes, zeroHash[0][:]...)
		}
	}
	full = true
	for n := range fanOut {
		if p.had[n] > 0 && !p.hashed[n] {
			h := sumPadded(p.data[n*blockSize : (n+1)*blockSize])
			copy(p.hashes[n*len(h):], h[:])
			p.hashed[n] = p.had[n] == blockSize
		}
		full = full && p.hashed[n]
	}
	return full
}

// Sum returns the digest of the file of size bytes in hexadecimal digits. What has not come is zeros.
// Nothing is written after it.
func (s *Scattered) Sum(size int64) string {
	s.close()
	s.hashing.Wait()
	var t tree
	chunks := size / ChunkSize
	for number := range chunks {
		switch {
		case s.gappy[number] != nil:
			t.add(1, sumPadded(s.gappy[number].hashes))
		case number < int64(len(s.whole)) && s.whole[number] != (hash{}):
			t.add(1, s.whole[number])
		default:
			t.addZeros(1, 1)
		}
	}
	for n := range (size%ChunkSize + blockSize - 1) / blockSize {
		h := zeroHash[0]
		if p := s.gappy[chunks]; p != nil {
			copy(h[:], p.hashes[n*int64(len(h)):])
		}
		t.add(0, h)
	}
	sum := digest(size, t.root())
	return hex.EncodeToString(sum[:])
}
