package transfer

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

func TestSourceIsValidated(t *testing.T) {
	hex64 := strings.Repeat("0a", 32)
	for name, c := range map[string]struct {
		source Source
		blamed string // "" where the source is good
	}{
		"path":                       {Source{Path: "disk.img"}, ""},
		"https":                      {Source{URL: "https://example.org/disk.img", Checksum: "sha256:" + hex64}, ""},
		"http with port and sha512":  {Source{URL: "http://user:pw@example.org:8080/d", Checksum: "sha512:" + hex64 + hex64}, ""},
		"neither":                    {Source{}, "path"},
		"both":                       {Source{Path: "a", URL: "https://example.org/a"}, "url"},
		"file URL":                   {Source{URL: "file:///a"}, "url"},
		"path given as URL":          {Source{URL: "/var/a.img"}, "url"},
		"ftp":                        {Source{URL: "ftp://example.org/a"}, "url"},
		"no host":                    {Source{URL: "https:///a"}, "url"},
		"port without host":          {Source{URL: "https://:443/a"}, "url"},
		"unparsable":                 {Source{URL: "https://user:hunter2/3@example.org/a"}, "url"},
		"volume":                     {Source{Volume: "pool/disk.img"}, ""},
		"volume without pool":        {Source{Volume: "disk.img"}, "volume"},
		"volume as a path":           {Source{Volume: "/var/lib/disk.img"}, "volume"},
		"instance":                   {Source{Instance: "01234567-89ab-cdef-0123-456789abcdef"}, ""},
		"instance by name":           {Source{Instance: "default/web"}, "instance_id"},
		"checksum of an instance":    {Source{Instance: "01234567-89ab-cdef-0123-456789abcdef", Checksum: "sha256:" + hex64}, "checksum"},
		"path and volume":            {Source{Path: "a", Volume: "b/c"}, "volume"},
		"headers":                    {Source{URL: "https://example.org/a", Headers: map[string]string{"PRIVATE-TOKEN": "x y"}}, ""},
		"headers of a path":          {Source{Path: "a", Headers: map[string]string{"Authorization": "hunter2"}}, "headers"},
		"header of a line break":     {Source{URL: "https://example.org/a", Headers: map[string]string{"X": "hunter2\n"}}, "headers"},
		"header without a name":      {Source{URL: "https://example.org/a", Headers: map[string]string{"X Y": "hunter2"}}, "headers"},
		"header of the download":     {Source{URL: "https://example.org/a", Headers: map[string]string{"range": "hunter2"}}, "headers"},
		"bad checksum beside a path": {Source{Path: "a", Checksum: hex64}, "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.source.Validate()
			if c.blamed == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			wantError[*image.SourceError](t, err)
			wantBlamed(t, err, c.blamed)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a password: %v", err)
			}
		})
	}
}

func TestSourceIsShownWithoutSecrets(t *testing.T) {
	for _, c := range []struct {
		source Source
		want   string
	}{
		{Source{Path: "a b.img"}, "a b.img"},
		{Source{URL: "https://user:pw@example.org:8443/a%20b/c.img?sig=secret#secret"}, "https://example.org:8443/a%20b/c.img?…"},
		{Source{URL: "https://example.org/c.img"}, "https://example.org/c.img"},
		{Source{URL: "https://user:p/w@example.org/"}, "(a URL that cannot be parsed)"},
		{Source{Volume: "pool/disk"}, "volume pool/disk"},
		{Source{Instance: "5d3c"}, "the system disk of instance 5d3c"},
	} {
		if got := c.source.String(); got != c.want {
			t.Errorf("%+v is shown as %q, want %q", c.source, got, c.want)
		}
	}
}

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
			wantBlamed(t, err, "checksum")
		}
	}
}

func TestDigestIsKnownFromAPlainSha256Only(t *testing.T) {
	upper := strings.Repeat("0A", 32)
	if digest, known := (Source{Path: "a", Checksum: "sha256:" + upper}).KnownDigest(); !known || digest != "sha256:"+strings.ToLower(upper) {
		t.Errorf("KnownDigest = %q, %v", digest, known)
	}
	for _, checksum := range []string{"", "sha512:" + upper + upper, "sha256:short"} {
		if digest, known := (Source{Path: "a", Checksum: checksum}).KnownDigest(); known || digest != "" {
			t.Errorf("with checksum %q a digest is known: %q", checksum, digest)
		}
	}
}
