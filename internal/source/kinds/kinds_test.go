package kinds_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/kinds"
)

func TestSettingsAreValidated(t *testing.T) {
	const instance = "01234567-89ab-cdef-0123-456789abcdef"
	const web = "https://example.org/a"
	hex64 := strings.Repeat("0a", 32)
	type settings = source.Settings
	headers := func(name, value string) map[string]string { return map[string]string{name: value} }
	for name, c := range map[string]struct {
		settings settings
		blamed   string // "" if the source is good
	}{
		"path":  {settings{"path": "disk.img"}, ""},
		"https": {settings{"url": "https://example.org/disk.img", "checksum": "sha256:" + hex64}, ""},
		"http with port": {
			settings{"url": "http://user:pw@example.org:8080/d", "checksum": "sha512:" + hex64 + hex64}, "",
		},
		"neither":                 {settings{}, "path"},
		"empty":                   {settings{"path": "", "url": ""}, "path"},
		"both":                    {settings{"path": "a", "url": "https://example.org/a"}, "url"},
		"file URL":                {settings{"url": "file:///a"}, "url"},
		"path given as URL":       {settings{"url": "/var/a.img"}, "url"},
		"URL given as path":       {settings{"path": "https://user:hunter2@example.org/a"}, "path"},
		"file URL given as path":  {settings{"path": "file:///a"}, "path"},
		"ftp":                     {settings{"url": "ftp://example.org/a"}, "url"},
		"no host":                 {settings{"url": "https:///a"}, "url"},
		"port without host":       {settings{"url": "https://:443/a"}, "url"},
		"unparsable":              {settings{"url": "https://user:hunter2/3@example.org/a"}, "url"},
		"volume":                  {settings{"volume": "pool/disk.img"}, ""},
		"volume without pool":     {settings{"volume": "disk.img"}, "volume"},
		"volume as a path":        {settings{"volume": "/var/lib/disk.img"}, "volume"},
		"instance":                {settings{"instance_id": instance}, ""},
		"instance by name":        {settings{"instance_id": "default/web"}, "instance_id"},
		"checksum of an instance": {settings{"instance_id": instance, "checksum": "sha256:" + hex64}, "checksum"},
		"path and volume":         {settings{"path": "a", "volume": "b/c"}, "volume"},
		"headers":                 {settings{"url": web, "headers": headers("PRIVATE-TOKEN", "x y")}, ""},
		"headers of a path": {settings{"path": "a", "headers": headers("Authorization", "hunter2")},
			"headers"},
		"no headers of a path":       {settings{"path": "a", "headers": map[string]string{}}, ""},
		"header of a line break":     {settings{"url": web, "headers": headers("X", "hunter2\n")}, "headers"},
		"header without a name":      {settings{"url": web, "headers": headers("X Y", "hunter2")}, "headers"},
		"header of the download":     {settings{"url": web, "headers": headers("range", "hunter2")}, "headers"},
		"bad checksum beside a path": {settings{"path": "a", "checksum": hex64}, "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			s := kinds.All.Source(c.settings)
			err := s.Validate()
			if c.blamed == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			imagetest.WantError[*image.SourceError](t, err)
			imagetest.WantBlamed(t, err, c.blamed)
			if strings.Contains(err.Error()+s.String(), "hunter2") {
				t.Errorf("a password is told: %v of %s", err, s)
			}
			if _, opened := s.Open(t.Context()); opened == nil || opened.Error() != err.Error() {
				t.Errorf("opening it gives %v, not what is wrong with it: %v", opened, err)
			}
		})
	}
}

func TestSourcesAreShownWithoutSecrets(t *testing.T) {
	for want, settings := range map[string]source.Settings{
		"a b.img": {"path": "a b.img"},
		"https://example.org:8443/a%20b/c.img?…": {
			"url": "https://user:pw@example.org:8443/a%20b/c.img?sig=secret#secret",
		},
		"https://example.org/c.img":        {"url": "https://example.org/c.img"},
		"(a URL that cannot be parsed)":    {"url": "https://user:p/w@example.org/"},
		"volume pool/disk":                 {"volume": "pool/disk"},
		"the system disk of instance 5d3c": {"instance_id": "5d3c"},
	} {
		if got := kinds.All.Source(settings).String(); got != want {
			t.Errorf("%v is shown as %q, want %q", settings, got, want)
		}
	}
}
