package image_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

func TestParseChecksum(t *testing.T) {
	sha256, sha512 := strings.Repeat("0a", 32), strings.Repeat("F0", 64)
	for text, want := range map[string]string{
		"sha256:" + sha256:                  "sha256:" + sha256,
		"sha256:" + strings.ToUpper(sha256): "sha256:" + sha256,
		"sha512:" + sha512:                  "sha512:" + strings.ToLower(sha512),
		"":                                  "",
		sha256:                              "",
		"sha256:":                           "",
		"md5:" + sha256[:32]:                "",
		"sha256:" + sha512:                  "",
		"sha512:" + sha256:                  "",
		"sha256:" + sha256[:63]:             "",
		"sha256:" + sha256[:63] + "g":       "",
		"sha256: " + sha256[:63]:            "",
	} {
		got, err := image.ParseChecksum(text)
		if got.String() != want || (err == nil) != (want != "") {
			t.Errorf("ParseChecksum(%q) = %q, %v; want %q", text, got, err, want)
		}
		if err != nil {
			imagetest.WantBlamed(t, err, "checksum")
		}
	}
}

func TestDigestIsKnownFromAPlainSha256Only(t *testing.T) {
	upper := strings.Repeat("0A", 32)
	for checksum, want := range map[string]string{
		"sha256:" + upper:         "sha256:" + strings.ToLower(upper),
		"sha512:" + upper + upper: "",
	} {
		c, err := image.ParseChecksum(checksum)
		if err != nil {
			t.Fatal(err)
		}
		if digest, known := c.Digest(); digest != want || known != (want != "") {
			t.Errorf("of %s, the digest is %q, %v", checksum, digest, known)
		}
	}
	if digest, known := (image.Checksum{}).Digest(); known || digest != "" {
		t.Errorf("without a checksum a digest is known: %q", digest)
	}
}
