package hosts

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// desk is the hosts kvm1 and kvm2 in memory, with a catalog on the first, in a pool that does not exist yet.
type desk struct {
	hosts map[string]*fakehost.Host
	store catalog.Store
	fleet *fleet.Fleet
	*Administration
}

// database is a store that is in no pool.
type database struct{ *poolstore.Store }

func (database) Kind() string { return "postgres" }

func atDesk(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newDesk(false)) })
}

// newDesk returns a desk. inDatabase says that the catalog counts as one in a database.
func newDesk(inDatabase bool) *desk {
	d := &desk{hosts: map[string]*fakehost.Host{"kvm1": fakehost.New(), "kvm2": fakehost.New()}}
	inPool := poolstore.New(d.hosts["kvm1"], volumes.DefaultPool)
	var store imagestore.Catalog = inPool
	if inDatabase {
		store = database{inPool}
	}
	stores := map[string]*imagestore.Store{}
	for name, h := range d.hosts {
		documents := imagestore.Documents(store)
		if name != "kvm1" {
			documents = imagestore.Elsewhere(store, naming.DefaultTenant, poolstore.New(h, volumes.DefaultPool))
		}
		stores[name] = imagestore.New(imagestore.Options{
			Host: h, Pool: volumes.DefaultPool, Documents: documents, Tenant: naming.DefaultTenant, Site: name,
		})
	}
	l := library.New(library.Options{
		Store: store, Images: stores["kvm1"], Others: []*imagestore.Store{stores["kvm2"]},
	})
	var members []*fleet.Member
	for name, h := range d.hosts {
		members = append(members, &fleet.Member{Name: name, Provisioner: provision.New(provision.Settings{
			Host: h, Library: l.At(stores[name]),
			Kinds: func(s kind.Site) []kind.Driver { return []kind.Driver{vm.New(s, "qemu")} },
		})})
	}
	d.fleet = fleet.New(fleet.Options{
		Members: members, Home: "kvm1", Library: l, Placements: store.Placements(), Clock: store.Now,
		Pools: store.ResourcePools(),
	})
	d.store, d.Administration = store, Over(store, d.fleet, l)
	return d
}

// off makes a host not answer, by an error; nil ends that.
func (d *desk) off(name string, err error) {
	d.hosts[name].Inject = func(fakehost.Call) fakehost.Fault { return fakehost.Fault{Before: err} }
}

// refused checks that an error is a finding at an attribute that says something.
func refused(t *testing.T, err error, at, says string) {
	t.Helper()
	fs, is := errors.AsType[finding.List](err)
	if !is || fs[0].Path.String() != at || !strings.Contains(fs[0].Detail, says) {
		t.Errorf("got %v, want %q at %s", err, says, at)
	}
}

func TestTheStateOfAHostIsKept(t *testing.T) {
	atDesk(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		drains := catalog.Host{Name: "kvm2", State: catalog.HostDraining, Description: "new disks"}
		if err := d.CheckNew(ctx, "kvm2"); err != nil { // there is no catalog yet
			t.Error(err)
		}
		for range 2 { // what the fleet reads is not read again
			if err := d.fleet.Know(ctx); err != nil {
				t.Error(err)
			}
		}
		if err := d.Create(ctx, drains); err != nil {
			t.Fatal(err)
		}
		is := func() catalog.Host {
			t.Helper()
			if err := d.fleet.Know(ctx); err != nil {
				t.Error(err)
			}
			m, _ := d.fleet.Member("kvm2")
			return m.State()
		}
		if got := is(); got != drains {
			t.Errorf("the fleet knows %+v", got)
		}
		for _, err := range []error{d.CheckNew(ctx, "kvm2"), d.Create(ctx, drains)} {
			if _, taken := errors.AsType[*planning.TakenError](err); !taken {
				t.Errorf("a second state of the host: %v", err)
			}
		}
		for _, err := range []error{d.CheckNew(ctx, "kvm9"), d.Create(ctx, catalog.Host{Name: "kvm9"})} {
			refused(t, err, "name", `no host "kvm9". Its hosts are: kvm1, kvm2`)
		}
		refused(t, d.Create(ctx, catalog.Host{Name: "kvm1", State: "off"}), "state", `"off" is not a state`)
		drains.State = catalog.HostMaintenance
		if err := d.Update(ctx, drains); err != nil || is() != drains {
			t.Errorf("after a change, it is %+v, %v", is(), err)
		}
		refused(t, d.Update(ctx, catalog.Host{Name: "kvm2", State: "off"}), "state", `"off" is not a state`)
		for range 2 { // the second time, there is none
			if err := d.Delete(ctx, "kvm2"); err != nil || is().State != "" {
				t.Errorf("after its removal, it is %+v, %v", is(), err)
			}
		}
		if _, err := d.Get(ctx, "kvm2"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("after its removal: %v", err)
		}
	})
}

// A host is lost only if it does not answer, and is back only if it does.
func TestAHostIsLostWhileItDoesNotAnswer(t *testing.T) {
	atDesk(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		lost, active := catalog.Host{Name: "kvm2", State: catalog.HostLost}, catalog.Host{Name: "kvm2"}
		refused(t, d.Check(ctx, active, lost), "state", "it answers: shut it down first")
		refused(t, d.Create(ctx, lost), "state", "it answers: shut it down first")
		if err := d.Create(ctx, active); err != nil {
			t.Fatal(err)
		}
		for err, says := range map[error]string{
			nil:              "it answers: shut it down first",
			host.ErrNoAnswer: "this does not say that its machine is off",
			host.ErrInternal: "this does not say that its machine is off",
		} {
			d.off("kvm2", err)
			refused(t, d.Update(ctx, lost), "state", says)
		}
		d.off("kvm2", host.ErrUnreachable)
		fs, err := d.Announce(ctx, active, lost)
		if err != nil || len(fs) != 1 || strings.Contains(fs[0].Detail, "It has") {
			t.Errorf("of an empty host, it announces %v, %v", fs, err)
		}
		if err := d.Update(ctx, lost); err != nil {
			t.Fatal(err)
		}
		burnt := lost
		burnt.Description = "burnt"
		if err := d.Update(ctx, burnt); err != nil { // which asks nothing
			t.Error(err)
		}
		stays := "Host kvm2 is lost, and stays so until it answers"
		refused(t, d.Check(ctx, lost, active), "state", stays)
		refused(t, d.CheckDelete(ctx, lost), "state", stays)
		refused(t, d.Update(ctx, active), "state", stays)
		refused(t, d.Delete(ctx, "kvm2"), "state", stays)
		d.off("kvm2", nil)
		if err := d.Delete(ctx, "kvm2"); err != nil {
			t.Error(err)
		}

		// The state of a host that the provider no longer has cannot be changed, only removed.
		other := catalog.Host{Name: "kvm9", State: catalog.HostLost}
		must.Get[catalog.Record[catalog.Host]](t)(d.store.Hosts().Create(ctx, "kvm9", other))
		refused(t, d.Update(ctx, catalog.Host{Name: "kvm9"}), "name", `no host "kvm9"`)
		if err := d.Delete(ctx, "kvm9"); err != nil {
			t.Error(err)
		}
	})
}

// The home has the catalog, or the images that are registered.
func TestTheHomeIsNeverLost(t *testing.T) {
	for inDatabase, says := range map[bool]string{
		false: "without it, there is no catalog that could say that it is lost",
		true:  "Name another host in all configurations that share the catalog",
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(inDatabase)
			home := catalog.Host{Name: "kvm1", State: catalog.HostLost}
			refused(t, d.Check(t.Context(), catalog.Host{Name: "kvm1"}, home), "state", says)
		})
	}
}

func TestChangesOfStatesAreAnnounced(t *testing.T) {
	atDesk(t, func(t *testing.T, d *desk) {
		ctx := t.Context()
		if err := d.Create(ctx, catalog.Host{Name: "kvm2"}); err != nil {
			t.Fatal(err)
		}
		for key, on := range map[string]string{
			"default/a": "kvm2", "default/b": "kvm2", "default/c": "kvm1", "t1/a": "kvm2", "t2/a": "kvm2",
		} {
			tenant, name, _ := strings.Cut(key, "/")
			p := catalog.Placement{Tenant: tenant, Name: name, Host: on, State: catalog.PlacementPlaced}
			must.Get[catalog.Record[catalog.Placement]](t)(d.store.Placements().Create(ctx, key, p))
		}
		for state, says := range map[catalog.HostState][]string{
			catalog.HostDraining: nil,
			catalog.HostMaintenance: {
				`Host kvm2 has 2 instances of tenant "default" (a, b) and 2 instances of other tenants.`,
				"This apply does not move them",
			},
			catalog.HostLost: {
				"Check that host kvm2 is switched off", "The next plan of each configuration replaces them",
			},
		} {
			fs, err := d.Announce(ctx, catalog.Host{Name: "kvm2"}, catalog.Host{Name: "kvm2", State: state})
			if err != nil || (len(fs) > 0) != (says != nil) {
				t.Errorf("%s: %v, %v", state, fs, err)
			}
			for _, text := range says {
				if len(fs) == 0 || !strings.Contains(fs[0].Detail, text) {
					t.Errorf("%s: %v, want %q", state, fs, text)
				}
			}
		}
	})
}

func TestATenantChangesNoHost(t *testing.T) {
	a := Over(nil, nil, nil)
	h := catalog.Host{Name: "kvm1"}
	_, got := a.Get(t.Context(), "kvm1")
	_, announced := a.Announce(t.Context(), h, catalog.Host{Name: "kvm1", State: catalog.HostDraining})
	for doing, err := range map[string]error{
		"reading": got, "announcing": announced, "checking": a.CheckNew(t.Context(), "kvm1"),
		"creating": a.Create(t.Context(), h), "changing": a.Update(t.Context(), h),
		"removing": a.Delete(t.Context(), "kvm1"), "checking a change": a.Check(t.Context(), h, h),
		"checking a removal": a.CheckDelete(t.Context(), h),
	} {
		if !errors.Is(err, ErrTenant) {
			t.Errorf("%s: %v", doing, err)
		}
	}
}
