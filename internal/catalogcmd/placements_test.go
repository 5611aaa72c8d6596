package catalogcmd

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// threeEnds are a catalog in a pool, and one in a database as its administrator and as the tenant t1 see it.
func threeEnds(t *testing.T) (pool, admin, tenant *end) {
	t.Helper()
	h := fakehost.New()
	must.Value(h.CreateDirPool(t.Context(), "default", "/pool"))
	documents := poolstore.New(h, "default")
	dsn, role := pgtest.Database(t), pgtest.Role("nova_t1")
	must.Value(pgstore.Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"t1": role}))
	open := func(role, tenant string) *end {
		s := must.Value(pgstore.New(pgstore.Options{
			DSN: dsn(role), Tenant: tenant, Bases: documents.Bases(), Snapshots: documents.Snapshots(),
		}))
		t.Cleanup(s.Close)
		return &end{name: "database", tenant: tenant, store: s}
	}
	return &end{name: "pool", store: documents}, open(pgtest.Superuser, ""), open(role, "t1")
}

// placed creates a resource pool, and a placement in each state.
func placed(t *testing.T, at *end) {
	t.Helper()
	three := int64(3)
	must.Value(at.store.ResourcePools().Create(t.Context(), "gold", catalog.ResourcePool{
		Name: "gold", Hosts: []string{"kvm1"}, Tenants: map[string]catalog.Quota{"t1": {Instances: &three}},
	}))
	must.Value(at.store.Hosts().Create(t.Context(), "kvm1", catalog.Host{Name: "kvm1", State: catalog.HostDraining}))
	for name, state := range map[string]catalog.PlacementState{
		"web": catalog.PlacementPlaced, "new": catalog.PlacementReserved,
	} {
		p := catalog.Placement{Tenant: "t1", Name: name, Host: "kvm1", Pool: "gold", State: state}
		must.Value(at.store.Placements().Create(t.Context(), p.Key(), p))
	}
}

func TestPlacementsAndResourcePoolsAreMoved(t *testing.T) {
	pool, admin, tenant := threeEnds(t)
	placed(t, pool)
	var out bytes.Buffer
	a := &app{&out, &out}

	// A tenant cannot write resource pools, so its placements have no quota there yet.
	pool.tenant = "t1"
	err := a.transfer(t.Context(), pool, tenant)
	if _, none := errors.AsType[*catalog.NoQuotaError](err); !none {
		t.Errorf("a tenant, before the administrator: %v", err)
	}
	pool.tenant = ""
	if err := a.transfer(t.Context(), pool, admin); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "resource pools: 1, states of hosts: 1, placements: 1.") {
		t.Errorf("it says %s", &out)
	}
	got := must.Value(admin.store.Placements().List(t.Context(), ""))
	want := must.Value(pool.store.Placements().Get(t.Context(), "t1/web"))
	if len(got) != 1 || !reflect.DeepEqual(got[0].Value, want.Value) {
		t.Errorf("there are %+v, want %+v alone", got, want.Value)
	}

	// What differs is not overwritten.
	rec := want
	rec.Value.Host = "kvm2"
	rec = must.Value(pool.store.Placements().Replace(t.Context(), rec.Key, rec.Revision, rec.Value))
	err = a.transfer(t.Context(), pool, admin)
	if err == nil || !strings.Contains(err.Error(), "placement t1/web: host") {
		t.Errorf("of a difference, it says %v", err)
	}
	must.Value(pool.store.Placements().Replace(t.Context(), rec.Key, rec.Revision, want.Value))

	// What a process works on stays, and so does its resource pool.
	if err := a.remove(t.Context(), pool, admin); err == nil || !strings.Contains(err.Error(), "1 documents") {
		t.Errorf("removing what was copied: %v", err)
	}
	left := must.Value(pool.store.Placements().List(t.Context(), ""))
	pools := must.Value(pool.store.ResourcePools().List(t.Context(), ""))
	if len(left) != 1 || left[0].Key != "t1/new" || len(pools) != 1 {
		t.Errorf("left: %+v, %+v", left, pools)
	}
	if err := pool.store.Placements().Delete(t.Context(), left[0].Key, left[0].Revision); err != nil {
		t.Fatal(err)
	}
	if err := a.remove(t.Context(), pool, admin); err != nil {
		t.Error(err)
	}
	if left := must.Value(pool.store.ResourcePools().List(t.Context(), "")); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
	if left := must.Value(pool.store.Hosts().List(t.Context(), "")); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
	if h := must.Value(tenant.store.Hosts().Get(t.Context(), "kvm1")); h.Value.State != catalog.HostDraining {
		t.Errorf("the host has become %+v", h.Value)
	}
}

// A backup has resource pools, and no placements.
func TestResourcePoolsAreBackedUp(t *testing.T) {
	pool, admin, tenant := threeEnds(t)
	placed(t, pool)
	var out bytes.Buffer
	a := &app{&out, &out}
	path := filepath.Join(t.TempDir(), "backup.tar")
	if err := a.export(t.Context(), pool, path); err != nil {
		t.Fatal(err)
	}
	file := must.Value(os.Open(path))
	defer file.Close()
	b := must.Value(readBackup(t.Context(), file))
	b.tenant = tenant.tenant
	if err := a.transfer(t.Context(), b, tenant); err != nil {
		t.Errorf("a tenant restores: %v", err)
	}
	b.tenant = ""
	if err := a.transfer(t.Context(), b, admin); err != nil {
		t.Fatal(err)
	}
	if pools := must.Value(admin.store.ResourcePools().List(t.Context(), "")); len(pools) != 1 {
		t.Errorf("restored: %+v", pools)
	}
	if all := must.Value(admin.store.Placements().List(t.Context(), "")); len(all) != 0 {
		t.Errorf("placements: %+v", all)
	}
	if all := must.Value(admin.store.Hosts().List(t.Context(), "")); len(all) != 0 {
		t.Errorf("hosts: %+v", all)
	}
}
