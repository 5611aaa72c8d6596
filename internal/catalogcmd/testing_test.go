package catalogcmd

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// pool is a separate pool on the test host.
type pool struct {
	*acctest.Host
	name, dir string // dir is the pool's directory, from outside
}

func newPool(t *testing.T) pool {
	t.Helper()
	host := acctest.RequireHost(t)
	name, dir := host.Pool(t, "catalogcmd-"+strings.ToLower(rand.Text()[:8]))
	return pool{host, name, host.HostPath(dir)}
}

// library returns the library that a user of the tenant sees. dsn is the user's database, or "" for
// the pool's own catalog.
func (p pool) library(t *testing.T, tenant, dsn string) *library.Library {
	t.Helper()
	host, err := libvirt.New(libvirt.Options{URI: p.URI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	var store imagestore.Catalog = poolstore.New(host, p.name)
	if dsn != "" {
		database, err := pgstore.New(pgstore.Options{
			DSN: dsn, Tenant: tenant, Bases: store.Bases(), Snapshots: store.Snapshots(),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(database.Close)
		store = database
	}
	return library.New(library.Options{
		Images: imagestore.New(imagestore.Options{Host: host, Pool: p.name, Documents: store, Tenant: tenant}),
		Store:  store, User: "tester",
	})
}

// images lists the files in the pool that are not documents.
func (p pool) images(t *testing.T) []string {
	t.Helper()
	p.Virsh(t, "pool-refresh", p.name)
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "nova.base.") && !strings.HasSuffix(e.Name(), ".json") &&
			!strings.HasSuffix(e.Name(), ".map") {
			names = append(names, e.Name())
		}
	}
	return names
}

// catalog runs a command on the pool, and returns everything that it printed.
func (p pool) catalog(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if args[0] != "init" {
		args = slices.Insert(args, 1, "--uri", p.URI, "--pool", p.name)
	}
	if got := Run(t.Context(), args, &out, &out); got != want {
		t.Fatalf("catalog %q: exit %d, want %d:\n%s", args, got, want, &out)
	}
	return out.String()
}

// newDatabase creates a database with a catalog, and returns the DSNs of its tenants.
func newDatabase(t *testing.T, p pool, tenants ...string) (admin string, dsn map[string]string) {
	t.Helper()
	database := pgtest.Database(t)
	args, dsn := []string{"init", "--dsn", database(pgtest.Superuser)}, map[string]string{}
	for _, tenant := range tenants {
		role := pgtest.Role("nova")
		args, dsn[tenant] = append(args, "--tenant", tenant+"="+role), database(role)
	}
	p.catalog(t, exitDone, args...)
	return database(pgtest.Superuser), dsn
}

// qcow2 creates an image with some random data.
func qcow2(t *testing.T) string {
	t.Helper()
	raw, path := rawDisk(t), filepath.Join(t.TempDir(), "disk.qcow2")
	if out, err := exec.Command(
		"qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path,
	).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// rawDisk creates a raw disk with data at its beginning and end, and a hole of 20 MiB between them.
func rawDisk(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.img")
	data := imagetest.RandomDisk(1 << 20)
	file, err := os.Create(path)
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		_, err = file.WriteAt(data, 21<<20)
	}
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	return path
}

func digestOf(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		t.Fatal(err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// offer registers a template with these images as its versions, by number.
func offer(t *testing.T, l *library.Library, name string, images map[string]string) catalog.TemplateID {
	t.Helper()
	template, err := l.CreateTemplate(t.Context(), catalog.Template{ID: catalog.TemplateID{Name: name},
		Type:        catalog.TypeVM,
		Description: "as it was", Labels: map[string]string{"os": "linux"}})
	if err != nil {
		t.Fatal(err)
	}
	for number, path := range images {
		if _, err := l.RegisterVersion(t.Context(), library.VersionRequest{
			ID: template.ID.Version(number), Source: file.Source{Path: path},
		}); err != nil {
			t.Fatal(err)
		}
	}
	return template.ID
}

// withdraw removes a template with all its versions.
func withdraw(t *testing.T, l *library.Library, id catalog.TemplateID) {
	t.Helper()
	versions, err := l.Versions(t.Context(), id)
	for _, v := range versions {
		if err == nil {
			err = l.RemoveVersion(t.Context(), v.ID)
		}
	}
	if err == nil {
		err = l.DeleteTemplate(t.Context(), id)
	}
	if err != nil {
		t.Error(err)
	}
}

// whole checks that a template is there with its versions and images.
func whole(t *testing.T, l *library.Library, id catalog.TemplateID, images map[string]string) {
	t.Helper()
	template, err := l.Template(t.Context(), id)
	if err != nil || template.Description != "as it was" || template.Owner != "tester" {
		t.Errorf("the template is %+v, %v", template, err)
	}
	versions, err := l.Versions(t.Context(), id)
	if err != nil || len(versions) != len(images) {
		t.Errorf("%d versions, %v", len(versions), err)
	}
	for _, v := range versions {
		if err := l.VerifyVersion(t.Context(), v.ID); err != nil {
			t.Error(err)
		}
		if v.Parent != "" { // it is not stored as a file; see wantDisk
			continue
		}
		chain, err := l.Images.ChainOf(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		if err := l.Images.Read(t.Context(), chain[0], sum); err != nil {
			t.Error(err)
		}
		if got, want := "sha256:"+hex.EncodeToString(sum.Sum(nil)), digestOf(t, images[v.ID.Version]); got != want {
			t.Errorf("the image of %s is %s, want %s", v.ID, got, want)
		}
	}
}
