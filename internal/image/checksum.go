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

// Algorithm is "sha256" or "sha512", or "" for the zero value.
func (c Checksum) Algorithm() string { return c.algorithm }

// New returns a hash that computes such a checksum; nil for the zero value.
func (c Checksum) New() hash.Hash {
	if c == (Checksum{}) {
		return nil
	}
	return algorithms[c.algorithm]()
}

// Check compares a hash that New returned, with everything written to it, with the checksum. It
// returns a *ChecksumError if they differ.
func (c Checksum) Check(o Origin, sum hash.Hash) error {
	return c.CheckSum(o, c.algorithm+":"+hex.EncodeToString(sum.Sum(nil)))
}

// CheckSum is Check for a sum as String returns it.
func (c Checksum) CheckSum(o Origin, got string) error {
	if want := c.String(); got != want {
		return &ChecksumError{Source: o.Name, Want: want, Got: got}
	}
	return nil
}
