package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// Nothing asks a lost host, and what was there makes way, whatever request is the last of a process.
func TestALostHostIsNotAsked(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 65536, "a", "b", "c")
		uuid := w.created(t, "b").UUID
		_, _, err := create(t.Context(), w.process(), request("other", 64), Where{Hosts: []string{"b"}})
		if err != nil {
			t.Fatal(err)
		}
		w.loses(t, "b")
		f := w.process()
		for _, read := range []func(*Fleet, context.Context, string, string) (kind.Instance, *Member, error){
			(*Fleet).Refresh, (*Fleet).Read,
		} {
			_, on, err := read(f, t.Context(), "b", uuid)
			if !isLost(err) || on.Name != "b" || errors.Is(err, provision.ErrNotFound) {
				t.Errorf("reading it: %v", err)
			}
		}
		for doing, err := range map[string]error{
			"reading it without knowing where it was": third(f.Refresh(t.Context(), "", uuid)),
			"finding it by its name":                  third(f.Find(t.Context(), naming.DefaultTenant, "it")),
			"finding it by its UUID":                  third(f.Own(t.Context(), uuid)),
			"looking it up":                           third(f.Lookup(t.Context(), "it")),
		} {
			if !errors.Is(err, provision.ErrNotFound) || strings.Contains(err.Error(), " b,") {
				t.Errorf("%s: %v", doing, err)
			}
		}
		if all, _, err := f.Instances(t.Context(), provision.InstanceFilter{}); err != nil || len(all) > 0 {
			t.Errorf("there are %+v, %v", all, err)
		}
		for doing, err := range map[string]error{
			"checking the name": f.CheckName(t.Context(), "it"),
			"checking a quota":  f.PlanQuota(t.Context(), "new", "gold", nil),
			"confirming":        f.Confirm(t.Context()),
			"missing it":        f.Missing(t.Context(), nil, hostid.ID{}),
		} {
			if err != nil {
				t.Errorf("%s: %v", doing, err)
			}
		}
		for _, h := range must.Get[Pool](t)(f.Pool(t.Context(), "gold")).Hosts {
			if h.Name == "b" && (h.Room != nil || h.Refusal != "lost (burnt)") {
				t.Errorf("the pool says %+v", h)
			}
		}

		remove := func(f *Fleet) error {
			return f.Delete(t.Context(), "b", 0, uuid, naming.DefaultTenant, "it", hostid.ID{})
		}
		met, tries := "", 0
		for n := 1; n == 1 || met != ""; n++ { // a process dies at each of its requests, and the next one goes on
			met, tries = "", n
			home := w.hosts["a"]
			since := home.Calls()
			w.inject(t, "a", func(c fakehost.Call) fakehost.Fault {
				c.N -= since
				return failing(n, &met)(c)
			})
			_ = remove(w.process())
			w.inject(t, "a", nil)
			if err := remove(w.process()); err != nil {
				t.Errorf("after %s failed: %v", met, err)
			}
			if got := w.placements(t); !slices.Equal(got, []string{"other on b (placed)"}) {
				t.Errorf("after %s failed, the placements are %q", met, got)
			}
			p := catalog.Placement{
				Tenant: naming.DefaultTenant, Name: "it", UUID: uuid, Host: "b", State: catalog.PlacementPlaced,
			}
			must.Get[catalog.Record[catalog.Placement]](t)(w.process().placements.Create(t.Context(), p.Key(), p))
		}
		t.Logf("a removal died at %d requests", tries-1)
		if tries < 5 {
			t.Error("no request failed")
		}

		// Another instance takes the name, also while the placement is there.
		i, on, err := create(t.Context(), w.process(), movable(), Where{})
		if err != nil || on == "b" {
			t.Fatal(on, err)
		}
		w.upload(t, on, dataDisk, marker, markerAt)
		if err := remove(w.process()); err != nil {
			t.Errorf("removing the first one afterwards: %v", err)
		}
		if got := w.placements(t); !slices.Contains(got, "it on "+on+" (placed)") {
			t.Errorf("the placements are %q", got)
		}
		if found, at, err := w.process().Find(t.Context(), naming.DefaultTenant, "it"); err != nil ||
			found.UUID != i.UUID || at.Name != on {
			t.Errorf("found on %v: %v", at, err)
		}
	})
}

func third[A, B any](_ A, _ B, err error) error { return err }

// A version that a lost host has an image of can be removed, and its image can be copied elsewhere.
func TestVersionsDoWithoutALostHost(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		w.version(t, "1.1.0")
		r := request("it", 64)
		r.Version = "1.1.0"
		if _, _, err := create(t.Context(), w.process(), r, only("b")); err != nil {
			t.Fatal(err)
		}
		w.loses(t, "b")
		_, on, err := create(t.Context(), w.process(), request("other", 64), Where{Hosts: []string{"c"}})
		if err != nil {
			t.Error(on, err)
		}
		l := w.process().library
		if counts, err := l.InstanceCounts(t.Context(), theTemplate); err != nil || counts["1.1.0"] != 0 ||
			counts["1.0.0"] != 1 {
			t.Errorf("there are %v instances, %v", counts, err)
		}
		if err := l.RemoveVersion(t.Context(), theTemplate.Version("1.1.0")); err != nil {
			t.Error(err)
		}
	})
}

// What a dead process has left on a lost host, or on its way to it or from it, is settled.
func TestPlacementsOnALostHostAreSettled(t *testing.T) {
	for state, name := range map[catalog.PlacementState]string{
		catalog.PlacementReserved: "it", catalog.PlacementLeaving: "other",
	} {
		inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
			p := catalog.Placement{
				Tenant: naming.DefaultTenant, Name: "it", Host: "b", State: state, Runner: leasetest.Dead(t),
			}
			must.Get[catalog.Record[catalog.Placement]](t)(w.process().placements.Create(t.Context(), p.Key(), p))
			w.loses(t, "b")
			if _, _, err := create(t.Context(), w.process(), request(name, 64), Where{}); err != nil {
				t.Error(err)
			}
			if got := w.placements(t); !slices.Equal(got, []string{name + " on a (placed)"}) {
				t.Errorf("%s: the placements are %q", state, got)
			}
		})
	}
}

// A host that was lost comes back with domains whose instances are elsewhere now. They are not these instances.
func TestAHostThatComesBackHasNoInstancesTwice(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		old := w.created(t, "b").UUID
		gone, _, err := create(t.Context(), w.process(), request("gone", 64), Where{Hosts: []string{"b"}})
		if err != nil {
			t.Fatal(err)
		}
		kept, _, err := create(t.Context(), w.process(), request("kept", 64), Where{Hosts: []string{"b"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.hosts["b"].DestroyDomain(t.Context(), old); err != nil { // the machine is off
			t.Fatal(err)
		}
		found := w.loses(t, "b")
		for uuid, name := range map[string]string{old: "it", gone.UUID: "gone"} {
			err := w.process().Delete(t.Context(), "b", 0, uuid, naming.DefaultTenant, name, hostid.ID{})
			if err != nil {
				t.Fatal(err)
			}
		}
		i, on, err := create(t.Context(), w.process(), movable(), only("c"))
		if err != nil {
			t.Fatal(err)
		}
		found()
		w.says(t, "b", catalog.HostActive, "")

		f := w.process()
		for doing, read := range map[string]func() (kind.Instance, *Member, error){
			"refreshing it": func() (kind.Instance, *Member, error) { return f.Refresh(t.Context(), on, i.UUID) },
			"finding it":    func() (kind.Instance, *Member, error) { return f.Find(t.Context(), "default", "it") },
			"looking it up": func() (kind.Instance, *Member, error) { return f.Lookup(t.Context(), "it") },
			"reading it":    func() (kind.Instance, *Member, error) { return f.Read(t.Context(), "", i.UUID) },
		} {
			if is, at, err := read(); err != nil || is.UUID != i.UUID || at.Name != on {
				t.Errorf("%s: it is %s on %v, %v", doing, is.UUID, at, err)
			}
		}
		var names []string
		all, _, err := f.Instances(t.Context(), provision.InstanceFilter{})
		for _, p := range all {
			names = append(names, p.Facts.Name+" on "+p.On.Name)
		}
		if want := []string{"gone on b", "it on c", "kept on b"}; err != nil || !slices.Equal(names, want) {
			t.Errorf("there are %q, %v, want %q", names, err, want)
		}
		back, _ := f.Member("b")
		superseded, unplaced, err := f.Remnants(t.Context(), back,
			must.Get[[]catalog.Record[catalog.Placement]](t)(f.placements.List(t.Context(), "")), "")
		if err != nil || len(superseded) != 1 || superseded[0] != (Remnant{"it", old, "c"}) || len(unplaced) != 1 ||
			unplaced[0] != (Remnant{Domain: "gone", UUID: gone.UUID}) {
			t.Errorf("of host b, %v and %v are not instances, %v", superseded, unplaced, err)
		}

		// Creates, removals and sweeps of others leave it alone, and it is not started.
		if _, _, err := create(t.Context(), w.process(), request("new", 64), Where{}); err != nil {
			t.Error(err)
		}
		w.applied(t, on, i.UUID, "a", "by a move past it")
		w.applied(t, "a", i.UUID, "c", "by a move back")
		for _, running := range w.hosts["b"].Guests() {
			t.Errorf("host b runs %s", running)
		}
		_, m, err := f.Read(t.Context(), "b", old)
		if err != nil {
			t.Fatal(err)
		}
		is := must.Get[kind.Instance](t)(m.Read(t.Context(), old))
		b := must.Get[kind.Blueprint](t)(m.BlueprintOf(t.Context(), is, movable()))
		_, err = f.Update(t.Context(), m, is, provision.Change{Blueprint: &b, Options: movable().Options}, Where{})
		if err == nil || !strings.Contains(err.Error(), "another instance has the same name: "+i.UUID+", on host c") {
			t.Errorf("changing the old one: %v", err)
		}
		if got := w.hosts["b"].Guests(); len(got) > 0 {
			t.Errorf("host b runs %q", got)
		}
		if err := w.process().Delete(t.Context(), on, 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{}); err != nil {
			t.Error(err)
		}
		if has := w.domains(t, "b"); !slices.Contains(has, "it") || !slices.Contains(has, "kept") {
			t.Errorf("host b has %q", has)
		}
		_, _, err = create(t.Context(), w.process(), request("it", 64), Where{})
		if _, taken := errors.AsType[*planning.TakenError](err); !taken ||
			!strings.Contains(err.Error(), "it is on host b") {
			t.Errorf("a new one of the name: %v", err)
		}
		if _, at, err := w.process().Refresh(t.Context(), "b", kept.UUID); err != nil || at.Name != "b" {
			t.Errorf("what was not touched is on %v, %v", at, err)
		}
	})
}
