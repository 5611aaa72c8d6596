package fleet

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// dialing is how long a host takes not to answer.
const dialing = time.Minute

// frozen makes a host not answer after the time for an answer is over.
func frozen(fakehost.Call) fakehost.Fault {
	return fakehost.Fault{Before: host.ErrUnreachable, Takes: dialing}
}

func uuid(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// A host that does not answer costs a plan the time for an answer once, however long the plan takes.
func TestASilentHostCostsItsTimeoutOnce(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		f, waited := w.process(), time.Duration(0)
		var thawed atomic.Bool // the host is asked again in the background
		w.hosts["b"].Inject = func(c fakehost.Call) fakehost.Fault {
			if thawed.Load() {
				return fakehost.Fault{}
			}
			return frozen(c)
		}
		const refreshes = 60
		for n := range refreshes {
			begun := time.Now()
			if _, _, err := f.Refresh(t.Context(), "b", uuid(n)); !host.Unanswered(err) {
				t.Fatalf("refresh %d: %v", n, err)
			}
			waited += time.Since(begun)
			time.Sleep(10 * time.Second)
		}
		if most := dialing + refreshes/3*moment; waited > most {
			t.Errorf("%d refreshes in 10 minutes wait for %s, want at most %s", refreshes, waited, most)
		}
		thawed.Store(true)
		time.Sleep(dialing + silenceAge)
		begun := time.Now()
		if _, _, err := f.Refresh(t.Context(), "b", uuid(0)); host.Unanswered(err) || time.Since(begun) > 0 {
			t.Errorf("once it answers again: %v, after %s", err, time.Since(begun))
		}
	})
}

// Hosts that do not answer are waited for at the same time, although a plan reads one instance after another.
func TestSilentHostsAreWaitedForTogether(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f"}
	inWorld(t, plenty, names, func(t *testing.T, w *world) {
		f, begun := w.process(), time.Now()
		for _, name := range names[1:] {
			w.hosts[name].Inject = frozen
		}
		for n, name := range names[1:] {
			if _, _, err := f.Refresh(t.Context(), name, uuid(n)); !host.Unanswered(err) {
				t.Errorf("host %s: %v", name, err)
			}
		}
		if waited, most := time.Since(begun), dialing+slow; waited > most {
			t.Errorf("it took %s, want at most %s", waited, most)
		}
		time.Sleep(dialing)
	})
}

// A create does not wait for a host that does not answer if another one has room. A plan does, once.
func TestACreateLeavesSilentHostsAlone(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		w.hosts["b"].Inject = frozen
		f := w.process()
		for n := range 20 {
			begun := time.Now()
			_, on, err := create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), Where{})
			if err != nil || on != "a" {
				t.Fatalf("create %d: on %q, %v", n, on, err)
			}
			if waited := time.Since(begun); waited > patience || n > 6 && waited > moment {
				t.Errorf("create %d took %s", n, waited)
			}
		}
		time.Sleep(dialing)
	})
}

// What a dead process has left on a host that hangs keeps no create on another host waiting for long.
func TestTheSweepOfAHostThatHangsIsNotWaitedFor(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		f := w.process()
		now := must.Get[time.Time](t)(f.clock(t.Context()))
		left := catalog.Placement{
			Tenant: naming.DefaultTenant, Name: "left", Host: "b", State: catalog.PlacementReserved,
			Runner: leasetest.Dead(t), Since: now, Deadline: now.Add(time.Hour),
		}
		must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Create(t.Context(), left.Key(), left))
		w.hosts["b"].Inject = func(fakehost.Call) fakehost.Fault {
			return fakehost.Fault{Before: host.ErrNoAnswer, Takes: 10 * time.Minute}
		}
		begun := time.Now()
		_, on, err := create(t.Context(), f, request("it", 64), Where{Hosts: []string{"a"}})
		if took := time.Since(begun); err != nil || on != "a" || took > 2*patience {
			t.Errorf("it is on %q after %s, %v", on, took, err)
		}
		time.Sleep(time.Hour) // the host has been asked in the background
	})
}
