package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// placement is a placement of the tenant t1 in the pool gold.
func placement(name string, vcpus int64) catalog.Placement {
	return catalog.Placement{
		Tenant: "t1", Name: name, Host: "kvm1", Pool: "gold", VCPUs: vcpus, MemoryMB: 512 * vcpus, DiskGB: 10,
		State: catalog.PlacementReserved,
	}
}

// gold is a resource pool in which t1 has that many vCPUs and other figures without a limit, and t2
// has no limit at all.
func gold(vcpus int64) catalog.ResourcePool {
	return catalog.ResourcePool{
		Name: "gold", Description: "all of the first hall", Match: map[string]string{"zone": "a"}, Policy: catalog.Pack,
		Tenants: map[string]catalog.Quota{"t1": {VCPUs: &vcpus}, "t2": {}},
	}
}

// offer writes a resource pool as its administrator.
func offer(t *testing.T, site Site, pool catalog.ResourcePool) {
	t.Helper()
	c := site.Open("").ResourcePools()
	rec, err := c.Get(t.Context(), pool.Name)
	if errors.Is(err, catalog.ErrNotFound) {
		_, err = c.Create(t.Context(), pool.Name, pool)
	} else if err == nil {
		_, err = c.Replace(t.Context(), pool.Name, rec.Revision, pool)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func claims(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Placements(), t.Context()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := catalog.Placement{
		Tenant: "t1", Name: "web-1", UUID: "6e9d2b1c-0f5e-4c76-9c53-2f3a5b8a1d11", Host: "kvm1", To: "kvm2", VCPUs: 4,
		MemoryMB: 8192, DiskGB: 40, Group: "web", Apart: "zone", Strict: true, Value: "a", ToValue: "b",
		State: catalog.PlacementMoving, Runner: "build/1", Since: began, Deadline: began.Add(time.Hour),
	}
	made := must.Value(c.Create(ctx, p.Key(), p))
	if read := must.Value(site.Open("t1").Placements().Get(ctx, "t1/web-1")); !reflect.DeepEqual(read, made) ||
		!reflect.DeepEqual(read.Value, p) {
		t.Errorf("read %+v, where %+v was created", read, p)
	}
	elsewhere := p
	elsewhere.Host = "kvm3"
	wants(t, "claiming the name on another host", catalog.ErrExists)(c.Create(ctx, p.Key(), elsewhere))
	second := must.Value(c.Replace(ctx, p.Key(), made.Revision, elsewhere))
	wants(t, "changing it with an old revision", catalog.ErrConflict)(c.Replace(ctx, p.Key(), made.Revision, p))
	if err := c.Delete(ctx, p.Key(), made.Revision); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("deleting it with an old revision: %v", err)
	}
	if all := must.Value(c.List(ctx, "t1/")); len(all) != 1 || !reflect.DeepEqual(all[0], second) {
		t.Errorf("listed %+v, want %+v", all, second)
	}
	if err := c.Delete(ctx, p.Key(), second.Revision); err != nil {
		t.Error(err)
	}
	wants(t, "reading what was deleted", catalog.ErrNotFound)(c.Get(ctx, p.Key()))
	if _, err := c.Create(ctx, "t1/other", p); err == nil {
		t.Error("a placement is stored under the name of another")
	}
	p.VCPUs = -1
	if _, err := c.Create(ctx, p.Key(), p); err == nil {
		t.Error("a placement takes less than nothing")
	}
	if all := must.Value(c.List(ctx, "")); len(all) > 0 {
		t.Errorf("left: %+v", all)
	}
}

// oneClaim checks that one of many processes gets a name, whatever host it wants to use.
// Placements that a process works on are found among those of instances that are there.
func unsettled(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Placements(), t.Context()
	var want []string
	for n, state := range []catalog.PlacementState{
		catalog.PlacementReserved, catalog.PlacementPlaced, catalog.PlacementMoving, catalog.PlacementLeaving,
		catalog.PlacementPlaced,
	} {
		p := placement(fmt.Sprintf("web-%d", n), 1)
		p.Pool, p.State = "", state
		must.Value(c.Create(ctx, p.Key(), p))
		if state != catalog.PlacementPlaced {
			want = append(want, p.Key())
		}
	}
	var got []string
	for _, rec := range must.Value(catalog.Unsettled(ctx, c, "t1/")) {
		got = append(got, rec.Key)
		if read := must.Value(c.Get(ctx, rec.Key)); !reflect.DeepEqual(read, rec) {
			t.Errorf("listed %+v, where %+v is", rec, read)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("unsettled are %q, want %q", got, want)
	}
	if other := must.Value(catalog.Unsettled(ctx, c, "t1/web-1")); len(other) > 0 {
		t.Errorf("with another prefix: %v", other)
	}
}

func oneClaim(t *testing.T, site Site) {
	const processes = 8
	var group sync.WaitGroup
	won := make(chan string, processes)
	for i := range processes {
		c := site.Open("t1").Placements()
		group.Go(func() {
			p := placement("web", 1)
			p.Pool, p.Host = "", fmt.Sprintf("kvm%d", i)
			_, err := c.Create(t.Context(), p.Key(), p)
			if err == nil {
				won <- p.Host
			} else if !errors.Is(err, catalog.ErrExists) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(won) != 1 {
		t.Fatalf("%d have claimed the name", len(won))
	}
	if got, want := must.Value(site.Open("t1").Placements().Get(t.Context(), "t1/web")).Value.Host, <-won; got != want {
		t.Errorf("it is on %s, and %s was told so", got, want)
	}
}

func quotas(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Placements(), t.Context()
	create := func(p catalog.Placement) error { return second(c.Create(ctx, p.Key(), p)) }
	change := func(name string, edit func(*catalog.Placement)) error {
		return second(catalog.Change(ctx, c, "t1/"+name, func(p *catalog.Placement) error { edit(p); return nil }))
	}
	resize := func(name string, vcpus int64) error {
		return change(name, func(p *catalog.Placement) { p.VCPUs = vcpus })
	}
	admitted := func(doing string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", doing, err)
		}
	}
	refused := func(doing string, err error, want catalog.QuotaError) {
		t.Helper()
		if got, is := errors.AsType[*catalog.QuotaError](err); !is || *got != want {
			t.Errorf("%s: %v, want %v", doing, err, &want)
		}
	}
	unknown := func(doing string, err error, want catalog.NoQuotaError) {
		t.Helper()
		if got, is := errors.AsType[*catalog.NoQuotaError](err); !is || *got != want {
			t.Errorf("%s: %v, want %v", doing, err, &want)
		}
	}
	over := func(used, asked int64) catalog.QuotaError {
		return catalog.QuotaError{
			Pool: "gold", Tenant: "t1", Figure: catalog.FigureVCPUs, Limit: 10, Used: used, Asked: asked,
		}
	}
	unknown("a pool that does not exist", create(placement("a", 1)), catalog.NoQuotaError{Pool: "gold", Tenant: "t1"})
	offer(t, site, gold(10))

	admitted("the first", create(placement("a", 6)))
	refused("one too large", create(placement("b", 5)), over(6, 5))
	wants(t, "reading what was refused", catalog.ErrNotFound)(c.Get(ctx, "t1/b"))
	admitted("one that fits exactly", create(placement("b", 4)))
	refused("one more", create(placement("c", 1)), over(10, 1))
	admitted("one that takes nothing of what is limited", create(placement("zero", 0)))
	refused("growing", resize("a", 8), over(10, 2))
	if got := must.Value(c.Get(ctx, "t1/a")).Value.VCPUs; got != 6 {
		t.Errorf("what was refused has %d vCPUs", got)
	}
	admitted("shrinking", resize("b", 2))
	admitted("growing into that", resize("a", 8))
	rec := must.Value(c.Get(ctx, "t1/a"))
	admitted("deleting", c.Delete(ctx, rec.Key, rec.Revision))
	admitted("claiming what that frees", create(placement("c", 8)))
	wants(t, "claiming a name again, in a full pool", catalog.ErrExists)(
		c.Create(ctx, "t1/b", placement("b", 1)))

	// a quota that shrinks leaves what is there
	offer(t, site, gold(5))
	five := func(used, asked int64) catalog.QuotaError {
		e := over(used, asked)
		e.Limit = 5
		return e
	}
	refused("over the quota", create(placement("d", 1)), five(10, 1))
	admitted("changing something else, over the quota", change("c", func(p *catalog.Placement) {
		p.State, p.UUID = catalog.PlacementPlaced, "6e9d2b1c-0f5e-4c76-9c53-2f3a5b8a1d11"
	}))
	admitted("shrinking, over the quota", resize("c", 7))
	refused("growing, over the quota", resize("c", 8), five(9, 1))
	admitted("growing in another figure, over the quota", change("c", func(p *catalog.Placement) { p.DiskGB = 1000 }))

	// another pool, and none
	silver := gold(3)
	silver.Name = "silver"
	offer(t, site, silver)
	inSilver := over(0, 7)
	inSilver.Pool, inSilver.Limit = "silver", 3
	refused("into a pool that is too small", change("c", func(p *catalog.Placement) { p.Pool = "silver" }), inSilver)
	admitted("into another pool", change("b", func(p *catalog.Placement) { p.Pool = "silver" }))
	admitted("out of all pools", change("c", func(p *catalog.Placement) { p.Pool = "" }))
	admitted("claiming what that frees", create(placement("d", 5)))
	refused("from no pool into one", change("c", func(p *catalog.Placement) { p.Pool = "gold" }), five(5, 7))
	admitted("as large as it likes, in no pool", resize("c", 1<<40))

	// a pool that is deleted, or that no longer names the tenant
	delete(silver.Tenants, "t1")
	offer(t, site, silver)
	unknown("growing in a pool that does not name the tenant", resize("b", 3),
		catalog.NoQuotaError{Pool: "silver", Tenant: "t1"})
	admitted("shrinking there", resize("b", 1))
	pools := site.Open("").ResourcePools()
	pool := must.Value(pools.Get(ctx, "gold"))
	admitted("deleting the pool", pools.Delete(ctx, pool.Key, pool.Revision))
	unknown("growing in a pool that is gone", resize("d", 6), catalog.NoQuotaError{Pool: "gold", Tenant: "t1"})
	admitted("shrinking there", resize("d", 4))
	for _, rec := range must.Value(c.List(ctx, "")) {
		admitted("deleting "+rec.Key, c.Delete(ctx, rec.Key, rec.Revision))
	}
}

func eachFigure(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Placements(), t.Context()
	for _, limited := range []struct {
		figure catalog.Figure
		quota  catalog.Quota
	}{
		{catalog.FigureVCPUs, catalog.Quota{VCPUs: new(int64(1))}},
		{catalog.FigureMemory, catalog.Quota{MemoryMB: new(int64(512))}},
		{catalog.FigureDisk, catalog.Quota{DiskGB: new(int64(10))}},
		{catalog.FigureInstances, catalog.Quota{Instances: new(int64(1))}},
	} {
		pool := gold(0)
		pool.Tenants = map[string]catalog.Quota{"t1": limited.quota}
		offer(t, site, pool)
		first, more := placement("first", 1), placement("more", 1)
		rec := must.Value(c.Create(ctx, first.Key(), first))
		_, err := c.Create(ctx, more.Key(), more)
		e, is := errors.AsType[*catalog.QuotaError](err)
		if !is || e.Figure != limited.figure || e.Used != e.Limit || e.Asked != e.Limit {
			t.Errorf("%s: %v", limited.figure, err)
		}
		if err := c.Delete(ctx, rec.Key, rec.Revision); err != nil {
			t.Error(err)
		}
	}
}

func resourcePools(t *testing.T, site Site) {
	administrator, ctx := site.Open("").ResourcePools(), t.Context()
	made := must.Value(administrator.Create(ctx, "gold", gold(10)))
	wants(t, "creating it again", catalog.ErrExists)(administrator.Create(ctx, "gold", gold(10)))
	if read := must.Value(site.Open("").ResourcePools().Get(ctx, "gold")); !reflect.DeepEqual(read, made) ||
		!reflect.DeepEqual(read.Value, gold(10)) {
		t.Errorf("read %+v, where %+v was created", read, made)
	}
	larger := must.Value(administrator.Replace(ctx, "gold", made.Revision, gold(20)))
	wants(t, "changing it with an old revision", catalog.ErrConflict)(
		administrator.Replace(ctx, "gold", made.Revision, gold(30)))
	silver := gold(1)
	silver.Name, silver.Tenants = "silver", map[string]catalog.Quota{"t2": {}}
	must.Value(administrator.Create(ctx, "silver", silver))
	nobodys := gold(1)
	nobodys.Name, nobodys.Tenants = "nobodys", nil
	must.Value(administrator.Create(ctx, "nobodys", nobodys))
	if all := must.Value(administrator.List(ctx, "")); len(all) != 3 || !reflect.DeepEqual(all[0], larger) {
		t.Errorf("listed %+v", all)
	}
	tenant := site.Open("t1").ResourcePools()
	if site.Enforced {
		seen := gold(20)
		delete(seen.Tenants, "t2")
		if all := must.Value(tenant.List(ctx, "")); len(all) != 1 || !reflect.DeepEqual(all[0].Value, seen) {
			t.Errorf("t1 sees %+v, want %+v", all, seen)
		}
		if one := must.Value(tenant.Get(ctx, "gold")); !reflect.DeepEqual(one.Value, seen) {
			t.Errorf("t1 sees %+v, want %+v", one, seen)
		}
		wants(t, "reading a pool that does not name the tenant", catalog.ErrNotFound)(tenant.Get(ctx, "silver"))
		for doing, err := range map[string]error{
			"creating one":                      second(tenant.Create(ctx, "mine", gold(1))),
			"changing its own quota":            second(tenant.Replace(ctx, "gold", larger.Revision, gold(1000))),
			"deleting the pool":                 tenant.Delete(ctx, "gold", larger.Revision),
			"creating one that exists, unknown": second(tenant.Create(ctx, "silver", silver)),
		} {
			if err == nil || errors.Is(err, catalog.ErrExists) {
				t.Errorf("%s: %v", doing, err)
			}
		}
	}
	for _, rec := range must.Value(administrator.List(ctx, "")) {
		if err := administrator.Delete(ctx, rec.Key, rec.Revision); err != nil {
			t.Error(err)
		}
	}
	if all := must.Value(tenant.List(ctx, "")); len(all) > 0 {
		t.Errorf("left: %+v", all)
	}
}
