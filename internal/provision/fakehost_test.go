package provision

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// testSite is a library on an in-memory host. Its template web has the versions 1.0.0 and 2.0.0,
// with two images.
type testSite struct {
	*fakehost.Host
	lib *library.Library
	p   *Provisioner
}

const (
	sitePool = "novacron"
	siteTier = "fast"
)

var siteTemplate = catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "web"}

// onSite runs a test with a site, by a clock that does not wait.
func onSite(t *testing.T, test func(t *testing.T, s *testSite)) {
	t.Helper()
	images := map[string]string{"1.0.0": stressImage(t, 64<<10), "2.0.0": stressImage(t, 96<<10)}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := &testSite{Host: fakehost.New()}
		for name, path := range map[string]string{sitePool: "/pool", siteTier: "/fast"} {
			must.Get[host.Pool](t)(s.CreateDirPool(ctx, name, path))
		}
		s.lib = s.process()
		s.p = s.provisioner(s.lib)
		must.Get[catalog.Template](t)(
			s.lib.CreateTemplate(ctx, catalog.Template{ID: siteTemplate, Type: catalog.TypeVM}))
		for version, path := range images {
			must.Get[catalog.Version](t)(s.lib.RegisterVersion(ctx, library.VersionRequest{
				ID: siteTemplate.Version(version), Source: file.Source{Path: path},
			}))
		}
		test(t, s)
	})
}

// process is the library as another process has it.
func (s *testSite) process() *library.Library {
	store := poolstore.New(s.Host, sitePool)
	l := library.New(library.Options{
		Images: imagestore.New(imagestore.Options{Host: s.Host, Pool: sitePool, Documents: store,
			Tenant: naming.DefaultTenant}),
		Store: store, User: "tester",
	})
	l.Requests.Aside = func(tidy func()) { tidy() } // Inject may change while nothing is created
	return l
}

func (s *testSite) provisioner(l *library.Library) *Provisioner {
	return New(Settings{Host: s.Host, Library: l, Kinds: machines, StorageTiers: map[string]string{siteTier: siteTier}})
}

// machines are the drivers, for virtual machines only.
func machines(s kind.Site) []kind.Driver { return []kind.Driver{vm.New(s, "qemu")} }

// planner is a planner that needs no host.
func planner() *Planner {
	return &Planner{kinds: machines(kind.Site{Volumes: volumes.New(nil, nil, "", nil)})}
}

// request is an instance with two disks, one of them on a tier.
func (s *testSite) request(strategy catalog.Strategy) kind.Request {
	one, fast := int64(1), siteTier
	return kind.Request{
		Name: "web", Template: siteTemplate, Version: "1.0.0", Strategy: strategy,
		Storage: &profile.Storage{Disks: map[string]profile.Disk{"system": {}, "data": {SizeGB: &one, Tier: &fast}}},
		Options: kind.Options{Running: true, Autostart: true, Labels: map[string]string{"team": "a"}},
	}
}

// made is an instance of a request.
func (s *testSite) made(t *testing.T, r kind.Request) kind.Instance {
	t.Helper()
	i, _, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) {})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// volumes are the volumes of the instance web, by pool.
func (s *testSite) volumes(t *testing.T) (names []string) {
	t.Helper()
	for _, pool := range []string{sitePool, siteTier} {
		for _, name := range must.Get[[]string](t)(s.VolumeNames(context.WithoutCancel(t.Context()), pool)) {
			if slices.ContainsFunc(naming.InstancePrefixes(naming.DefaultTenant, "web"), func(prefix string) bool {
				return strings.HasPrefix(name, prefix)
			}) {
				names = append(names, pool+"/"+name)
			}
		}
	}
	return names
}

// empty expects nothing of the instance to be left.
func (s *testSite) empty(t *testing.T) {
	t.Helper()
	if left := s.UUIDs(); len(left) > 0 {
		t.Errorf("the domains %q are left", left)
	}
	if left := s.volumes(t); len(left) > 0 {
		t.Errorf("the volumes %q are left", left)
	}
}

// remove removes an instance as its user would.
func (s *testSite) remove(t *testing.T, uuid string) {
	t.Helper()
	if err := s.p.Delete(t.Context(), 0, uuid, naming.DefaultTenant, "web", hostid.ID{}); err != nil {
		t.Fatal(err)
	}
	s.empty(t)
}

// disturbances are the ways in which the nth request of an operation fails.
var disturbances = map[string]func(cancel context.CancelFunc) fakehost.Fault{
	"refused":     func(context.CancelFunc) fakehost.Fault { return fakehost.Fault{Before: errors.New("no")} },
	"unreachable": func(context.CancelFunc) fakehost.Fault { return fakehost.Fault{Before: host.ErrUnreachable} },
	"lost answer": func(context.CancelFunc) fakehost.Fault { return fakehost.Fault{After: host.ErrNoAnswer} },
	"cancelled, carried out": func(cancel context.CancelFunc) fakehost.Fault {
		cancel()
		return fakehost.Fault{}
	},
	"cancelled": func(cancel context.CancelFunc) fakehost.Fault {
		cancel()
		return fakehost.Fault{Before: context.Canceled}
	},
}

// ways are the disturbances that a run of the tests tries.
func ways() []string {
	if testing.Short() { // the others fail in the same way
		return []string{"lost answer"}
	}
	return slices.Sorted(maps.Keys(disturbances))
}

// disturbed repeats an operation, disturbing another of its requests each time, until a run meets
// no disturbance. before prepares each run; after checks the outcome and cleans up.
func (s *testSite) disturbed(
	t *testing.T, how string, before func(), do func(ctx context.Context) error, after func(err error),
) {
	t.Helper()
	for n := 1; ; n++ {
		if n > 500 {
			t.Fatal("it makes more than 500 requests")
		}
		before()
		ctx, cancel := context.WithCancel(t.Context())
		met, method, first := false, "", s.Calls()
		s.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.N != first+n {
				return fakehost.Fault{}
			}
			met, method = true, c.Method+" "+c.Object
			return disturbances[how](cancel)
		}
		err := do(ctx)
		s.Inject = nil
		cancel()
		synctest.Wait()
		if !met {
			if err != nil {
				t.Errorf("undisturbed: %v", err)
			}
			after(err)
			return
		}
		failed := t.Failed()
		after(err)
		if !failed && t.Failed() {
			t.Fatalf("request %d, %s, was %s: %v", n, method, how, err)
		}
	}
}
