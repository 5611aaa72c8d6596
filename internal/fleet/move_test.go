package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

func TestInstancesMove(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		before := w.created(t, "a")
		w.guarded(t)
		was := must.Get[host.Domain](t)(w.hosts["a"].Domain(t.Context(), before.UUID))
		f := w.process()
		i, on, err := f.Read(t.Context(), "a", before.UUID)
		if err != nil {
			t.Fatal(err)
		}
		b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
		course, err := f.PlanMove(t.Context(), on, i, b, only("b", "c"), false)
		if err != nil || !slices.Equal(course.To, []string{"b", "c"}) || course.Only != nil || course.Bytes < markerAt {
			t.Errorf("the plan is %+v, %v", course, err)
		}
		for _, to := range []string{"b", "c", "a"} {
			w.applied(t, on.Name, before.UUID, to, "moved")
			w.isOn(t, to, before.UUID, "after a move to "+to)
			is := must.Get[host.Domain](t)(w.hosts[to].Domain(t.Context(), before.UUID))
			if !slices.Equal(is.Interfaces, was.Interfaces) || is.MemoryMiB != was.MemoryMiB ||
				len(is.Disks) != len(was.Disks) {
				t.Errorf("it was %+v, and is %+v", was, is)
			}
		}
	})
}

// While a process moves an instance, others find it where its placement says, and change nothing.
func TestAMoveInProgressIsLeftAlone(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		f := w.process()
		i, on, err := f.Read(t.Context(), "a", uuid)
		if err != nil {
			t.Fatal(err)
		}
		b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
		target, _ := f.Member("b")
		m := &move{fleet: f, cargo: must.Get[provision.Cargo](t)(on.Cargo(t.Context(), i, b)), from: on, to: target}
		check := func(has string) {
			t.Helper()
			for _, last := range []string{"a", "b", ""} {
				found, at, err := w.process().Refresh(t.Context(), last, uuid)
				if err != nil || at.Name != has || found.UUID != uuid {
					t.Errorf("last seen on %q, it is on %v: %v", last, at, err)
				}
				_, _, err = w.process().Read(t.Context(), last, uuid)
				if _, alive := errors.AsType[*MovingError](err); !alive {
					t.Errorf("it could be changed: %v", err)
				}
			}
			all, _, err := w.process().Instances(t.Context(), provision.InstanceFilter{})
			if err != nil || len(all) != 1 || all[0].On.Name != has {
				t.Errorf("the instances are %+v, %v", all, err)
			}
			err = w.process().Delete(t.Context(), "a", 0, uuid, naming.DefaultTenant, "it", hostid.ID{})
			if _, alive := errors.AsType[*MovingError](err); !alive {
				t.Errorf("it could be removed: %v", err)
			}
			if _, _, err := create(t.Context(), w.process(), request("it", 64), Where{}); err == nil ||
				!strings.Contains(err.Error(), "has been moving it since") {
				t.Errorf("another one could be created: %v", err)
			}
		}
		for _, step := range []struct {
			do  func(context.Context) error
			has string
		}{{m.placement, ""}, {m.enter, "a"}, {m.fill, "a"}, {m.commit, "b"}} {
			if err := step.do(t.Context()); err != nil {
				t.Fatal(err)
			}
			if step.has != "" {
				check(step.has)
			}
		}
		if err := m.finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.applied(t, "a", uuid, "b", "in the end")
		w.isOn(t, "b", uuid, "in the end")
	})
}

// A host that is full, or has something of the name, does not get the instance, and the next one does.
func TestAMoveGoesToAHostThatTakesIt(t *testing.T) {
	limits := provision.Limits{Memory: 1.5 / 64} // GiB
	inWorld(t, limits, []string{"a", "b", "c", "d"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		_, _, err := create(t.Context(), w.process(), request("other", 1024), Where{Hosts: []string{"b"}})
		if err != nil {
			t.Fatal(err)
		}
		must.Get[host.Volume](t)(w.hosts["c"].CreateVolume(t.Context(), thePool, host.VolumeSpec{
			Name: dataDisk, Format: "qcow2", Capacity: 1 << 20,
		}))
		w.guarded(t)
		_, err = apply(t.Context(), w.process(), "a", uuid, only("b", "c"))
		if _, none := errors.AsType[*NoRoomError](err); !none ||
			!strings.Contains(err.Error(), "b: 512 MiB of memory short") ||
			!strings.Contains(err.Error(), `c: its pool "novacron" has "`+dataDisk+`" already`) {
			t.Errorf("got %v", err)
		}
		if err := w.hosts["c"].DeleteVolume(t.Context(), thePool, dataDisk); err != nil {
			t.Fatal(err)
		}
		w.isOn(t, "a", uuid, "if no host takes it")
		must.Get[host.Volume](t)(w.hosts["c"].CreateVolume(t.Context(), thePool, host.VolumeSpec{
			Name: dataDisk, Format: "qcow2", Capacity: 1 << 20,
		}))
		on, err := apply(t.Context(), w.process(), "a", uuid, only("b", "c", "d"))
		if err != nil || on != "d" {
			t.Fatal(on, err)
		}
		if err := w.hosts["c"].DeleteVolume(t.Context(), thePool, dataDisk); err != nil {
			t.Fatal(err)
		}
		w.isOn(t, "d", uuid, "with a host that takes it")
	})
}

// A host that falls silent keeps the instance from nothing but the move, or the rest of it.
func TestAHostFallsSilentDuringAMove(t *testing.T) {
	for name, c := range map[string]struct {
		silent string // the host
		at     string // its request
		has    string // the host that has the instance then
		runs   bool
	}{
		"target before": {"b", "OpenTransfer", "a", true},
		"source before": {"a", "OpenVolume", "a", false},
		"source after":  {"a", "DeleteVolume", "b", false},
	} {
		inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
			uuid := w.created(t, "a").UUID
			w.guarded(t)
			gone := false
			w.inject(t, c.silent, func(call fakehost.Call) fakehost.Fault {
				if gone = gone || call.Method == c.at; gone {
					return fakehost.Fault{Before: host.ErrUnreachable}
				}
				return fakehost.Fault{}
			})
			on, err := apply(t.Context(), w.process(), "a", uuid, only("b"))
			if err == nil || !gone || on != c.has {
				t.Fatalf("%s: it is on %s, %v", name, on, err)
			}
			if got := slices.Contains(w.hosts[on].Guests(), uuid); got != c.runs {
				t.Errorf("%s: it runs: %t", name, got)
			}
			found, at, err := w.process().Refresh(t.Context(), on, uuid)
			if on != c.silent && (err != nil || at.Name != on || found.UUID != uuid) {
				t.Errorf("%s: a refresh finds it on %v, %v", name, at, err)
			}
			if _, err := apply(t.Context(), w.process(), on, uuid, only("b")); err == nil {
				t.Errorf("%s: an apply can do without host %s", name, c.silent)
			}
			w.guarded(t)
			w.applied(t, on, uuid, "b", name)
			w.isOn(t, "b", uuid, name)
		})
	}
}

// A disk on a storage tier goes to the pool that the tier has on the other host.
func TestStorageTiersAreThoseOfTheOtherHost(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		w.tiers = map[string]string{"h": thePool, "a": "nvme", "b": "ssd"}
		for _, name := range []string{"a", "b"} {
			must.Get[host.Pool](t)(w.hosts[name].CreateDirPool(t.Context(), w.tiers[name], "/"+w.tiers[name]))
		}
		r, tier := movable(), "fast"
		data := r.Storage.Disks["data"]
		data.Tier = &tier
		r.Storage.Disks["data"] = data
		f := w.process()
		i, _, on, err := f.Create(t.Context(), r, only("a"), func(kind.Instance, provision.Record, *Member) {})
		if err != nil {
			t.Fatal(err)
		}
		b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, r))
		moved, on, err := f.Move(t.Context(), on, i, only("b"), provision.Change{
			Blueprint: &b, AllowRestart: true, Options: r.Options,
		}, false)
		if err != nil || on.Name != "b" || !slices.Equal(moved.Facts.Pools, []string{"ssd"}) {
			t.Fatal(moved.Facts.Pools, err)
		}
		if _, err := w.hosts["b"].Volume(t.Context(), "ssd", dataDisk); err != nil {
			t.Error(err)
		}
		if left := must.Get[[]string](t)(w.hosts["a"].VolumeNames(t.Context(), "nvme")); len(left) > 0 {
			t.Errorf("host a has %q", left)
		}
	})
}
