package fleet

import (
	"context"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// A move whose process is dead ends without the host that is lost: if that was to get the instance, it stays,
// and if that has lost it already, it is on the other one.
func TestMovesEndWithoutALostHost(t *testing.T) {
	for _, c := range []struct {
		steps int // of enter, fill, commit, and the removal of the first volume from the old host
		lost  string
		has   string // "" if it is lost
	}{
		{1, "c", "b"}, {2, "c", "b"}, {3, "c", "b"}, {4, "c", ""}, {1, "b", ""}, {2, "b", ""}, {3, "b", "c"},
	} {
		inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
			uuid := w.created(t, "b").UUID
			f := w.process()
			i, on, err := f.Read(t.Context(), "b", uuid)
			if err != nil {
				t.Fatal(err)
			}
			b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
			target, _ := f.Member("c")
			m := &move{fleet: f, cargo: must.Get[provision.Cargo](t)(on.Cargo(t.Context(), i, b)), from: on, to: target}
			clears := func(ctx context.Context) error { return w.hosts["b"].DeleteVolume(ctx, thePool, dataDisk) }
			do := []func(context.Context) error{m.placement, m.enter, m.fill, m.commit, clears}
			for _, step := range do[:c.steps+1] {
				if err := step(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			p := m.record.Value
			p.Runner = leasetest.Dead(t)
			must.Get[catalog.Record[catalog.Placement]](t)(
				f.placements.Replace(t.Context(), m.record.Key, m.record.Revision, p))
			found := w.loses(t, c.lost)
			last := "b"
			for range 2 {
				_, at, err := w.process().Read(t.Context(), last, uuid)
				if isLost(err) != (c.has == "") || err == nil && at.Name != c.has {
					t.Errorf("after %d steps and without %s: it is on %v, %v", c.steps, c.lost, at, err)
				}
				last = at.Name // as the state has it then
			}
			if c.has == "" {
				err := w.process().Delete(t.Context(), last, 0, uuid, naming.DefaultTenant, "it", hostid.ID{})
				if err != nil {
					t.Errorf("after %d steps and without %s: %v", c.steps, c.lost, err)
				}
				if got := w.placements(t); len(got) > 0 {
					t.Errorf("after %d steps and without %s, the placements are %q", c.steps, c.lost, got)
				}
				for _, name := range w.names {
					if name == c.lost {
						continue
					}
					if got := w.domains(t, name); len(got) > 0 {
						t.Errorf("after %d steps and without %s, host %s has %q", c.steps, c.lost, name, got)
					}
				}
				return
			}
			if at, err := apply(t.Context(), w.process(), "b", uuid, only(c.has)); err != nil || at != c.has {
				t.Errorf("after %d steps and without %s: it is on %s, %v", c.steps, c.lost, at, err)
			}
			if got := w.placements(t); !slices.Equal(got, []string{"it on " + c.has + " (placed)"}) {
				t.Errorf("after %d steps and without %s, the placements are %q", c.steps, c.lost, got)
			}

			// It comes back with a domain of the same UUID, which is not the instance.
			found()
			w.says(t, c.lost, catalog.HostActive, "")
			for _, last := range []string{"b", "c", ""} {
				_, at, err := w.process().Refresh(t.Context(), last, uuid)
				if err != nil || at.Name != c.has {
					t.Errorf("once %s is back: last seen on %q, it is on %v, %v", c.lost, last, at, err)
				}
			}
			all, _, err := w.process().Instances(t.Context(), provision.InstanceFilter{})
			if err != nil || len(all) != 1 || all[0].On.Name != c.has {
				t.Errorf("once %s is back, there are %+v, %v", c.lost, all, err)
			}
			back, _ := f.Member(c.lost)
			room := must.Get[provision.Room](t)(back.Room(t.Context()))
			got, err := w.process().Superseded(t.Context(), back, room)
			if err != nil || !slices.Equal(got, []string{"it"}) {
				t.Errorf("host %s has the superseded domains %q, %v", c.lost, got, err)
			}
		})
	}
}
