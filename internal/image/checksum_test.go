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

func TestAChecksumIsCompared(t *testing.T) {
	data := []byte("an image")
	for _, text := range []string{imagetest.SHA256(data), imagetest.SHA512(data)} {
		c, err := image.ParseChecksum(text)
		if err != nil {
			t.Fatal(err)
		}
		sum := c.New()
		sum.Write(data)
		if err := c.Check(image.Origin{Name: "disk"}, sum); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		sum.Write(data)
		wrong := imagetest.WantError[*image.ChecksumError](t, c.Check(image.Origin{Name: "disk"}, sum))
		if wrong.Want != text || !strings.HasPrefix(wrong.Got, c.Algorithm()+":") || wrong.Got == text {
			t.Errorf("%s: got %+v", text, wrong)
		}
	}
	if none := (image.Checksum{}); none.New() != nil || none.Algorithm() != "" {
		t.Error("no checksum has an algorithm")
	}
}
