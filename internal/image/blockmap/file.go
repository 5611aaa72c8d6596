package blockmap

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The file of a map, numbers big-endian:
//
//	16 bytes  mark
//	16 bytes  key
//	8 bytes   size of the disk
//	8 bytes   number of runs
//	          of each run: 8 bytes first block, 8 bytes number of blocks, 16 bytes for each block
//	32 bytes  SHA-256 of all before
const mark = "novacron-map\x00\x00\x00\x01"

// ErrDamaged reports that a file is not a whole map.
var ErrDamaged = errors.New("it is damaged, or not a block map")

// FileSize is how long the map's file is, in bytes.
func (m *Map) FileSize() int64 {
	return int64(len(mark)+len(m.key)+8+8+len(m.runs)*16) + m.Data()*int64(len(Sum{})) + sha256.Size
}

// WriteTo writes the map's file.
func (m *Map) WriteTo(w io.Writer) (int64, error) {
	sum := sha256.New()
	counted := &counter{w: w}
	buffer := bufio.NewWriterSize(io.MultiWriter(counted, sum), BlockSize)
	number := func(n int64) { _, _ = buffer.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	_, _ = buffer.WriteString(mark)
	_, _ = buffer.Write(m.key[:])
	number(m.Size)
	number(int64(len(m.runs)))
	for _, r := range m.runs {
		number(r.first)
		number(int64(len(r.sums)))
		for _, s := range r.sums {
			_, _ = buffer.Write(s[:])
		}
	}
	if err := buffer.Flush(); err != nil { // which keeps the first error
		return counted.n, err
	}
	_, err := counted.Write(sum.Sum(nil))
	return counted.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Read reads a map's file, which is all that r has. It returns ErrDamaged, wrapped, if r has no
// map.
func Read(r io.Reader) (*Map, error) {
	sum := sha256.New()
	in := bufio.NewReaderSize(r, BlockSize)
	hashed := io.TeeReader(in, sum)
	head := make([]byte, len(mark))
	if err := full(hashed, head); err != nil {
		return nil, err
	}
	if string(head) != mark {
		return nil, fmt.Errorf("%w: it begins with %q", ErrDamaged, head)
	}
	var key [16]byte
	if err := full(hashed, key[:]); err != nil {
		return nil, err
	}
	var size, runs int64
	if err := numbers(hashed, &size, &runs); err != nil {
		return nil, err
	}
	m := newMap(size, key)
	if size < 0 || runs < 0 || runs > m.Blocks() {
		return nil, fmt.Errorf("%w: %d runs of a disk of %d bytes", ErrDamaged, runs, size)
	}
	for range runs {
		if err := m.readRun(hashed); err != nil {
			return nil, err
		}
	}
	var got [sha256.Size]byte
	if err := full(in, got[:]); err != nil {
		return nil, err
	}
	if !bytes.Equal(got[:], sum.Sum(nil)) {
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows it", errors.Join(ErrDamaged, err))
	}
	return m, nil
}

// readRun reads a run that lies after those that were read before. It allocates no memory for data
// that does not come.
func (m *Map) readRun(r io.Reader) error {
	var first, count, from int64
	if err := numbers(r, &first, &count); err != nil {
		return err
	}
	if last := len(m.runs) - 1; last >= 0 {
		from = m.runs[last].end() + 1 // otherwise the two would be one
	}
	if first < from || count < 1 || first > m.Blocks() || count > m.Blocks()-first {
		return fmt.Errorf("%w: a run of %d blocks from block %d on", ErrDamaged, count, first)
	}
	const most = 4096 // sums for which memory is allocated at once
	next := run{first: first}
	part := make([]byte, min(count, most)*int64(len(Sum{})))
	for count > 0 {
		n := min(count, most)
		some := part[:n*int64(len(Sum{}))]
		if err := full(r, some); err != nil {
			return err
		}
		for ; len(some) > 0; some = some[len(Sum{}):] {
			next.sums = append(next.sums, Sum(some))
		}
		count -= n
	}
	m.runs = append(m.runs, next)
	return nil
}

func numbers(r io.Reader, into ...*int64) error {
	var raw [8]byte
	for _, n := range into {
		if err := full(r, raw[:]); err != nil {
			return err
		}
		*n = int64(binary.BigEndian.Uint64(raw[:]))
	}
	return nil
}

func full(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	return err
}
