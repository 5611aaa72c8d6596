package image

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// Checksum is the expected hash of a file. The zero value expects nothing.
type Checksum struct {
	algorithm string
	hex       string // lower case
}

// algorithms are the algorithms that publishers of cloud images list (SHA256SUMS, SHA512SUMS).
var algorithms = map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}

// ParseChecksum reads "sha256:HEX" or "sha512:HEX"; the hexadecimal digits may be of either case.
// It returns a *SourceError that blames "checksum".
func ParseChecksum(text string) (Checksum, error) {
	invalid := func(format string, args ...any) (Checksum, error) {
		return Checksum{}, &SourceError{attribute: "checksum", Tried: fmt.Sprintf("reading the checksum %q", text),
			Err: fmt.Errorf(format, args...), Advice: "Write it as sha256:HEX or sha512:HEX."}
	}
	algorithm, digits, found := strings.Cut(text, ":")
	if !found {
		return invalid("it does not name its algorithm")
	}
	newHash, known := algorithms[algorithm]
	if !known {
		return invalid("%q is not a known algorithm", algorithm)
	}
	if want := 2 * newHash().Size(); len(digits) != want {
		return invalid("%s has %d hexadecimal digits, and this has %d", algorithm, want, len(digits))
	}
	if _, err := hex.DecodeString(digits); err != nil {
		return invalid("what follows %q is not hexadecimal: %w", algorithm+":", err)
	}
	return Checksum{algorithm: algorithm, hex: strings.ToLower(digits)}, nil
}

// String returns "ALGORITHM:hex" in lower case, or "" for the zero value.
func (c Checksum) String() string {
	if c == (Checksum{}) {
		return ""
	}
	return c.algorithm + ":" + c.hex
}

// Digest returns the digest ("sha256:hex") of the image if the checksum of its file already gives
// it: the file is stored as it is, so its sha256 checksum is its digest, and nothing needs to be
// opened to know whether a host has it.
func (c Checksum) Digest() (digest string, known bool) {
	if c.algorithm != "sha256" {
		return "", false
	}
	return c.String(), true
}

// Digester hashes an image for its digest and, if the checksum is of another kind, for that as
// well.
type Digester struct {
	want  Checksum
	sum   hash.Hash // sha256
	other hash.Hash // of want's algorithm; nil when that is sha256 or there is no checksum
}

// NewDigester creates a Digester for a digest, and for the wanted checksum; the zero Checksum wants
// none.
func NewDigester(want Checksum) *Digester {
	d := &Digester{want: want, sum: sha256.New()}
	if want != (Checksum{}) && want.algorithm != "sha256" {
		d.other = algorithms[want.algorithm]()
	}
	return d
}

// Write never fails.
func (d *Digester) Write(p []byte) (int, error) {
	d.sum.Write(p)
	if d.other != nil {
		d.other.Write(p)
	}
	return len(p), nil
}

// Finish returns "sha256:hex" of what was written, or a *ChecksumError if that does not match the
// wanted checksum.
func (d *Digester) Finish(o Origin) (string, error) {
	digest := "sha256:" + hex.EncodeToString(d.sum.Sum(nil))
	if d.want == (Checksum{}) {
		return digest, nil
	}
	got := digest
	if d.other != nil {
		got = d.want.algorithm + ":" + hex.EncodeToString(d.other.Sum(nil))
	}
	if got != d.want.String() {
		return "", &ChecksumError{Source: o.Name, Want: d.want.String(), Got: got}
	}
	return digest, nil
}
