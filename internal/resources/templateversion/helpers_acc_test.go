package templateversion_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// library returns the configuration of a provider for the pool and of a template "it".
func library(pool, name string, settings ...string) string {
	return libraryOf(tfconfig.Provider{Pool: pool}, name, settings...)
}

// libraryOf is library with a provider of the test's own.
func libraryOf(provider tfconfig.Provider, name string, settings ...string) string {
	return tfconfig.Render(provider, tfconfig.Template{Meta: tfconfig.Meta{Settings: settings}, Name: name})
}

// version returns the configuration of a version of the template "it".
func version(label, number, source string, settings ...string) string {
	return tfconfig.Version{
		Meta:    tfconfig.Meta{Label: label, Settings: append([]string{"source = { " + source + " }"}, settings...)},
		Version: number,
	}.Of(tfconfig.Template{}).String()
}

// clone returns a stopped instance of the template and the version "it" of the same configuration.
func clone(name string) tfconfig.Instance {
	return tfconfig.Instance{Name: name, PowerState: "stopped"}.Of(tfconfig.Template{}, tfconfig.Version{})
}

// cloneOf returns a stopped linked clone of a template and version of another configuration.
func cloneOf(name, template, version string) tfconfig.Instance {
	return tfconfig.Instance{
		Name: name, PowerState: "stopped", TemplateID: "default/" + template, Version: version,
	}
}

func fromPath(path string) string { return fmt.Sprintf("path = %q", path) }

// rawImage creates a raw disk of random bytes after a boot sector's mark, so its digest is unique.
func rawImage(t *testing.T, size int) string {
	t.Helper()
	return imagetest.WriteFile(t, imagetest.RandomDisk(size))
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func writeFile(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func checksum(t *testing.T, path string) string {
	t.Helper()
	return imagetest.SHA256(readFile(t, path))
}

func digestOf(t *testing.T, path string) string {
	t.Helper()
	return imagetest.Digest(readFile(t, path))
}

// bases returns the paths, as seen from outside the host, of the base images in the pool's
// directory. It only reads the directory, so a test that polls for an image notices it at once.
func bases(t *testing.T, host *acctest.Host, directory string) []string {
	t.Helper()
	var found []string
	for _, format := range []string{"qcow2", "raw"} {
		paths, err := filepath.Glob(filepath.Join(host.HostPath(directory), "nova.base.*."+format))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	return found
}

// deleteDocuments deletes the volumes whose names start with the prefix. The test fails if there
// are none.
func deleteDocuments(t *testing.T, host *acctest.Host, pool, prefix string) {
	t.Helper()
	documents := host.Leftovers(t, pool, prefix)
	if len(documents) == 0 {
		t.Errorf("pool %s has no volume %s…", pool, prefix)
	}
	for _, document := range documents {
		host.Virsh(t, "vol-delete", "--pool", pool, strings.TrimPrefix(document, "volume "+pool+"/"))
	}
}
