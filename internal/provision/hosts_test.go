package provision

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/sharing"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// hostsSite is a library on three hosts in memory. All that is registered is on kvm1.
type hostsSite struct {
	*testing.T
	machines map[string]*fakehost.Host
	// wrap stands in front of a host, for the processes that are opened afterwards.
	wrap     map[string]func(host.Host) host.Host
	database bool // the catalog is in none of the pools
	images   map[string]string
	kinds    func(kind.Site) []kind.Driver // nil for machines
}

var siteHosts = []string{"kvm1", "kvm2", "kvm3"}

// aDatabase is a catalog that is in none of the pools, as one in a database. It has the documents of
// the images of one of them.
type aDatabase struct {
	*poolstore.Store
	bases     catalog.Collection[catalog.Base]
	snapshots catalog.Collection[catalog.Snapshot]
}

func (aDatabase) Kind() string                                      { return "database" }
func (d aDatabase) Bases() catalog.Collection[catalog.Base]         { return d.bases }
func (d aDatabase) Snapshots() catalog.Collection[catalog.Snapshot] { return d.snapshots }

// catalog is the site's catalog; home is the host of its first process.
func (s *hostsSite) catalog(home host.Host) imagestore.Catalog {
	documents := poolstore.New(home, sitePool)
	if !s.database {
		return documents
	}
	rows := poolstore.New(s.machines["database"], sitePool)
	as := sharing.Catalog{ID: rows.ID, Tenant: naming.DefaultTenant}
	return aDatabase{rows, as.Bases(documents.Bases()), as.Snapshots(documents.Snapshots())}
}

// onHosts runs a test with a library on several hosts, once for each place of its catalog. Its
// template web has the versions 1.0.0 and 2.0.0, with two images.
func onHosts(t *testing.T, test func(t *testing.T, s *hostsSite)) {
	t.Helper()
	for name, database := range map[string]bool{"catalog in a pool": false, "catalog in a database": true} {
		t.Run(name, func(t *testing.T) {
			images := map[string]string{
				"1.0.0": stressImage(t, 64<<10), "2.0.0": stressImage(t, 256<<10), "3.0.0": changedImage(t, 256<<10),
			}
			synctest.Test(t, func(t *testing.T) {
				s := &hostsSite{
					T: t, database: database, images: images,
					machines: map[string]*fakehost.Host{}, wrap: map[string]func(host.Host) host.Host{},
				}
				for _, name := range append([]string{"database"}, siteHosts...) {
					s.machines[name] = fakehost.New()
					for pool, path := range map[string]string{sitePool: "/pool", siteTier: "/fast"} {
						must.Get[host.Pool](t)(s.machines[name].CreateDirPool(t.Context(), pool, path))
					}
				}
				l := s.process()["kvm1"].lib
				must.Get[catalog.Template](t)(
					l.CreateTemplate(t.Context(), catalog.Template{ID: siteTemplate, Type: catalog.TypeVM}))
				for _, version := range []string{"1.0.0", "2.0.0"} {
					must.Get[catalog.Version](t)(l.RegisterVersion(t.Context(), library.VersionRequest{
						ID: siteTemplate.Version(version), Source: file.Source{Path: images[version]},
					}))
				}
				test(t, s)
			})
		})
	}
}

// changedImage is a stressImage of which the last block has other content.
func changedImage(t *testing.T, size int) string {
	t.Helper()
	path := stressImage(t, size)
	content := must.Get[[]byte](t)(os.ReadFile(path))
	copy(content[size-4096:], bytes.Repeat([]byte("changed "), 512))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// process is the library as another process has it: for each of the hosts.
func (s *hostsSite) process() map[string]*testSite {
	var stores []*imagestore.Store
	var home imagestore.Catalog
	hosts := make([]host.Host, len(siteHosts))
	for n, name := range siteHosts {
		hosts[n] = s.machines[name]
		if wrap := s.wrap[name]; wrap != nil {
			hosts[n] = wrap(hosts[n])
		}
		o := imagestore.Options{Host: hosts[n], Pool: sitePool, Tenant: naming.DefaultTenant, Site: name}
		if n == 0 {
			home = s.catalog(hosts[n])
			o.Documents = home
		} else {
			o.Documents = imagestore.Elsewhere(home, naming.DefaultTenant, poolstore.New(hosts[n], sitePool))
		}
		stores = append(stores, imagestore.New(o))
	}
	l := library.New(library.Options{Images: stores[0], Others: stores[1:], Store: home, User: "tester"})
	l.Requests.Aside = func(tidy func()) { tidy() }
	sites, drivers := map[string]*testSite{}, machines
	if s.kinds != nil {
		drivers = s.kinds
	}
	for n, name := range siteHosts {
		at := l.At(stores[n])
		sites[name] = &testSite{Host: s.machines[name], lib: at, p: New(Settings{
			Host: hosts[n], Library: at, Kinds: drivers, StorageTiers: map[string]string{siteTier: siteTier},
		})}
	}
	return sites
}

// stored are the images' volumes in the pool of a host, without the maps of their blocks.
func (s *hostsSite) stored(name string) []string {
	s.Helper()
	names := must.Get[[]string](s.T)(s.machines[name].VolumeNames(context.WithoutCancel(s.Context()), sitePool))
	return slices.DeleteFunc(names, func(name string) bool {
		return !naming.IsBase(name) || naming.BaseOf(name) != name
	})
}

// document is the document that the pool of a host has of the image of a version, as stored.
func (s *hostsSite) document(name, version string) (catalog.Base, bool) {
	s.Helper()
	v := must.Get[catalog.Version](s.T)(s.process()["kvm1"].lib.Version(s.Context(), siteTemplate.Version(version)))
	rec, err := poolstore.New(s.machines[name], sitePool).Bases().Get(s.Context(), catalog.BaseKey(v.Digest))
	if catalog.IgnoreNotFound(err) != nil {
		s.Fatal(err)
	}
	return rec.Value, err == nil
}

// id is the id of the catalog.
func (s *hostsSite) id() string {
	s.Helper()
	at := "kvm1"
	if s.database {
		at = "database"
	}
	return must.Get[string](s.T)(poolstore.New(s.machines[at], sitePool).ID(s.Context()))
}

// create creates an instance on a host, and returns the steps of that.
func (s *hostsSite) create(on *testSite, r kind.Request) (kind.Instance, []string) {
	s.Helper()
	i, record, err := on.p.Create(s.Context(), r, func(kind.Instance, Record) {})
	if err != nil {
		s.Fatal(err)
	}
	return i, on.stepsOf(s.T, record)
}

// remove removes the version, and expects what users would be told.
func (s *hostsSite) remove(version string, says ...string) {
	s.Helper()
	err := s.process()["kvm1"].lib.RemoveVersion(s.Context(), siteTemplate.Version(version))
	for _, text := range says {
		if err == nil || !strings.Contains(err.Error(), text) {
			s.Errorf("removing %s: %v, want %q", version, err, text)
		}
	}
	if len(says) == 0 && err != nil {
		s.Errorf("removing %s: %v", version, err)
	}
}
