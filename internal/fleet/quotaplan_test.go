package fleet

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// A plan counts what it creates and grows together, over what there is.
func TestAPlanAddsUpWhatItAsksFor(t *testing.T) {
	inWorld(t, plenty, []string{"a"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 8192, "a")
		f := w.process()
		made := map[string]kind.Instance{}
		for _, name := range []string{"one", "two"} {
			i, _, err := create(t.Context(), f, request(name, 2048), Where{Pool: "gold"})
			if err != nil {
				t.Fatal(err)
			}
			made[name] = i
		}
		sized := func(memory int64) *kind.Blueprint {
			return &kind.Blueprint{Hardware: &profile.Hardware{MemoryMB: &memory}}
		}
		plan := w.process()
		asks := func(name string, memory int64) error {
			return plan.PlanQuota(t.Context(), name, "gold", sized(memory))
		}
		for range 2 { // Terraform may plan an instance twice
			for name, memory := range map[string]int64{"one": 3072, "two": 1024, "three": 1024} {
				if err := asks(name, memory); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if before := w.hosts["a"].Calls(); asks("three", 1024) != nil || w.hosts["a"].Calls() != before {
			t.Error("a plan reads placements for each instance")
		}
		refused(t, asks("four", 2049), `4096 of 8192 MiB of memory are left of tenant "default"'s quota in resource `+
			`pool "gold", and 4097 are asked for. What this plan creates and grows counts together.`)
		if err := asks("two", 2048); err != nil {
			t.Errorf("an instance that does not grow: %v", err)
		}
		refused(t, plan.PlanQuota(t.Context(), "", "none", sized(1)), `no quota in a resource pool "none"`)

		// One that is removed makes room, under another name, too.
		plan = w.process()
		plan.library.Plan.WillLeave(made["two"].UUID) // which only gets another system disk
		plan.library.Plan.WillGo(made["one"].UUID)
		if err := asks("new", 6144); err != nil {
			t.Error(err)
		}
		refused(t, asks("more", 1), "6144 of 8192 MiB of memory are left")
		// A pool that the plan changes counts as it is going to be.
		plan.PlanPool(catalog.ResourcePool{Name: "gold", Hosts: []string{"a"}, Tenants: map[string]catalog.Quota{
			naming.DefaultTenant: {MemoryMB: new(int64(100))},
		}})
		refused(t, asks("new", 6144), "0 of 100 MiB of memory are left")
	})
}

func TestPlacementsTellTheirPool(t *testing.T) {
	inWorld(t, plenty, []string{"a"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 8192, "a")
		f := w.process()
		i, _, err := create(t.Context(), f, request("it", 1024), Where{Pool: "gold"})
		if err != nil {
			t.Fatal(err)
		}
		on, _ := f.Member("a")
		for _, want := range []string{"gold", ""} {
			if got := must.Get[string](t)(f.PoolOf(t.Context(), i)); got != want {
				t.Errorf("it is in %q, want %q", got, want)
			}
			must.Get[kind.Instance](t)(f.Update(t.Context(), on, i, change(t, on, i, request("it", 1024)), Where{}))
		}
	})
}

func TestAPoolShowsWhatItHasLeft(t *testing.T) {
	inWorld(t, provision.Limits{Memory: 4.0 / 64}, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 5120, "a", "b", "gone")
		for n := range 4 {
			if _, _, err := create(t.Context(), w.process(), request(fmt.Sprintf("i%d", n), 1024),
				Where{Pool: "gold", Hosts: []string{"a"}}); err != nil {
				t.Fatal(err)
			}
		}
		w.hosts["b"].Inject = silent
		pool := must.Get[Pool](t)(w.process().Pool(t.Context(), "gold"))
		w.hosts["b"].Inject = nil
		if pool.Used != (catalog.Usage{VCPUs: 4, MemoryMB: 4096, DiskGB: 4, Instances: 4}) ||
			*pool.Quota.MemoryMB != 5120 {
			t.Errorf("%v of %v are used", pool.Used, pool.Quota)
		}
		var says []string
		for _, h := range pool.Hosts {
			says = append(says, fmt.Sprintf("%s %t %.18s", h.Name, h.Room != nil, h.Refusal))
		}
		if want := []string{
			"a true 1 MiB of memory sh", "b false it does not answer", "gone false not among the prov",
		}; !slices.Equal(says, want) {
			t.Errorf("the hosts are %q, want %q", says, want)
		}
		if b := must.Get[Pool](t)(w.process().Pool(t.Context(), "gold")).Hosts[1]; b.Refusal != "" {
			t.Errorf("host b refuses: %s", b.Refusal)
		}
		_, err := w.process().Pool(t.Context(), "silver")
		refused(t, err, `no quota in a resource pool "silver"`)
	})
}

// Terraform does not order the removal of one instance and the creation of another. The plan and the create
// wait for a removal that makes room.
func TestARemovalMakesRoomInTheQuota(t *testing.T) {
	inWorld(t, plenty, []string{"a"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 1024, "a")
		f := w.process()
		i, _, err := create(t.Context(), f, request("old", 1024), Where{Pool: "gold"})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		group.Go(func() {
			synctest.Wait() // the other one waits
			f.library.Plan.WillGo(i.UUID)
		})
		b := kind.Blueprint{Hardware: request("new", 1024).Hardware}
		if err := f.PlanQuota(t.Context(), "new", "gold", &b); err != nil {
			t.Error(err)
		}
		group.Wait()
		f = w.process()
		group.Go(func() {
			synctest.Wait()
			if err := f.Delete(t.Context(), "a", 0, i.UUID, naming.DefaultTenant, "old", hostid.ID{}); err != nil {
				t.Error(err)
			}
		})
		if _, _, err := create(t.Context(), f, request("new", 1024), Where{Pool: "gold"}); err != nil {
			t.Error(err)
		}
		group.Wait()
		if got := w.placements(t); !slices.Equal(got, []string{"new on a (placed)"}) {
			t.Errorf("the placements are %q", got)
		}
	})
}
