package verity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// byDefinition is the digest as the kernel's documentation defines it, level by level.
func byDefinition(data []byte) string {
	var level [][]byte
	for at := 0; at < len(data); at += 4096 {
		level = append(level, hashOf(data[at:min(at+4096, len(data))]))
	}
	for len(level) > 1 {
		var above [][]byte
		for at := 0; at < len(level); at += 128 {
			above = append(above, hashOf(bytes.Join(level[at:min(at+128, len(level))], nil)))
		}
		level = above
	}
	root := make([]byte, 64)
	if len(level) == 1 {
		copy(root, level[0])
	}
	descriptor := append([]byte{1, 1, 12, 0, 0, 0, 0, 0}, binary.LittleEndian.AppendUint64(nil, uint64(len(data)))...)
	descriptor = append(descriptor, root...)
	descriptor = append(descriptor, make([]byte, 32+144)...)
	sum := sha256.Sum256(descriptor)
	return hex.EncodeToString(sum[:])
}

// hashOf is the hash of a block, which is filled up with zeros.
func hashOf(block []byte) []byte {
	sum := sha256.Sum256(append(bytes.Clone(block), make([]byte, 4096-len(block))...))
	return sum[:]
}

// part is a stretch of a file: n bytes of data, or of zeros.
type part struct {
	n    int
	data bool
}

// content is a file of parts, with the extents of its data.
func content(parts ...part) (data []byte, extents []image.Extent) {
	random := rand.NewChaCha8([32]byte{1})
	for _, p := range parts {
		next := make([]byte, p.n)
		if p.data {
			_, _ = random.Read(next)
			extents = append(extents, image.Extent{Offset: int64(len(data)), Length: int64(p.n)})
		}
		data = append(data, next...)
	}
	return data, extents
}

// ofFile is the digest of a file that has data only in the extents.
func ofFile(t testing.TB, data []byte, extents []image.Extent) string {
	t.Helper()
	sum, err := File(t.Context(), bytes.NewReader(data), int64(len(data)), extents, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// written is the digest of data that is written in pieces of any length, with zeros passed over.
func written(data []byte, extents []image.Extent, random *rand.Rand) string {
	h := New(nil)
	at := 0
	write := func(to int) {
		for at < to {
			n := min(to-at, 1+random.IntN(700_000))
			_, _ = h.Write(data[at : at+n])
			at += n
		}
	}
	for _, e := range extents {
		h.Zeros(e.Offset - int64(at))
		at = int(e.Offset)
		write(int(e.End()))
	}
	h.Zeros(int64(len(data) - at))
	return h.Sum()
}

// sizes are those at which a tree changes its form: a block, a block of the tree, and two levels of
// it (64 MiB).
func sizes() (all []int) {
	for _, n := range []int{0, 4096, 2 * 4096, 4096 * 128, 2 * 4096 * 128, 4096 * 128 * 128} {
		for _, d := range []int{-4096, -1, 0, 1, 4096} {
			if n+d >= 0 {
				all = append(all, n+d)
			}
		}
	}
	return all
}

func TestDigestsAreAsDefined(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range sizes() {
		if testing.Short() && n > 4<<20 { // the race detector learns no more from them
			continue
		}
		layouts := [][]part{
			{{n, true}}, {{n / 2, true}, {n - n/2, false}}, {{n, false}}, {{n / 2, false}, {n - n/2, true}},
		}
		if n > 4<<20 {
			layouts = layouts[:2] // by definition takes a while
		}
		for _, parts := range layouts {
			data, extents := content(parts...)
			want := byDefinition(data)
			if got := ofFile(t, data, extents); got != want {
				t.Errorf("%v: the file's is %s, want %s", parts, got, want)
			}
			if got := written(data, extents, random); got != want {
				t.Errorf("%v: written, it is %s, want %s", parts, got, want)
			}
			if n > 4<<20 {
				continue
			}
			all := []image.Extent{{Length: int64(n)}}
			if got := written(data, all, random); got != want {
				t.Errorf("%v: with its zeros written, it is %s, want %s", parts, got, want)
			}
		}
	}
}

// The programs that Linux has for this compute the same digest.
func TestDigestsAreThoseOfTheTool(t *testing.T) {
	for name, parts := range map[string][]part{
		"empty": nil, "short": {{100, true}}, "block": {{4096, true}}, "zeros": {{9 << 20, false}},
		"holes": {{1 << 20, true}, {70<<20 + 5, false}, {777, true}, {3 << 20, false}, {3<<20 + 1, true}},
	} {
		data, extents := content(parts...)
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		out := needs.Tool(t, "fsverity", "digest", "--compact", path)
		if got, want := ofFile(t, data, extents), strings.TrimSpace(strings.TrimPrefix(out, "sha256:")); got != want {
			t.Errorf("%s: it is %s, and fsverity says %s", name, got, want)
		}
	}
}

// A hole is not hashed: its size does not matter.
func TestHolesCostNothing(t *testing.T) {
	const size = 1 << 60
	read := func(_ []byte, offset int64) (int, error) { return 0, fmt.Errorf("byte %d was read", offset) }
	sum, err := File(t.Context(), readerAt(read), size, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := New(nil)
	for range size >> 50 {
		h.Zeros(1 << 50)
	}
	if len(h.pending) > 1 {
		t.Errorf("%d parts of a hole are kept", len(h.pending))
	}
	if again := h.Sum(); again != sum {
		t.Errorf("it is %s at once, and %s in parts", sum, again)
	}
}

type readerAt func(p []byte, offset int64) (int, error)

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) { return r(p, offset) }

func TestAnErrorOfReadingIsReturned(t *testing.T) {
	failed := errors.New("the disk is broken")
	data, extents := content(part{4 << 20, true})
	broken := readerAt(func(p []byte, offset int64) (int, error) {
		if offset == 1<<20 {
			return 10, failed
		}
		return bytes.NewReader(data).ReadAt(p, offset)
	})
	if sum, err := File(t.Context(), broken, 4<<20, extents, nil); !errors.Is(err, failed) || sum != "" {
		t.Errorf("got %q, %v", sum, err)
	}
	short := bytes.NewReader(data[:3<<20+5])
	if sum, err := File(t.Context(), short, 4<<20, extents, nil); !errors.Is(err, io.ErrUnexpectedEOF) || sum != "" {
		t.Errorf("of a file that has become shorter: %q, %v", sum, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(failed)
	if sum, err := File(ctx, bytes.NewReader(data), 4<<20, extents, nil); !errors.Is(err, failed) || sum != "" {
		t.Errorf("after a cancel: %q, %v", sum, err)
	}
}

// What is hashed is shown once, except chunks of zeros.
func TestDataIsShown(t *testing.T) {
	data, extents := content(part{600_000, true}, part{3 << 20, false}, part{1 << 20, true}, part{9, false})
	for name, sum := range map[string]func(Visit){
		"file": func(v Visit) {
			if _, err := File(t.Context(), bytes.NewReader(data), int64(len(data)), extents, v); err != nil {
				t.Error(err)
			}
		},
		"written": func(v Visit) {
			h := New(v)
			_, _ = h.Write(data)
			h.Sum()
		},
	} {
		type piece struct {
			offset int64
			data   []byte
		}
		shown := make(chan piece, 100)
		sum(func(offset int64, data []byte) { shown <- piece{offset, bytes.Clone(data)} })
		close(shown)
		again := make([]byte, len(data))
		var total int
		for p := range shown {
			copy(again[p.offset:], p.data)
			total += len(p.data)
			if p.offset%ChunkSize != 0 || len(p.data) != ChunkSize && int(p.offset)+len(p.data) != len(data) {
				t.Errorf("%s: shown are %d bytes at %d", name, len(p.data), p.offset)
			}
		}
		if !bytes.Equal(again, data) || total > 5*ChunkSize {
			t.Errorf("%s: shown were %d bytes, and they are the data: %t", name, total, bytes.Equal(again, data))
		}
	}
}

func FuzzDigest(f *testing.F) {
	f.Add(uint32(4096*128+1), uint32(4096*128*3), uint32(5), uint64(1))
	f.Add(uint32(1), uint32(0), uint32(0), uint64(2))
	f.Fuzz(func(t *testing.T, before, hole, after uint32, seed uint64) {
		const most = 3 << 20
		data, extents := content(part{int(before % most), true}, part{int(hole % most), false},
			part{int(after % most), true})
		want := byDefinition(data)
		if got := ofFile(t, data, extents); got != want {
			t.Errorf("the file's is %s, want %s", got, want)
		}
		if got := written(data, extents, rand.New(rand.NewPCG(seed, 0))); got != want {
			t.Errorf("written, it is %s, want %s", got, want)
		}
	})
}

func BenchmarkFile(b *testing.B) {
	data, extents := content(part{64 << 20, true})
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		ofFile(b, data, extents)
	}
}
