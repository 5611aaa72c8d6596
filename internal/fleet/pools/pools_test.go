package pools

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// gold is a pool in which t1 has that many vCPUs.
func gold(vcpus int64) catalog.ResourcePool {
	return catalog.ResourcePool{
		Name: "gold", Hosts: []string{"kvm1"}, Tenants: map[string]catalog.Quota{"t1": {VCPUs: &vcpus}},
	}
}

// inCatalog runs a test with a catalog in the default pool of a host in memory, which does not exist yet.
func inCatalog(t *testing.T, test func(t *testing.T, store catalog.Store, a *Administration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := fakehost.New()
		store := poolstore.New(h, volumes.DefaultPool)
		test(t, store, Over(store, library.New(library.Options{Store: store, Images: imagestore.New(imagestore.Options{
			Host: h, Pool: volumes.DefaultPool, Documents: store, Tenant: naming.DefaultTenant,
		})})))
	})
}

func TestAPoolIsRemovedOnceItIsUnused(t *testing.T) {
	inCatalog(t, func(t *testing.T, store catalog.Store, a *Administration) {
		ctx := t.Context()
		if err := a.CheckNew(ctx, "gold"); err != nil {
			t.Error(err)
		}
		if err := a.Create(ctx, gold(20)); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{a.Create(ctx, gold(5)), a.CheckNew(ctx, "gold")} {
			if _, taken := errors.AsType[*planning.TakenError](err); !taken {
				t.Errorf("a second pool of the name: %v", err)
			}
		}
		for n := range 7 {
			p := catalog.Placement{Tenant: "t1", Name: fmt.Sprintf("web-%d", n), Host: "kvm1", Pool: "gold", VCPUs: 2}
			must.Get[catalog.Record[catalog.Placement]](t)(store.Placements().Create(ctx, p.Key(), p))
		}
		err := a.Delete(ctx, "gold")
		if err == nil || !strings.Contains(err.Error(), `7 instances of resource pool "gold": t1/web-0, t1/web-1, `+
			`t1/web-2, t1/web-3, t1/web-4 and 2 more.`) {
			t.Errorf("got %v", err)
		}
		for _, rec := range must.Get[[]catalog.Record[catalog.Placement]](t)(store.Placements().List(ctx, "")) {
			if err := store.Placements().Delete(ctx, rec.Key, rec.Revision); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the second time, there is none
			if err := a.Delete(ctx, "gold"); err != nil {
				t.Error(err)
			}
		}
		if _, err := a.Get(ctx, "gold"); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("after its removal: %v", err)
		}
	})
}

func TestAReducedQuotaIsReported(t *testing.T) {
	inCatalog(t, func(t *testing.T, store catalog.Store, a *Administration) {
		ctx := t.Context()
		if err := a.Create(ctx, gold(20)); err != nil {
			t.Fatal(err)
		}
		p := catalog.Placement{Tenant: "t1", Name: "web", Host: "kvm1", Pool: "gold", VCPUs: 12}
		must.Get[catalog.Record[catalog.Placement]](t)(store.Placements().Create(ctx, p.Key(), p))
		none := gold(20)
		none.Tenants = nil
		for _, c := range []struct {
			pool catalog.ResourcePool
			says string
		}{
			{gold(12), ""}, {gold(8), `Tenant "t1" takes 12 of 8 vCPUs of resource pool "gold"`},
			{none, `Tenant "t1" has 1 instance in resource pool "gold"`},
		} {
			fs := must.Get[finding.List](t)(a.Exceeded(ctx, c.pool))
			if (len(fs) == 0) != (c.says == "") || len(fs) > 0 && !strings.Contains(fs[0].Detail, c.says) {
				t.Errorf("it says %v, want %q", fs, c.says)
			}
			if err := a.Update(ctx, c.pool); err != nil {
				t.Error(err)
			}
		}
		if got := must.Get[catalog.ResourcePool](t)(a.Get(ctx, "gold")); len(got.Tenants) > 0 {
			t.Errorf("the tenants are %v", got.Tenants)
		}
		wrong := gold(-1)
		for _, err := range []error{a.Update(ctx, wrong), a.Create(ctx, wrong)} {
			if list, _ := errors.AsType[finding.List](err); len(list) != 1 ||
				list[0].Path.String() != `tenants["t1"].vcpus` {
				t.Errorf("a quota below 0: %v", err)
			}
		}
	})
}

func TestATenantManagesNoPools(t *testing.T) {
	a, ctx := Over(nil, nil), t.Context()
	_, err := a.Get(ctx, "gold")
	_, exceeded := a.Exceeded(ctx, gold(1))
	for _, err := range []error{
		err, exceeded, a.CheckNew(ctx, "gold"), a.Create(ctx, gold(1)), a.Update(ctx, gold(1)), a.Delete(ctx, "gold"),
	} {
		if !errors.Is(err, ErrTenant) {
			t.Errorf("got %v", err)
		}
	}
}
