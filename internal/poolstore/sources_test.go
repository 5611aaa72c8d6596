package poolstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// counted is a process of a pool in memory that counts the documents that it reads.
func counted(m *memory) (s *Store, reads *atomic.Int64) {
	reads = &atomic.Int64{}
	return New(process{memory: m, before: func(call, _ string) error {
		if call == "read" {
			reads.Add(1)
		}
		return nil
	}}, "pool"), reads
}

// listed is the answer of DigestOf by a listing.
func listed(t *testing.T, s *Store, checksum string) string {
	t.Helper()
	for _, rec := range must.Value(s.Bases().List(t.Context(), "")) {
		if slices.Contains(rec.Value.Sources, checksum) && rec.Value.Digest != checksum {
			return rec.Value.Digest
		}
	}
	return ""
}

func digestOf(t *testing.T, s *Store, checksum string) string {
	t.Helper()
	digest, err := s.DigestOf(t.Context(), "shop", checksum)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) || (err == nil) != (digest != "") {
		t.Fatalf("%s is of %q, %v", checksum, digest, err)
	}
	return digest
}

func imageNo(n int) (key string, b catalog.Base) {
	b = catalog.Base{Digest: fmt.Sprintf("fsverity:%04x", n), State: catalog.BaseReady}
	if n%7 == 0 {
		b.Digest = fmt.Sprintf("sha256:%04x", n)
	}
	return catalog.BaseKey(b.Digest), b
}

// An image is found by the checksum of a file without reading the documents of all images again.
func TestAnImageIsFoundByItsSourceWithoutReadingAll(t *testing.T) {
	m := newMemory()
	writer := New(process{memory: m}, "pool")
	for n := range 200 {
		key, b := imageNo(n)
		b.Sources = []string{fmt.Sprintf("sha512:%d", n)}
		must.Value(writer.Bases().Create(t.Context(), key, b))
	}
	for _, c := range []struct {
		doing, checksum, want string
		least, most           int64 // documents that are read
		before                func()
	}{
		{"the first time", "sha512:31", "fsverity:001f", 200, 201, func() {}},
		{"again", "sha512:70", "sha256:0046", 1, 1, func() {}},
		{"one that there is not", "sha512:none", "", 1, 1, func() {}},
		{"after others have changed", "sha512:new", "fsverity:0005", 4, 4, func() {
			for n := range 3 {
				key, _ := imageNo(n + 3)
				must.Value(catalog.Change(t.Context(), writer.Bases(), key, func(b *catalog.Base) error {
					b.Sources = append(b.Sources, "sha512:new")
					return nil
				}))
			}
			key, _ := imageNo(3)
			rec := must.Value(writer.Bases().Get(t.Context(), key))
			rec.Value.Sources = nil
			must.Value(writer.Bases().Replace(t.Context(), key, rec.Revision, rec.Value))
			key, _ = imageNo(4)
			rec = must.Value(writer.Bases().Get(t.Context(), key))
			rec.Value.Sources = []string{"sha512:other"}
			must.Value(writer.Bases().Replace(t.Context(), key, rec.Revision, rec.Value))
		}},
	} {
		c.before()
		s, reads := counted(m)
		got := digestOf(t, s, c.checksum)
		t.Logf("%s, %d documents are read", c.doing, reads.Load())
		if n := reads.Load(); got != c.want || n < c.least || n > c.most {
			t.Errorf("%s: %q after %d documents, want %q after %d to %d", c.doing, got, n, c.want, c.least, c.most)
		}
	}
}

// Whatever processes write to a pool, the index says what a listing says.
func TestAnIndexSaysWhatAListingSays(t *testing.T) {
	m, random := newMemory(), rand.New(rand.NewPCG(3, 1))
	made, gone := 0, map[int]bool{}
	for range 150 {
		s := New(process{memory: m}, "pool")
		n := random.IntN(made + 1)
		key, _ := imageNo(n)
		checksum := fmt.Sprintf("sha512:%d", random.IntN(60))
		switch {
		case n == made || made < 30:
			next, b := imageNo(made)
			made++
			b.Sources = []string{checksum}
			must.Value(s.Bases().Create(t.Context(), next, b))
		case gone[n]:
		case random.IntN(10) == 0:
			rec := must.Value(s.Bases().Get(t.Context(), key))
			if err := s.Bases().Delete(t.Context(), key, rec.Revision); err != nil {
				t.Fatal(err)
			}
			gone[n] = true
		default:
			must.Value(catalog.Change(t.Context(), s.Bases(), key, func(b *catalog.Base) error {
				b.Sources = append(slices.Clone(b.Sources), checksum)
				if random.IntN(3) == 0 {
					b.Sources = b.Sources[1:]
				}
				return nil
			}))
		}
		other := New(process{memory: m}, "pool")
		for range 3 {
			checksum := fmt.Sprintf("sha512:%d", random.IntN(60))
			if got, want := digestOf(t, other, checksum), listed(t, other, checksum); got != want {
				t.Fatalf("%s is of %q, want %q", checksum, got, want)
			}
		}
	}
	if len(must.Value(New(process{memory: m}, "pool").sourceIndexes().List(t.Context(), "shop/"))) != 1 {
		t.Error("nothing was indexed")
	}
}

// An index that cannot be written or read makes no difference.
func TestAnIndexMayBeLost(t *testing.T) {
	m := newMemory()
	writer := New(process{memory: m}, "pool")
	for n := range 40 {
		key, b := imageNo(n)
		b.Sources = []string{fmt.Sprintf("sha512:%d", n)}
		must.Value(writer.Bases().Create(t.Context(), key, b))
	}
	full := New(process{memory: m, before: func(call, name string) error {
		if call == "create" {
			return fmt.Errorf("no room for %s", name)
		}
		return nil
	}}, "pool")
	if got := digestOf(t, full, "sha512:9"); got != "fsverity:0009" {
		t.Errorf("in a full pool: %q", got)
	}
	if got := digestOf(t, writer, "sha512:9"); got != "fsverity:0009" {
		t.Errorf("with an index: %q", got)
	}
	for _, name := range m.names() {
		if docStem := "nova.sources.shop."; len(name) > len(docStem) && name[:len(docStem)] == docStem {
			m.volumes[name][50] ^= 1
		}
	}
	reader := New(process{memory: m}, "pool")
	reader.pool.grace = time.Millisecond // which it waits for what is damaged
	if got := digestOf(t, reader, "sha512:9"); got != "fsverity:0009" {
		t.Errorf("with a damaged index: %q", got)
	}
}

// Documents of images are selected by their digests without reading the others.
func TestImagesAreSelectedWithoutReadingOthers(t *testing.T) {
	m := newMemory()
	writer := New(process{memory: m}, "pool")
	for n := range 50 {
		key, b := imageNo(n)
		must.Value(writer.Bases().Create(t.Context(), key, b))
	}
	s, reads := counted(m)
	found := must.Value(catalog.Selected(t.Context(), s.Bases(), "", func(key string) bool {
		return catalog.BaseDigest(key) != key
	}))
	if len(found) != 8 || reads.Load() != 8 {
		t.Errorf("selected %d of 50 images, and read %d documents, want 8", len(found), reads.Load())
	}
}
