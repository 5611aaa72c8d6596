package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// pool creates a resource pool with these hosts, in which the tenant has that much memory, MiB.
func (w *world) pool(t *testing.T, name string, memory int64, hosts ...string) {
	t.Helper()
	must.Get[catalog.Record[catalog.ResourcePool]](t)(w.process().quotas.source.Create(t.Context(), name,
		catalog.ResourcePool{
			Name: name, Hosts: hosts, Policy: catalog.Pack,
			Tenants: map[string]catalog.Quota{naming.DefaultTenant: {MemoryMB: &memory}},
		}))
}

// taken is what the placement of an instance says.
func (w *world) taken(t *testing.T, name string) string {
	t.Helper()
	rec := must.Get[catalog.Record[catalog.Placement]](t)(w.process().placements.Get(context.WithoutCancel(t.Context()),
		catalog.PlacementKey(naming.DefaultTenant, name)))
	p := rec.Value
	return fmt.Sprintf("%d vCPUs, %d MiB, %d GiB of %q", p.VCPUs, p.MemoryMB, p.DiskGB, p.Pool)
}

// refused checks that an error is a quota's, at resource_pool, and says something.
func refused(t *testing.T, err error, says string) {
	t.Helper()
	list, located := errors.AsType[finding.List](err)
	if _, quota := errors.AsType[*QuotaRefusal](err); !quota || !located || list[0].Path.String() != "resource_pool" ||
		!strings.Contains(list[0].Detail, says) {
		t.Errorf("got %v, want %q at resource_pool", err, says)
	}
}

// change is what an instance of a request becomes.
func change(t *testing.T, on *Member, i kind.Instance, r kind.Request) provision.Change {
	t.Helper()
	b := must.Get[kind.Blueprint](t)(on.BlueprintOf(context.WithoutCancel(t.Context()), i, r))
	return provision.Change{Blueprint: &b, Options: r.Options}
}

// Processes that create at the same time take exactly the quota, and what is refused leaves nothing.
func TestCreatesOfManyProcessesTakeExactlyTheQuota(t *testing.T) {
	const fits, creates = 5, 16
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", fits*1024+1023, "a", "b")
		var group sync.WaitGroup
		errs := make([]error, creates)
		for n := range errs {
			f := w.process()
			group.Go(func() {
				_, _, errs[n] = create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), Where{Pool: "gold"})
			})
		}
		group.Wait()
		placed := 0
		for _, err := range errs {
			if err == nil {
				placed++
				continue
			}
			refused(t, err, `quota in resource pool "gold", and 1024 are asked for`)
		}
		domains := len(w.domains(t, "a")) + len(w.domains(t, "b"))
		if all := w.placements(t); placed != fits || domains != fits || len(all) != fits {
			t.Errorf("%d were placed, %d domains are there, and the placements are %q", placed, domains, all)
		}
	})
}

func TestAPoolChoosesTheHosts(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 1<<20, "a", "b")
		f := w.process()
		for n, c := range []struct {
			where Where
			on    string
		}{
			{Where{Pool: "gold"}, "a"}, {Where{Pool: "gold"}, "a"}, // it packs
			{Where{Pool: "gold", Policy: catalog.Spread}, "b"},
			{Where{Pool: "gold", Hosts: []string{"b", "c"}}, "b"},
			{Where{}, "c"},
		} {
			_, on, err := create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), c.where)
			if on != c.on || err != nil {
				t.Errorf("%v is on %q, %v, want %q", c.where, on, err, c.on)
			}
		}
		if got, want := w.taken(t, "i0"), `1 vCPUs, 1024 MiB, 1 GiB of "gold"`; got != want {
			t.Errorf("it takes %s, want %s", got, want)
		}
		_, _, err := create(t.Context(), f, request("out", 1024), Where{Pool: "gold", Hosts: []string{"c"}})
		if err == nil || !strings.Contains(err.Error(), "c: not in resource pool gold") {
			t.Errorf("on a host that is not in the pool: %v", err)
		}
		_, _, err = create(t.Context(), f, request("none", 1024), Where{Pool: "silver"})
		refused(t, err, `has no quota in a resource pool "silver"`)
		w.leaves(t, "out")
		w.leaves(t, "none")
	})
}

// What an instance grows by is claimed before the instance is changed, and what it shrinks by is free
// afterwards.
func TestGrowthIsClaimedFirst(t *testing.T) {
	inWorld(t, plenty, []string{"a"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 4096, "a")
		f, r := w.process(), request("it", 1024)
		i, _, err := create(t.Context(), f, r, Where{Pool: "gold"})
		if err != nil {
			t.Fatal(err)
		}
		on, _ := f.Member("a")
		for _, c := range []struct{ memory, disk, has int64 }{
			{4096, 1, 4096}, {4097, 3, 4096}, {2048, 3, 2048}, {4096, 7, 4096}, {4096, 7, 4096},
		} {
			r.Hardware = &profile.Hardware{MemoryMB: &c.memory}
			r.Storage = &profile.Storage{Disks: map[string]profile.Disk{profile.SystemDisk: {SizeGB: &c.disk}}}
			before := w.taken(t, "it")
			i = must.Get[kind.Instance](t)(on.Read(t.Context(), i.UUID))
			_, err := f.Update(t.Context(), on, i, change(t, on, i, r), Where{Pool: "gold"})
			want := fmt.Sprintf(`1 vCPUs, %d MiB, %d GiB of "gold"`, c.has, c.disk)
			if c.memory > 4096 {
				refused(t, err, "0 of 4096 MiB of memory are left")
				want = before
			} else if err != nil {
				t.Fatal(err)
			}
			domain := must.Get[host.Domain](t)(w.hosts["a"].Domain(t.Context(), i.UUID))
			if got := w.taken(t, "it"); got != want || domain.MemoryMiB != uint64(c.has) {
				t.Errorf("it takes %s and has %d MiB, want %s", got, domain.MemoryMiB, want)
			}
		}
	})
}

// If any request of a change fails, the placement has as much as the instance, and no more if the
// instance can be read afterwards.
func TestAFailedGrowthIsGivenBack(t *testing.T) {
	inWorld(t, plenty, []string{"a"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 1<<20, "a")
		w.pool(t, "silver", 1<<20, "a")
		undone, kept := 0, 0
		for n := 1; ; n++ {
			if n > 200 {
				t.Fatal("it makes more than 200 requests")
			}
			f, r := w.process(), request("it", 1024)
			i, _, err := create(t.Context(), f, r, Where{Pool: "silver"})
			if err != nil {
				t.Fatal(err)
			}
			on, _ := f.Member("a")
			r.Hardware = &profile.Hardware{MemoryMB: new(int64(3072))}
			c := change(t, on, i, r)
			h, met := w.hosts["a"], ""
			h.Inject = failing(h.Calls()+n, &met)
			_, err = f.Update(t.Context(), on, i, c, Where{Pool: "gold"})
			h.Inject = nil
			domain := must.Get[host.Domain](t)(h.Domain(t.Context(), i.UUID))
			got := w.taken(t, "it")
			switch {
			case err == nil && got != `1 vCPUs, 3072 MiB, 1 GiB of "gold"`:
				t.Errorf("after request %d, %s, failed, it takes %s", n, met, got)
			case err != nil && got == `1 vCPUs, 1024 MiB, 1 GiB of "silver"`:
				undone++
			case err != nil:
				kept++
			}
			if err != nil && domain.MemoryMiB > 1024 && strings.Contains(got, " 1024 MiB") {
				t.Errorf("after request %d, %s, failed, it takes %s and has %d MiB", n, met, got, domain.MemoryMiB)
			}
			err = w.process().Delete(t.Context(), "a", 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{})
			if err != nil {
				t.Fatal(err)
			}
			if met == "" {
				break
			}
		}
		if undone == 0 || kept == 0 {
			t.Errorf("%d failures were undone, and %d not", undone, kept)
		}
	})
}

// A change of the pool is compared with the quota of the new one, and its host has to be in there.
func TestAnInstanceChangesItsPool(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 2048, "a")
		w.pool(t, "silver", 512, "a")
		w.pool(t, "bronze", 4096, "b")
		f, r := w.process(), request("it", 1024)
		i, _, err := create(t.Context(), f, r, Where{Hosts: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		on, _ := f.Member("a")
		to := func(pool string) error {
			_, err := f.Update(t.Context(), on, i, change(t, on, i, r), Where{Pool: pool})
			return err
		}
		if err := to("gold"); err != nil || w.taken(t, "it") != `1 vCPUs, 1024 MiB, 1 GiB of "gold"` {
			t.Errorf("%v: it takes %s", err, w.taken(t, "it"))
		}
		refused(t, to("silver"), `512 of 512 MiB of memory are left`)
		refused(t, to("iron"), `no quota in a resource pool "iron"`)
		if list, _ := errors.AsType[finding.List](to("bronze")); len(list) != 1 ||
			!strings.Contains(list[0].Error(), "which resource_pool does not allow: not in resource pool bronze") {
			t.Errorf("got %v", list)
		}
		if got := w.taken(t, "it"); got != `1 vCPUs, 1024 MiB, 1 GiB of "gold"` {
			t.Errorf("after refusals, it takes %s", got)
		}
		if err := to(""); err != nil || w.taken(t, "it") != `1 vCPUs, 1024 MiB, 1 GiB of ""` {
			t.Errorf("%v: it takes %s", err, w.taken(t, "it"))
		}
	})
}

// A reimage with a larger disk claims the disk first.
func TestAReimageClaimsItsDisk(t *testing.T) {
	inWorld(t, plenty, []string{"a"}, func(t *testing.T, w *world) {
		three := int64(3)
		must.Get[catalog.Record[catalog.ResourcePool]](t)(w.process().quotas.source.Create(t.Context(), "gold",
			catalog.ResourcePool{Name: "gold", Hosts: []string{"a"}, Tenants: map[string]catalog.Quota{
				naming.DefaultTenant: {DiskGB: &three},
			}}))
		f, r := w.process(), request("it", 1024)
		i, _, err := create(t.Context(), f, r, Where{Pool: "gold"})
		if err != nil {
			t.Fatal(err)
		}
		w.version(t, "2.0.0")
		before := w.domains(t, "a")
		r.Version = "2.0.0"
		for _, size := range []int64{4, 3} {
			r.Storage = &profile.Storage{Disks: map[string]profile.Disk{profile.SystemDisk: {SizeGB: &size}}}
			after, _, _, err := f.Reimage(t.Context(), "a", i.UUID, r, Where{Pool: "gold"})
			if size > three {
				refused(t, err, "2 of 3 GiB of disk are left")
				got := w.taken(t, "it")
				if got != `1 vCPUs, 1024 MiB, 1 GiB of "gold"` || after.Facts.Version != "1.0.0" {
					t.Errorf("refused, it takes %s and has version %s", got, after.Facts.Version)
				}
				continue
			}
			got := w.taken(t, "it")
			if err != nil || after.Facts.Version != "2.0.0" || got != `1 vCPUs, 1024 MiB, 3 GiB of "gold"` {
				t.Errorf("%v: it takes %s and has version %s", err, got, after.Facts.Version)
			}
		}
		if got := w.domains(t, "a"); !slices.Equal(got, before) {
			t.Errorf("the domains are %q", got)
		}
	})
}
