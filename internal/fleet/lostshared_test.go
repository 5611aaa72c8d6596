package fleet

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// died begins a move of the instance from a to b, as a process that is dead by now.
func (w *world) died(t *testing.T, uuid string, where Where) {
	t.Helper()
	m := w.begun(t, uuid, "b", where)
	p := m.record.Value
	p.Runner = leasetest.Dead(t)
	must.Get[catalog.Record[catalog.Placement]](t)(
		m.fleet.placements.Replace(t.Context(), m.record.Key, m.record.Revision, p))
}

// What has survived of an instance on a lost host in a pool that another host shares is not removed: neither by
// what settles a move that a dead process has begun, nor by the create of an instance of the same name.
func TestAPoolKeepsWhatALostHostHadThere(t *testing.T) {
	for _, moves := range []bool{false, true} {
		inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
			w.share(t, "a", "b")
			uuid := w.created(t, "a").UUID
			if moves {
				w.died(t, uuid, Where{})
			}
			w.loses(t, "a")
			if _, _, err := w.process().Read(t.Context(), "a", uuid); !isLost(err) {
				t.Errorf("it is read: %v", err)
			}
			_, _, err := create(t.Context(), w.process(), movable(), Where{Hosts: []string{"b"}})
			if _, survives := errors.AsType[*provision.SurvivingError](err); !survives ||
				!strings.Contains(err.Error(), "shared with the lost host a") {
				t.Errorf("it is created: %v", err)
			}
			for _, volume := range []string{system, dataDisk} {
				must.Get[host.Volume](t)(w.hosts["b"].Volume(t.Context(), thePool, volume))
			}
		})
	}
}

// A configuration that lacks one of the hosts of a move that a dead process has begun settles nothing: the pool may be
// shared.
func TestAMoveIsSettledByWhoHasBothHosts(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "h"}, func(t *testing.T, w *world) {
		w.share(t, "a", "b")
		uuid := w.created(t, "a").UUID
		w.died(t, uuid, Where{})
		w.names = []string{"b", "h"}
		_, _, err := create(t.Context(), w.process(), request("other", 64), Where{Hosts: []string{"b"}})
		if err != nil {
			t.Error(err)
		}
		w.names = []string{"a", "b", "h"}
		if _, on, err := w.process().Read(t.Context(), "a", uuid); err != nil || on.Name != "a" {
			t.Errorf("it is on %v, %v", on, err)
		}
		for _, volume := range []string{system, dataDisk} {
			must.Get[host.Volume](t)(w.hosts["a"].Volume(t.Context(), thePool, volume))
		}
	})
}

// A move that fails leaves the instance in the group that it was in.
func TestAFailedMoveToAnotherGroupKeepsTheClaim(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		if _, err := applyBy(t.Context(), w.process(), "a", uuid, strictly("a"), false); err != nil {
			t.Fatal(err)
		}
		before := w.claimed(t, "it")
		w.fails(t, "b")
		other := Where{Group: "db", Strict: true, Hosts: []string{"b"}}
		if on, err := applyBy(t.Context(), w.process(), "a", uuid, other, false); err == nil || on != "a" {
			t.Errorf("it is on %s, %v", on, err)
		}
		if got := w.claimed(t, "it"); got != before {
			t.Errorf("it claims %q, want %q as before", got, before)
		}
		for name := range w.hosts {
			w.hosts[name].Inject = nil
		}
		w.died(t, uuid, other)
		if _, on, err := w.process().Read(t.Context(), "a", uuid); err != nil || on.Name != "a" {
			t.Errorf("it is on %v, %v", on, err)
		}
		if got := w.claimed(t, "it"); got != before {
			t.Errorf("after the move of a dead process, it claims %q, want %q as before", got, before)
		}
	})
}

// fails makes a host refuse the volumes that are copied there.
func (w *world) fails(t *testing.T, name string) {
	w.inject(t, name, func(c fakehost.Call) fakehost.Fault {
		if c.Method == "CreateVolume" && strings.Contains(c.Object, ".it.") {
			return fakehost.Fault{Before: errors.New("the disk is broken")}
		}
		return fakehost.Fault{}
	})
}
