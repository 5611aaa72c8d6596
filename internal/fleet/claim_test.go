package fleet

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// made creates the instance "it" on host b.
func made(t *testing.T, w *world) kind.Instance {
	t.Helper()
	i, on, err := create(t.Context(), w.process(), request("it", 1024), Where{Hosts: []string{"b"}})
	if err != nil || on != "b" {
		t.Fatal(on, err)
	}
	return i
}

// edit changes the placement of "it".
func edit(t *testing.T, w *world, how func(*catalog.Placement)) {
	t.Helper()
	must.Get[catalog.Record[catalog.Placement]](t)(catalog.Change(t.Context(), w.process().placements, "default/it",
		func(p *catalog.Placement) error { how(p); return nil }))
}

// The name of an instance is taken on all hosts, wherever the catalog has it, and however its domain is called.
func TestAnInstanceKeepsItsNameWhereverItIs(t *testing.T) {
	says := func(host string) func(t *testing.T, w *world, _ kind.Instance) {
		return func(t *testing.T, w *world, _ kind.Instance) {
			edit(t, w, func(p *catalog.Placement) { p.Host = host })
		}
	}
	for name, arrange := range map[string]func(t *testing.T, w *world, i kind.Instance){
		"moved":                       says("a"),
		"on a host that is not there": says("x"),
		"renamed": func(t *testing.T, w *world, i kind.Instance) {
			if err := w.hosts["b"].RenameDomain(t.Context(), i.UUID, "other"); err != nil {
				t.Fatal(err)
			}
		},
		"without a placement": func(t *testing.T, w *world, _ kind.Instance) {
			f := w.process()
			rec := must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Get(t.Context(), "default/it"))
			if err := f.placements.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
				t.Fatal(err)
			}
		},
	} {
		inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
			arrange(t, w, made(t, w))
			if _, on, err := create(t.Context(), w.process(), request("it", 1024), Where{}); err == nil ||
				!strings.Contains(err.Error(), "already in use") {
				t.Errorf("%s: a second one is on %q, %v", name, on, err)
			}
			if here := w.domains(t, "a"); len(here) > 0 {
				t.Errorf("%s: host a has %q", name, here)
			}
		})
	}
}

// An orphan is taken over only where the instance may be, and keeps its placement otherwise.
func TestAnOrphanIsTakenOverWhereItMayBe(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		i := made(t, w)
		dead := strings.ReplaceAll(must.Get[host.Domain](t)(w.hosts["b"].Domain(t.Context(), i.UUID)).Metadata,
			lease.This(), leasetest.Dead(t))
		if err := w.hosts["b"].RedefineDomain(t.Context(), i.UUID, host.DomainChange{Metadata: &dead}); err != nil {
			t.Fatal(err)
		}
		_, on, err := create(t.Context(), w.process(), request("it", 1024), Where{Hosts: []string{"a"}})
		if err == nil || !strings.Contains(err.Error(), "it is on host b, which placement does not allow") {
			t.Errorf("excluded: on %q, %v", on, err)
		}
		other := request("it", 1024)
		other.Strategy = "clone"
		if _, on, err := create(t.Context(), w.process(), other, Where{}); err == nil {
			t.Errorf("another instance: on %q", on)
		}
		if got := w.placements(t); !slices.Equal(got, []string{"it on b (placed)"}) {
			t.Errorf("the placements are %q", got)
		}
		same, on, err := create(t.Context(), w.process(), request("it", 1024), Where{})
		if err != nil || on != "b" || same.UUID != i.UUID {
			t.Errorf("the same: %s on %q, %v", same.UUID, on, err)
		}
	})
}

// What is no instance is in the way on its own host alone.
func TestAForeignDomainIsInTheWayOnItsHost(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		i := made(t, w)
		none := ""
		if err := w.hosts["b"].RedefineDomain(t.Context(), i.UUID, host.DomainChange{Metadata: &none}); err != nil {
			t.Fatal(err)
		}
		edit(t, w, func(p *catalog.Placement) {
			p.UUID, p.State, p.Runner = "", catalog.PlacementReserved, leasetest.Dead(t)
		})
		w.process().sweep(t.Context())
		if got := w.placements(t); len(got) > 0 {
			t.Errorf("the placements are %q", got)
		}
		if _, on, err := create(t.Context(), w.process(), request("it", 1024), Where{}); err != nil || on != "a" {
			t.Errorf("it is on %q, %v", on, err)
		}
	})
}

// A placement whose instance is gone makes way for another instance of the name, and that of one that exists
// does not.
func TestAPlacementOfAnotherInstance(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		i, f := made(t, w), w.process()
		edit(t, w, func(p *catalog.Placement) { p.UUID = "00000000-0000-4000-8000-00000000000f" })
		b, _ := f.Member("b")
		if err := f.Adopt(t.Context(), i, b, nil); err != nil {
			t.Error(err)
		}
		j, _, err := create(t.Context(), f, request("other", 1024), Where{})
		if err != nil {
			t.Fatal(err)
		}
		edit(t, w, func(p *catalog.Placement) { p.UUID = j.UUID })
		if err := f.Adopt(t.Context(), i, b, nil); err == nil || !strings.Contains(err.Error(), "another instance") {
			t.Errorf("got %v", err)
		}
	})
}

// A process that dies while it removes an instance leaves a placement that any create settles.
func TestAnInterruptedRemovalIsSettled(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		settled := 0
		for n, dies := 1, true; dies; n++ {
			i, h := made(t, w), w.hosts["a"] // the home
			first := h.Calls()
			dies = false
			h.Inject = func(c fakehost.Call) fakehost.Fault {
				if c.N < first+n {
					return fakehost.Fault{}
				}
				dies = true
				return fakehost.Fault{Before: host.ErrUnreachable}
			}
			_ = w.process().Delete(t.Context(), "b", 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{})
			h.Inject = nil
			switch {
			case len(w.domains(t, "b")) > 0:
				err := w.process().Delete(t.Context(), "b", 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{})
				if err != nil {
					t.Fatal(err)
				}
			case len(w.placements(t)) > 0:
				settled++
				time.Sleep(2 * time.Hour) // its time is up
				other, on, err := create(t.Context(), w.process(), request("other", 1024), Where{})
				if err != nil {
					t.Fatal(err)
				}
				if got := w.placements(t); len(got) != 1 || !strings.HasPrefix(got[0], "other") {
					t.Errorf("after request %d, the placements are %q", n, got)
				}
				err = w.process().Delete(t.Context(), on, 0, other.UUID, naming.DefaultTenant, "other", hostid.ID{})
				if err != nil {
					t.Fatal(err)
				}
			}
			w.leaves(t, "it")
		}
		if settled == 0 {
			t.Error("no removal has left its placement")
		}
	})
}

// An instance that no host has is not gone if it was last seen on a host that is not among them. A host
// that says itself that it does not have it is enough, by whichever name.
func TestMissingFromAllHosts(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		f := w.process()
		a, b := must.Get[hostid.ID](t)(f.members[0].Here.ID(t.Context())), f.members[1]
		for _, on := range []*Member{nil, b} {
			if err := f.Missing(t.Context(), on, a); err != nil {
				t.Errorf("last seen on a: %v", err)
			}
			err := f.Missing(t.Context(), on, hostid.ID{UUID: "u", Name: "elsewhere", Pool: "p"})
			if _, moved := errors.AsType[*hostid.MovedError](err); !moved {
				t.Errorf("last seen on another host: %v", err)
			}
		}
	})
}

// A plan refuses only what cannot fit: neither what it replaces nor what the same apply has created counts twice.
func TestAPlanCountsNothingTwice(t *testing.T) {
	const most = 4096
	inWorld(t, provision.Limits{Memory: most / float64(64<<10)}, []string{"a"}, func(t *testing.T, w *world) {
		f := w.process()
		plan := func(name string, memory int64) error {
			p := &placing{fleet: f, request: request(name, memory)}
			if err := p.decide(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := f.Plan(t.Context(), name, p.blueprint, Where{})
			return err
		}
		for _, name := range []string{"one", "two"} { // as an apply does
			if err := plan(name, most/2); err != nil {
				t.Error(err)
			}
			i, _, err := create(t.Context(), f, request(name, most/2), Where{})
			if err != nil {
				t.Fatal(err)
			}
			if err := plan(name, most/2); err != nil { // replaced
				t.Error(err)
			}
			f.plan.remove(name)
			if name == "two" {
				time.Sleep(roomAge + time.Second) // the host is asked again
				f.library.Plan.WillLeave(i.UUID)
				if err := plan("three", most/2); err == nil {
					t.Error("an instance that only gets another system disk makes room")
				}
				f.library.Plan.WillGo(i.UUID)
			}
		}
		if err := plan("three", most/2); err != nil {
			t.Errorf("in place of one that goes: %v", err)
		}
		time.Sleep(roomAge + time.Second) // a plan that follows an apply would ask the host again
		if err := plan("four", most/2); err == nil {
			t.Error("more fits than the host has")
		}
	})
}

// What the same process removes makes room, in a plan and in an apply, whichever begins first.
func TestRemovalsMakeRoom(t *testing.T) {
	const most = 4096
	inWorld(t, provision.Limits{Memory: most / float64(64<<10)}, []string{"a"}, func(t *testing.T, w *world) {
		f := w.process()
		i, _, err := create(t.Context(), f, request("old", most), Where{})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		group.Go(func() {
			p := &placing{fleet: f, request: request("new", most)}
			if err := p.decide(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := f.Plan(t.Context(), "new", p.blueprint, Where{}); err != nil {
				t.Errorf("the plan: %v", err)
			}
		})
		time.Sleep(time.Second / 2)
		f.library.Plan.WillGo(i.UUID)
		group.Wait()

		f = w.process() // the apply's
		group.Go(func() {
			if _, _, err := create(t.Context(), f, request("new", most), Where{}); err != nil {
				t.Errorf("the apply: %v", err)
			}
		})
		time.Sleep(time.Second)
		if err := f.Delete(t.Context(), "a", 0, i.UUID, naming.DefaultTenant, "old", hostid.ID{}); err != nil {
			t.Error(err)
		}
		group.Wait()
		if got := w.placements(t); !slices.Equal(got, []string{"new on a (placed)"}) {
			t.Errorf("the placements are %q", got)
		}
	})
}
