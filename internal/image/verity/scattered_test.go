package verity_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image/verity"
)

// TestBlocksOutOfOrder leaves blocks out, and writes them last, as a file system is sent whose first
// blocks follow from all others.
func TestBlocksOutOfOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int64{
		4096, 8192, verity.ChunkSize - 4096, verity.ChunkSize, verity.ChunkSize + 4096,
		129*verity.ChunkSize + 3*4096, 300 * verity.ChunkSize, 131*verity.ChunkSize - 100,
	} {
		data := make([]byte, size)
		s := verity.NewScattered()
		write := func(from, to int64) {
			for from < to { // in parts, as readers get them
				n := min(to-from, 1+r.Int64N(300<<10))
				if _, err := s.WriteAt(data[from:from+n], from); err != nil {
					t.Fatal(err)
				}
				from += n
			}
		}
		late := []int64{0} // the blocks that come last, backwards
		for at := int64(64 * verity.ChunkSize); at+4096 <= size; at += 64 * verity.ChunkSize {
			late = append(late, at)
		}
		hole := int64(3 * verity.ChunkSize) // two chunks and a half are never written
		at := int64(4096)
		for at < size {
			n := min(size-at, 1+r.Int64N(40*verity.ChunkSize))
			for _, l := range late {
				if l >= at && l < at+n {
					n = l - at
				}
			}
			switch {
			case n == 0: // it is at a late block
				at += 4096
				continue
			case at < hole && at+n > hole:
				n = hole - at
			case at == hole:
				at += 5 * verity.ChunkSize / 2
				continue
			}
			fill(data[at:at+n], r)
			write(at, at+n)
			at += n
		}
		for _, l := range slices.Backward(late) {
			end := min(l+4096, size)
			fill(data[l:end], r)
			write(l, end)
		}
		want := verity.New(nil)
		_, _ = want.Write(data)
		if got, want := s.Sum(size), want.Sum(); got != want {
			t.Errorf("%d bytes: the digest is %s, want %s", size, got, want)
		}
	}
}

func fill(data []byte, r *rand.Rand) {
	for n := 0; n < len(data); n += 8 {
		copy(data[n:], []byte{byte(r.Uint32()), byte(n), byte(n >> 8), 1})
	}
}

func TestBytesThatComeTwice(t *testing.T) {
	s := verity.NewScattered()
	data := bytes.Repeat([]byte("x"), verity.ChunkSize)
	for _, at := range []int64{0, 2 * verity.ChunkSize} {
		if _, err := s.WriteAt(data, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []int64{0, verity.ChunkSize - 1, 2 * verity.ChunkSize} {
		if _, err := s.WriteAt(data[:1], at); err == nil {
			t.Errorf("the byte %d comes again without an error", at)
		}
	}
}
