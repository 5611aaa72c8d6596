package fleet

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// says records what the administrator says of a host. Of an active host, it records nothing.
func (w *world) says(t *testing.T, name string, state catalog.HostState, why string) {
	t.Helper()
	c := poolstore.New(w.hosts[w.names[0]], thePool).Hosts()
	rec, err := c.Get(t.Context(), name)
	if err == nil {
		err = c.Delete(t.Context(), name, rec.Revision)
	}
	if err := catalog.IgnoreNotFound(err); err != nil {
		t.Fatal(err)
	}
	if state != catalog.HostActive {
		h := catalog.Host{Name: name, State: state, Description: why}
		must.Get[catalog.Record[catalog.Host]](t)(c.Create(t.Context(), name, h))
	}
}

// loses declares a host lost. Every request to it fails the test, until the function that it returns ends that.
func (w *world) loses(t *testing.T, name string) (found func()) {
	t.Helper()
	w.says(t, name, catalog.HostLost, "burnt")
	w.inject(t, name, func(c fakehost.Call) fakehost.Fault {
		t.Errorf("host %s is lost, and is asked: %s %s", name, c.Method, c.Object)
		return silent(c)
	})
	return func() { w.inject(t, name, nil) }
}

func TestHostsThatTakeNoInstances(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 65536, "a", "b", "c")
		uuid := w.created(t, "a").UUID
		w.says(t, "a", catalog.HostDraining, "new disks until Friday")
		w.says(t, "b", catalog.HostMaintenance, "")
		f := w.process()
		for _, name := range []string{"one", "two"} {
			if _, on, err := create(t.Context(), f, request(name, 64), Where{}); err != nil || on != "c" {
				t.Errorf("%s is on %q, %v", name, on, err)
			}
		}
		where := must.Get[Where](t)(f.Within(t.Context(), Where{}))
		if on, err := f.Plan(t.Context(), "three", kind.Blueprint{}, where); err != nil || on != nil {
			t.Errorf("the plan is %v, %v", on, err)
		}
		const why = "\n  - a: draining (new disks until Friday)\n  - b: in maintenance"
		_, planned := f.Plan(t.Context(), "four", kind.Blueprint{}, only("a", "b"))
		_, _, applied := create(t.Context(), w.process(), request("four", 64), only("a", "b"))
		for _, err := range []error{planned, applied} {
			if _, none := errors.AsType[*NoRoomError](err); !none || !strings.Contains(err.Error(), why) {
				t.Errorf("got %v", err)
			}
		}
		if all := w.placements(t); slices.Contains(all, "four on a (reserved)") || len(all) != 3 {
			t.Errorf("the placements are %q", all)
		}
		var said []string
		for _, h := range must.Get[Pool](t)(w.process().Pool(t.Context(), "gold")).Hosts {
			if h.Room == nil {
				t.Errorf("host %s was not asked for its room", h.Name)
			}
			said = append(said, h.Name+": "+h.Refusal)
		}
		want := []string{"a: draining (new disks until Friday)", "b: in maintenance", "c: "}
		if !slices.Equal(said, want) {
			t.Errorf("the pool says %q, want %q", said, want)
		}

		// What is there stays and can be changed, and goes to no other such host.
		if on, err := apply(t.Context(), w.process(), "a", uuid, Where{}); err != nil || on != "a" {
			t.Errorf("after a change, it is on %s, %v", on, err)
		}
		_, err := apply(t.Context(), w.process(), "a", uuid, only("b"))
		if _, none := errors.AsType[*NoRoomError](err); !none || !strings.Contains(err.Error(), "b: in maintenance") {
			t.Errorf("moved to a host in maintenance: %v", err)
		}
		w.says(t, "b", catalog.HostActive, "")
		w.applied(t, "a", uuid, "b", "once the other host is active")
		w.isOn(t, "b", uuid, "once the other host is active")
	})
}

// An instance leaves a host in maintenance for one that is allowed.
func TestMaintenanceEmptiesAHost(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		w.says(t, "a", catalog.HostMaintenance, "")
		w.says(t, "b", catalog.HostDraining, "")
		w.guarded(t)
		f := w.process()
		i, on, err := f.Read(t.Context(), "a", uuid)
		if err != nil || !on.Leaving() || f.Quiet("a") || !f.Quiet("b") {
			t.Fatal(on, err)
		}
		b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
		course, err := f.PlanMove(t.Context(), on, i, b, Where{}, false)
		if err != nil || !slices.Equal(course.To, []string{"c"}) || course.Only != nil {
			t.Errorf("the plan is %+v, %v", course, err)
		}
		_, err = f.PlanMove(t.Context(), on, i, b, only("a", "b"), false)
		if _, none := errors.AsType[*NoRoomError](err); !none ||
			!strings.Contains(err.Error(), "a: in maintenance\n  - b: draining\n  - c: not among placement.hosts") {
			t.Errorf("a plan that nothing takes: %v", err)
		}
		c := provision.Change{Blueprint: &b, AllowRestart: true, Options: movable().Options}
		if _, at, err := f.Move(t.Context(), on, i, Where{}, c, false); err != nil || at.Name != "c" {
			t.Errorf("it is on %s, %v", at.Name, err)
		}
		w.isOn(t, "c", uuid, "after the maintenance began")
	})
}
