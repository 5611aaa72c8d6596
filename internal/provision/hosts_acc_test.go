package provision

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// twoHosts is a library on two hosts, each with a pool of the same name.
type twoHosts struct {
	home, other *acctest.Host
	pool        string
	dsn         string // of the catalog; "" if that is in the pool at home
}

// open opens the library as a process does, and returns a provisioner of each host. otherURI is where
// the other host is thought to be.
func (s twoHosts) open(t *testing.T, otherURI string) (l *library.Library, home, other *Provisioner) {
	t.Helper()
	connect := func(uri string) host.Host {
		h := must.Get[host.Host](t)(libvirt.New(libvirt.Options{URI: uri}))
		t.Cleanup(func() { h.(*libvirt.Conn).Close() })
		return h
	}
	here, there := connect(s.home.URI), connect(otherURI)
	var store imagestore.Catalog = poolstore.New(here, s.pool)
	if s.dsn != "" {
		database := must.Get[*pgstore.Store](t)(pgstore.New(pgstore.Options{
			DSN: s.dsn, Tenant: naming.DefaultTenant, Bases: store.Bases(), Snapshots: store.Snapshots(),
		}))
		t.Cleanup(database.Close)
		store = database
	}
	images := imagestore.New(imagestore.Options{
		Host: here, Pool: s.pool, Documents: store, Tenant: naming.DefaultTenant, Site: "here",
	})
	elsewhere := imagestore.New(imagestore.Options{
		Host: there, Pool: s.pool, Tenant: naming.DefaultTenant, Site: "there",
		Documents: imagestore.Elsewhere(store, naming.DefaultTenant, poolstore.New(there, s.pool)),
	})
	l = library.New(library.Options{
		Images: images, Others: []*imagestore.Store{elsewhere}, Store: store, User: "tester",
	})
	return l, New(Settings{Host: here, Library: l, Kinds: machines}),
		New(Settings{Host: there, Library: l.At(elsewhere), Kinds: machines})
}

func TestAccImagesAreOnTheHostsThatNeedThem(t *testing.T) {
	home, tiny := acctest.RequireHost(t), acctest.TinyImage(t)
	t.Parallel()
	other := home.Own(t, "images")
	for name, inDatabase := range map[string]bool{"catalog in a pool": false, "catalog in a database": true} {
		t.Run(name, func(t *testing.T) {
			s := twoHosts{home: home, other: other, pool: "hosts-" + strings.ToLower(rand.Text()[:8])}
			if inDatabase {
				role, dsn := pgtest.Role("nova"), pgtest.Database(t)
				must.Get[pgstore.Prepared](t)(pgstore.Init(t.Context(), dsn(pgtest.Superuser),
					map[string]string{naming.DefaultTenant: role}))
				s.dsn = dsn(role)
			}
			home.Pool(t, s.pool)
			other.Pool(t, s.pool)
			s.lifeOfCopies(t, tiny)
		})
	}
}

// lifeOfCopies registers on one host, creates on the other, and removes everything.
func (s twoHosts) lifeOfCopies(t *testing.T, tiny string) {
	ctx := t.Context()
	l, _, there := s.open(t, s.other.URI)
	mib := int64(128)
	must.Get[catalog.Template](t)(l.CreateTemplate(ctx, catalog.Template{
		ID: siteTemplate, Type: catalog.TypeVM, Spec: catalog.Spec{Hardware: &profile.Hardware{MemoryMB: &mib}},
	}))
	plain, changed := s.sparse(t)
	for _, r := range []library.VersionRequest{
		{ID: siteTemplate.Version("1.0.0"), Source: file.Source{Path: tiny}},
		{ID: siteTemplate.Version("2.0.0"), Source: file.Source{Path: plain}},
		{ID: siteTemplate.Version("3.0.0"), Source: file.Source{Path: changed}, Parent: "2.0.0"},
	} {
		must.Get[catalog.Version](t)(l.RegisterVersion(ctx, r))
	}
	boots := kind.Options{}
	if s.dsn == "" { // once is enough
		boots = kind.Options{Running: true, WaitFor: []string{kind.WaitAgent}}
	}
	var made []kind.Instance
	for version, options := range map[string]kind.Options{"1.0.0": boots, "3.0.0": {}} {
		i, record, err := there.Create(ctx, kind.Request{
			Name: s.pool + "-" + version[:1], Template: siteTemplate, Version: version, Strategy: "linked_clone",
			Options: options,
		}, func(kind.Instance, Record) {})
		if err != nil {
			t.Fatalf("version %s: %v; the record is %+v", version, err, record)
		}
		made = append(made, i)
	}
	v := must.Get[catalog.Version](t)(l.Version(ctx, siteTemplate.Version("3.0.0")))
	base := must.Get[catalog.Base](t)(there.library.Images.Base(ctx, v.Digest))
	if err := there.library.Images.Verify(ctx, base); err != nil || base.Copy == nil || base.Parent == "" {
		t.Errorf("the copy is %+v, %v", base, err)
	}
	below := must.Get[catalog.Base](t)(there.library.Images.Base(ctx, base.Parent))
	if volume := must.Get[host.Volume](t)(there.library.Images.Volume(ctx, below)); volume.Allocation > 8<<20 {
		t.Errorf("the copy takes %d bytes: its holes were sent", volume.Allocation)
	}
	s.other.Exec(t, "qemu-img", "check", "-q", must.Get[string](t)(there.library.Images.Location(ctx, v)))

	err := l.RemoveVersion(ctx, v.ID)
	if in, is := errors.AsType[*imagestore.InUseError](err); !is || !strings.Contains(err.Error(), "-3 on there") {
		t.Errorf("removed with an instance on the other host: %v, %v", in, err)
	}
	for _, i := range made {
		if err := there.Delete(ctx, 0, i.UUID, i.Facts.Tenant, i.Facts.Name, hostid.ID{}); err != nil {
			t.Error(err)
		}
	}
	nowhere := "qemu+unix:///system?socket=" + filepath.Join(t.TempDir(), "sock")
	without, _, _ := s.open(t, nowhere)
	err = without.RemoveVersion(ctx, v.ID)
	if !errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "on there") {
		t.Errorf("removed while the other host was silent: %v", err)
	}
	for _, version := range []string{"3.0.0", "2.0.0", "1.0.0"} {
		if err := l.RemoveVersion(ctx, siteTemplate.Version(version)); err != nil {
			t.Error(err)
		}
	}
	if err := l.DeleteTemplate(ctx, siteTemplate); err != nil {
		t.Error(err)
	}
}

// sparse creates two raw disks that differ in one place, and consist mostly of holes.
func (s twoHosts) sparse(t *testing.T) (plain, changed string) {
	t.Helper()
	content := make([]byte, 32<<20)
	content[510], content[511] = 0x55, 0xaa // a boot sector's mark
	copy(content[8<<20:], bytes.Repeat([]byte("content "), 1<<17))
	write := func(name string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain = write("plain.img")
	copy(content[16<<20:], bytes.Repeat([]byte("changed "), 1<<13))
	return plain, write("changed.img")
}
