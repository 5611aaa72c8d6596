package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/verity"
)

// summing is what is to be computed of the bytes of an image.
type summing struct {
	form  digest.Form    // of the digest
	plain bool           // the SHA-256 as well
	want  image.Checksum // to compare with; zero for none
	visit verity.Visit   // shown the bytes for a digest of FSVerity; may be nil
}

// treeAlone reports whether the bytes need not be read in order.
func (s summing) treeAlone() bool {
	return s.form == digest.FSVerity && !s.plain && s.want == (image.Checksum{})
}

// sums are what was computed of an image, "FORM:hex".
type sums struct {
	digest string
	plain  string // the SHA-256; "" if it was not asked for
}

// summer computes sums of what is written to it, each in goroutines of its own.
type summer struct {
	summing
	tree   *verity.Hasher // nil for a digest of another form
	sha256 *asyncHash     // nil if nothing takes it
	other  *asyncHash     // of a checksum of another kind; nil if there is none
	ended  bool
}

// asyncHash is a hash that is computed in its own goroutine.
type asyncHash struct {
	hash.Hash
	*asyncWriter
}

func newAsyncHash(h hash.Hash) *asyncHash { return &asyncHash{h, newAsyncWriter(h)} }

// Write implements io.Writer.
func (a *asyncHash) Write(p []byte) (int, error) { return a.asyncWriter.Write(p) }

// start creates a summer. It has to be ended.
func (s summing) start() *summer {
	r := &summer{summing: s}
	if s.form == digest.FSVerity {
		r.tree = verity.New(s.visit)
	}
	algorithm := s.want.Algorithm()
	if s.form == digest.SHA256 || s.plain || algorithm == "sha256" {
		r.sha256 = newAsyncHash(sha256.New())
	}
	if algorithm != "" && algorithm != "sha256" {
		r.other = newAsyncHash(s.want.New())
	}
	return r
}

// hashes are those that are computed one byte after another.
func (r *summer) hashes() (all []*asyncHash) {
	for _, h := range []*asyncHash{r.sha256, r.other} {
		if h != nil {
			all = append(all, h)
		}
	}
	return all
}

// Write never fails.
func (r *summer) Write(p []byte) (int, error) {
	for _, h := range r.hashes() {
		_, _ = h.Write(p)
	}
	if r.tree != nil {
		_, _ = r.tree.Write(p)
	}
	return len(p), nil
}

// zeros is Write for n bytes of zeros.
func (r *summer) zeros(n int64) {
	if r.tree != nil {
		r.tree.Zeros(n)
	}
	for _, h := range r.hashes() {
		for left := n; left > 0; {
			some := min(left, int64(len(zeros)))
			h.put(zeros[:some], h.buffer())
			left -= some
		}
	}
}

// end ends the goroutines. It may be called twice; nothing is written after it.
func (r *summer) end() {
	if r.ended {
		return
	}
	r.ended = true
	for _, h := range r.hashes() {
		h.end()
	}
}

// finish ends r and returns what it computed, or a *image.ChecksumError.
func (r *summer) finish(o image.Origin) (got sums, err error) {
	r.end()
	if r.sha256 != nil {
		got.plain = digest.SHA256.Of(hex.EncodeToString(r.sha256.Sum(nil)))
	}
	if r.other != nil {
		err = r.want.Check(o, r.other)
	} else if r.want != (image.Checksum{}) {
		err = r.want.CheckSum(o, got.plain)
	}
	if err != nil {
		return sums{}, err
	}
	got.digest = got.plain
	if r.tree != nil {
		got.digest = digest.FSVerity.Of(r.tree.Sum())
	}
	return got, nil
}
