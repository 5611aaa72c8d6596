package blockmap

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// disk creates a disk with a block of data for each letter of the text, and a block of zeros for
// each dot.
func disk(blocks string, tail int) []byte {
	var data []byte
	for _, c := range []byte(blocks) {
		if c == '.' {
			c = 0
		}
		data = append(data, bytes.Repeat([]byte{c}, BlockSize)...)
	}
	return append(data, bytes.Repeat([]byte{'t'}, tail)...)
}

// mapped is the map of a disk.
func mapped(data []byte) *Map {
	m := New(int64(len(data)))
	n := int64(0)
	for block := range slices.Chunk(data, BlockSize) {
		if !bytes.Equal(block, make([]byte, len(block))) {
			m.Append(n, m.SumOf(block))
		}
		n++
	}
	return m
}

func TestMapTellsWhatBlocksHold(t *testing.T) {
	m := mapped(disk("ab...ba.", 100))
	if m.Size != 8*BlockSize+100 || m.Blocks() != 9 || m.Data() != 5 {
		t.Errorf("size %d, %d blocks, %d of data", m.Size, m.Blocks(), m.Data())
	}
	a, b := m.SumOf(disk("a", 0)), m.SumOf(disk("b", 0))
	if a == b || a != m.Like(0).SumOf(disk("a", 0)) || a == New(0).SumOf(disk("a", 0)) {
		t.Error("sums do not tell the blocks of one family apart, or those of all alike")
	}
	tail := m.SumOf(append(disk("", 100), make([]byte, BlockSize-100)...))
	for block, want := range []Sum{a, b, {}, {}, {}, b, a, {}, tail, {}} {
		if got, there := m.At(int64(block)); got != want || there != (want != Sum{}) {
			t.Errorf("At(%d) = %x, %t, want %x", block, got, there, want)
		}
	}
	var next []int64
	for from := range int64(9) {
		n, more := m.Next(from)
		if !more {
			t.Fatalf("Next(%d) finds nothing", from)
		}
		next = append(next, n)
	}
	if want := []int64{0, 1, 5, 5, 5, 5, 6, 8, 8}; !slices.Equal(next, want) {
		t.Errorf("Next = %v, want %v", next, want)
	}
	if n, more := m.Next(9); more {
		t.Errorf("Next(9) = %d, want nothing", n)
	}
}

func TestMapSurvivesItsFile(t *testing.T) {
	for _, data := range [][]byte{nil, disk("....", 0), disk("ab..c", 0), disk("a", 1), disk("..", 512)} {
		m := mapped(data)
		var file bytes.Buffer
		if n, err := m.WriteTo(&file); err != nil || n != int64(file.Len()) || n != m.FileSize() {
			t.Errorf("WriteTo = %d, %v; the file has %d bytes, FileSize says %d", n, err, file.Len(), m.FileSize())
		}
		again, err := Read(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var second bytes.Buffer
		if _, err := again.WriteTo(&second); err != nil || !bytes.Equal(file.Bytes(), second.Bytes()) {
			t.Errorf("another file comes of it (%v)", err)
		}
	}
}

func TestDamagedFileIsRefused(t *testing.T) {
	var file bytes.Buffer
	if _, err := mapped(disk("ab..c", 9)).WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	for n := range file.Len() {
		if _, err := Read(bytes.NewReader(file.Bytes()[:n])); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut off after %d bytes: %v", n, err)
		}
		spoilt := bytes.Clone(file.Bytes())
		spoilt[n] ^= 0x41
		if _, err := Read(bytes.NewReader(spoilt)); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d is another: %v", n, err)
		}
	}
	if _, err := Read(bytes.NewReader(append(file.Bytes(), 0))); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte more: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	var file bytes.Buffer
	_, _ = mapped(disk("a.b", 7)).WriteTo(&file)
	f.Add(file.Bytes())
	f.Add([]byte(mark))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v does not say that it is damaged", err)
			}
			return
		}
		var again bytes.Buffer
		if _, err := m.WriteTo(&again); err != nil || !bytes.Equal(again.Bytes(), data) {
			t.Errorf("%x comes of %x (%v)", again.Bytes(), data, err)
		}
	})
}
