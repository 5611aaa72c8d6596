package fleet

import (
	"slices"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// What a dead process had claimed makes way for another create of the name, and is settled by any create.
func TestPlacementsOfDeadProcessesAreSettled(t *testing.T) {
	reserved := func(runner string) catalog.Placement {
		return catalog.Placement{
			Tenant: naming.DefaultTenant, Name: "it", Host: "b", MemoryMB: 1024, State: catalog.PlacementReserved,
			Runner: runner,
		}
	}
	for name, c := range map[string]struct {
		create string // the instance that is created then
		runner string
		want   []string
	}{
		"the same":          {"it", leasetest.Dead(t), []string{"it on a (placed)"}},
		"another":           {"other", leasetest.Dead(t), []string{"other on a (placed)"}},
		"another, at work":  {"other", lease.This(), []string{"it on b (reserved)", "other on a (placed)"}},
		"the same, at work": {"it", lease.This(), []string{"it on b (reserved)"}},
	} {
		inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
			f := w.process()
			p := reserved(c.runner)
			p.Since = must.Get[time.Time](t)(f.clock(t.Context()))
			p.Deadline = p.Since.Add(silenceAge * 10)
			must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Create(t.Context(), p.Key(), p))
			_, _, err := create(t.Context(), f, request(c.create, 1024), Where{Hosts: []string{"a"}})
			if taken := c.want[0] == "it on b (reserved)" && c.create == "it"; (err != nil) != taken {
				t.Errorf("%s: %v", name, err)
			}
			if got := w.placements(t); !slices.Equal(got, c.want) {
				t.Errorf("%s: the placements are %q, want %q", name, got, c.want)
			}
		})
	}
}

// An instance that was there before the configuration named its hosts has no placement until it is
// changed or imported. It is found and removed all the same.
func TestInstancesWithoutPlacementsAreAdopted(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		f := w.process()
		i, _, err := create(t.Context(), f, request("it", 1024), Where{Hosts: []string{"b"}})
		if err != nil {
			t.Fatal(err)
		}
		lose := func() {
			rec := must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Get(t.Context(), "default/it"))
			if err := f.placements.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
				t.Fatal(err)
			}
		}
		lose()
		found, on, err := w.process().Refresh(t.Context(), "", i.UUID)
		if err != nil || on.Name != "b" {
			t.Fatal(on, err)
		}
		for range 2 { // the second time, nothing has to be written
			if err := f.Adopt(t.Context(), found, on, nil); err != nil {
				t.Error(err)
			}
		}
		if got := w.placements(t); !slices.Equal(got, []string{"it on b (placed)"}) {
			t.Errorf("the placements are %q", got)
		}
		lose()
		if err := w.process().Delete(t.Context(), "b", 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{}); err != nil {
			t.Error(err)
		}
		w.leaves(t, "it")
	})
}
