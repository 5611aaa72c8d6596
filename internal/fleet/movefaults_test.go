package fleet

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// disturbances are how a request can fail.
var disturbances = map[string]fakehost.Fault{
	"refused":          {Before: host.ErrInternal},
	"unanswered":       {After: host.ErrNoAnswer},
	"never arrived":    {Before: host.ErrUnreachable},
	"carried out late": {Before: host.ErrNoAnswer, Late: 3},
}

// If any request of a move fails, on any host, the next apply completes the move.
func TestADisturbedMoveConverges(t *testing.T) { disturbedMovesConverge(t, false) }

func disturbedMovesConverge(t *testing.T, live bool) {
	for _, victim := range []string{"h", "a", "b"} { // the home, the host that it comes from, and that it goes to
		for how, fault := range disturbances {
			t.Run(victim+" "+how, func(t *testing.T) {
				t.Parallel()
				inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
					uuid, on := w.created(t, "a").UUID, "a"
					w.live = live
					for n := 1; ; n += stride() {
						if n > 300 {
							t.Fatal("it makes more than 300 requests")
						}
						to := map[string]string{"a": "b", "b": "a"}[on]
						disturbed := map[string]string{"a": on, "b": to, "h": "h"}[victim]
						met, first := "", w.hosts[disturbed].Calls()
						w.guarded(t)
						w.inject(t, disturbed, func(c fakehost.Call) fakehost.Fault {
							if c.N != first+n {
								return fakehost.Fault{}
							}
							met = c.Method + " " + c.Object
							return fault
						})
						has, err := applyBy(t.Context(), w.process(), on, uuid, strictly(to), live)
						w.guarded(t)
						when := fmt.Sprintf("after request %d of %s, %s, failed (%v)", n, disturbed, met, err)
						time.Sleep(2 * time.Hour) // the process is dead for certain
						w.applied(t, has, uuid, to, when)
						on = to
						w.isOn(t, to, uuid, when)
						if met == "" || t.Failed() {
							return
						}
					}
				})
			})
		}
	}
}

// stride is the distance between two requests that a test disturbs: 1, or more where races are looked for, which
// takes several times as long.
func stride() int {
	if testing.Short() {
		return 7
	}
	return 1
}

// changes reports whether a request changes a host. To be killed at another one is to be killed before the
// next that does.
func changes(method string) bool {
	return !slices.Contains([]string{
		"Volume", "VolumeNames", "ReadVolume", "ReadVolumeAt", "OpenVolume", "OpenTransfer", "Domain", "DomainWith",
		"DomainByName", "DomainState", "DomainsNamed", "Definition", "HasSavedState", "Statuses", "Allotments",
		"Leases", "DomainAddresses", "Hardware", "RunningDefinition", "Unable", "Passage",
		"Pool", "Pools", "PoolUUID", "PoolUUIDs", "RefreshPool", "Time", "Info", "Self", "Networks",
	}, method)
}

// A process that is killed at any request leaves what the next look, create or apply settles.
func TestAKilledMoveIsSettled(t *testing.T) { killedMovesAreSettled(t, false) }

func killedMovesAreSettled(t *testing.T, live bool) {
	for next, look := range map[string]func(t *testing.T, w *world, uuid string){
		"a refresh": func(t *testing.T, w *world, uuid string) {
			i, on, err := w.process().Refresh(t.Context(), "a", uuid)
			if err != nil || i.UUID != uuid || on == nil {
				t.Error(on, err)
			}
		},
		"a create": func(t *testing.T, w *world, _ string) {
			f := w.process()
			i, on, err := create(t.Context(), f, request("other", 64), Where{})
			if err == nil {
				err = f.Delete(t.Context(), on, 0, i.UUID, naming.DefaultTenant, "other", hostid.ID{})
			}
			if err != nil {
				t.Error(err)
			}
		},
		"nothing": nil,
	} {
		for how, fault := range map[string]fakehost.Fault{
			"before": {Before: host.ErrUnreachable}, "after": {After: host.ErrUnreachable},
		} {
			for _, to := range []string{"a", "b"} { // where the next apply wants it
				t.Run(next+" "+how+" "+to, func(t *testing.T) {
					t.Parallel()
					inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
						uuid, met := w.created(t, "a").UUID, "."
						w.live = live
						for n := 1; met != ""; n += stride() {
							if n > 200 {
								t.Fatal("it makes more than 200 changes")
							}
							met = w.killed(t, n, fault, uuid)
							when := fmt.Sprintf("killed at change %d, %s", n, met)
							if look != nil {
								look(t, w, uuid)
								w.settledMove(t, uuid, when)
							}
							w.applied(t, "a", uuid, to, when)
							w.isOn(t, to, uuid, when)
							if t.Failed() {
								return
							}
							w.applied(t, to, uuid, "a", when) // for the next one
						}
					})
				})
			}
		}
	}
}

// killed moves the instance from host a to host b by a process that is killed at a request, of those that
// change something. It returns the request; "" if there are not so many.
func (w *world) killed(t *testing.T, n int, fault fakehost.Fault, uuid string) (met string) {
	count := 0
	for name := range w.hosts {
		w.inject(t, name, func(c fakehost.Call) fakehost.Fault {
			if changes(c.Method) || count >= n {
				count++
			}
			switch {
			case count < n:
				return fakehost.Fault{}
			case count == n:
				met = c.Method + " " + c.Object + " of " + name
				return fault
			}
			return fakehost.Fault{Before: host.ErrUnreachable}
		})
	}
	_, _ = applyBy(t.Context(), w.process(), "a", uuid, strictly("b"), w.live)
	w.guarded(t)
	time.Sleep(2 * time.Hour) // its time is up
	return met
}

// settledMove checks that one host has the instance, and that the catalog does not say that it is moving.
func (w *world) settledMove(t *testing.T, uuid, when string) {
	t.Helper()
	var has []string
	for name, h := range w.hosts {
		if slices.Contains(h.UUIDs(), uuid) {
			has = append(has, name)
		}
	}
	if all := w.placements(t); len(has) != 1 || !slices.Equal(all, []string{"it on " + has[0] + " (placed)"}) {
		t.Errorf("%s, the hosts %q have it, and the placements are %q", when, has, all)
	}
}
