package library

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// site is a pool of its own on the test host.
type site struct {
	*acctest.Host
	pool, dir string // dir is the pool's directory, from outside
}

func newSite(t *testing.T) site {
	t.Helper()
	host := acctest.RequireHost(t)
	pool, dir := host.Pool(t, "library-"+strings.ToLower(rand.Text()[:8]))
	return site{host, pool, host.HostPath(dir)}
}

// library opens the pool's library as a separate process would.
func (s site) library(t *testing.T) *Library {
	t.Helper()
	return s.libraryWith(t, imagestore.Options{})
}

// libraryWith is library with the fields that o sets.
func (s site) libraryWith(t *testing.T, o imagestore.Options) *Library {
	t.Helper()
	h := s.conn(t)
	store := poolstore.New(h, s.pool)
	o.Host, o.Pool, o.Documents, o.Tenant = h, s.pool, store, "default"
	return New(Options{Images: imagestore.New(o), Store: store, User: "tester"})
}

// images lists the images and disks in the pool's directory, without documents and the maps of
// images' blocks.
func (s site) images(t *testing.T) []string {
	return slices.DeleteFunc(s.files(t), func(name string) bool {
		return strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".map")
	})
}

func (s site) files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// conn is the test's own connection.
func (s site) conn(t *testing.T) host.Host {
	t.Helper()
	h, err := libvirt.New(libvirt.Options{URI: s.URI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// bases are the documents of the pool's images.
func (s site) bases(t *testing.T) catalog.Collection[catalog.Base] {
	return poolstore.New(s.conn(t), s.pool).Bases()
}

var ubuntu = catalog.TemplateID{Tenant: "default", Name: "ubuntu"}

// template registers the template "ubuntu", and at the end removes it with all that is left of it.
func (s site) template(t *testing.T, l *Library) {
	t.Helper()
	if _, err := l.CreateTemplate(t.Context(), catalog.Template{ID: ubuntu, Type: catalog.TypeVM}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		versions, err := l.Versions(ctx, ubuntu)
		if err != nil {
			t.Error(err)
		}
		for _, v := range versions {
			if err := l.RemoveVersion(ctx, v.ID); err != nil {
				t.Error(err)
			}
		}
		if err := l.DeleteTemplate(ctx, ubuntu); err != nil {
			t.Error(err)
		}
	})
}

// rawImage creates a raw disk of that many bytes: a boot sector's mark, random data in the first
// part, and holes.
func rawImage(t testing.TB, size, data int64) string {
	t.Helper()
	path := imagetest.WriteFile(t, imagetest.RandomDisk(int(data)))
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

func digestOf(t testing.TB, path string) string {
	t.Helper()
	return imagetest.Digest(must.Get[[]byte](t)(os.ReadFile(path)))
}

// sumOf is the checksum of a file.
func sumOf(t testing.TB, path string) string {
	t.Helper()
	return imagetest.SHA256(must.Get[[]byte](t)(os.ReadFile(path)))
}

func register(ctx context.Context, l *Library, version string, from source.Source) (catalog.Version, error) {
	return l.RegisterVersion(ctx, VersionRequest{ID: ubuntu.Version(version), Source: from})
}
