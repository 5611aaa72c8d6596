// Package digest computes the digests by which images are known, "FORM:hex".
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image/verity"
)

// Form is how a digest is computed.
type Form string

const (
	// FSVerity is the digest of package verity.
	FSVerity Form = "fsverity"
	// SHA256 is the SHA-256 of all bytes. Images have it that earlier providers stored.
	SHA256 Form = "sha256"
	// Current is the form that new images get.
	Current = FSVerity
)

// FormOf returns the form of a digest. The error is for a digest that a later provider may have
// stored.
func FormOf(digest string) (Form, error) {
	name, _, _ := strings.Cut(digest, ":")
	switch form := Form(name); form {
	case FSVerity, SHA256:
		return form, nil
	default:
		return "", fmt.Errorf("the digest %q is of a form that this provider does not know: use a newer one", digest)
	}
}

// Of returns a digest of the form, from its hexadecimal digits.
func (f Form) Of(hex string) string { return string(f) + ":" + hex }

// Writer computes the digest of what is written to it, or passed over as zeros. Write never fails.
// One that is not used to the end leaves nothing behind.
type Writer interface {
	io.Writer
	// Zeros is Write for n bytes of zeros.
	Zeros(n int64)
	// Sum returns the digest. Nothing is written after it.
	Sum() string
}

// New creates a Writer of a form that FormOf returned.
func (f Form) New() Writer {
	if f == SHA256 {
		return plain{sha256.New()}
	}
	return tree{verity.New(nil)}
}

// tree is a Writer of FSVerity.
type tree struct{ *verity.Hasher }

// Sum implements Writer.
func (t tree) Sum() string { return FSVerity.Of(t.Hasher.Sum()) }

// plain is a Writer of SHA256.
type plain struct{ sum hash.Hash }

// Write implements Writer.
func (p plain) Write(data []byte) (int, error) { return p.sum.Write(data) }

// Zeros implements Writer.
func (p plain) Zeros(n int64) {
	for ; n > 0; n -= int64(len(zeros)) {
		p.sum.Write(zeros[:min(n, int64(len(zeros)))])
	}
}

var zeros [64 << 10]byte

// Sum implements Writer.
func (p plain) Sum() string { return SHA256.Of(hex.EncodeToString(p.sum.Sum(nil))) }
