package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

func TestInstancesMoveWhileTheyRun(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		before := w.created(t, "a")
		w.live = true
		w.guarded(t)
		was := must.Get[host.Domain](t)(w.hosts["a"].Domain(t.Context(), before.UUID))
		f := w.process()
		i, on, err := f.Read(t.Context(), "a", before.UUID)
		if err != nil {
			t.Fatal(err)
		}
		b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
		course, err := f.PlanMove(t.Context(), on, i, b, only("b", "c"), true)
		if err != nil || !slices.Equal(course.To, []string{"b", "c"}) || !course.Live {
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

func TestADisturbedLiveMoveConverges(t *testing.T) { disturbedMovesConverge(t, true) }

func TestAKilledLiveMoveIsSettled(t *testing.T) { killedMovesAreSettled(t, true) }

// departed is an instance on host a that a process has begun to move to host b while it runs. Then the
// process was killed.
func departed(t *testing.T, w *world) (uuid string) {
	t.Helper()
	uuid = w.created(t, "a").UUID
	w.live = true
	dead := false
	for name := range w.hosts {
		w.inject(t, name, func(c fakehost.Call) fakehost.Fault {
			switch {
			case dead:
				return fakehost.Fault{Before: host.ErrUnreachable}
			case c.Method == "Migrate":
				dead = true
				return fakehost.Fault{After: host.ErrUnreachable}
			}
			return fakehost.Fault{}
		})
	}
	if on, err := applyBy(t.Context(), w.process(), "a", uuid, only("b"), true); err == nil || on != "a" || !dead {
		t.Fatalf("it is on %s, %v", on, err)
	}
	w.guarded(t)
	f := w.process() // that process is dead, and its lease is over
	rec := must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Get(t.Context(), "default/it"))
	p := rec.Value
	p.Hold(lease.Lease{Holder: leasetest.Dead(t)})
	must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Replace(t.Context(), rec.Key, rec.Revision, p))
	return uuid
}

// The hosts go on without the process that asked for the move, and the next look at the instance waits for
// them. A create does not.
func TestALiveMoveGoesOnWithoutItsProcess(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := departed(t, w)
		began := time.Now()
		if _, _, err := create(t.Context(), w.process(), request("other", 64), only("h")); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("another create took %s", took)
		}
		_, on, err := w.process().Refresh(t.Context(), "a", uuid)
		if took := time.Since(began); err != nil || on.Name != "b" || took < w.hosts["a"].MigrationTime {
			t.Errorf("after %s, it is on %v, %v", took, on, err)
		}
		if got := w.placements(t); !slices.Contains(got, "it on b (placed)") {
			t.Errorf("the placements are %q", got)
		}
		w.applied(t, "b", uuid, "b", "the hosts were done")
		w.isOn(t, "b", uuid, "the hosts were done")
	})
}

// A move that does not get on is given up, also without the process that asked for it.
func TestALiveMoveThatStallsIsGivenUp(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		w.hosts["a"].MigrationTime = 24 * time.Hour
		uuid := departed(t, w)
		began := time.Now()
		_, on, err := w.process().Refresh(t.Context(), "a", uuid)
		if took := time.Since(began); err != nil || on.Name != "a" || took > 2*host.StallTime {
			t.Errorf("after %s, it is on %v, %v", took, on, err)
		}
		w.hosts["a"].MigrationTime = time.Second
		w.applied(t, "a", uuid, "b", "afterwards")
		w.isOn(t, "b", uuid, "afterwards")
	})
}

// A guest that was switched off since is where it was last, even if no host remembers why it is off.
func TestAGuestThatWasSwitchedOffAfterItsMove(t *testing.T) {
	for name, forget := range map[string]bool{"and its old host remembers": false, "and no host remembers": true} {
		inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
			uuid := departed(t, w)
			time.Sleep(2 * w.hosts["a"].MigrationTime)
			w.live = false
			if err := w.hosts["b"].DestroyDomain(t.Context(), uuid); err != nil {
				t.Fatal(err)
			}
			if forget {
				w.hosts["a"].Forget()
			}
			_, on, err := w.process().Refresh(t.Context(), "a", uuid)
			if err != nil || on.Name != "b" {
				t.Errorf("%s: it is on %v, %v", name, on, err)
			}
			w.applied(t, "b", uuid, "b", name)
			w.isOn(t, "b", uuid, name)
		})
	}
}

// If a daemon crashes, the guest stays, and the apply says so.
func TestADaemonCrashesDuringALiveMove(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		w.live = true
		w.guarded(t)
		time.AfterFunc(w.hosts["a"].MigrationTime/2, func() { w.hosts["a"].Interrupt(uuid) })
		on, err := applyBy(t.Context(), w.process(), "a", uuid, only("b"), true)
		if !errors.Is(err, host.ErrUnreachable) || on != "a" {
			t.Errorf("it is on %s, %v", on, err)
		}
		w.isOn(t, "a", uuid, "after the crash")
		w.applied(t, on, uuid, "b", "afterwards")
		w.isOn(t, "b", uuid, "afterwards")
	})
}

// An apply that is cancelled while the guest moves leaves it where it is.
func TestALiveMoveIsCancelled(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		w.live = true
		w.guarded(t)
		ctx, cancel := context.WithTimeout(t.Context(), w.hosts["a"].MigrationTime/2)
		defer cancel()
		on, err := applyBy(ctx, w.process(), "a", uuid, only("b"), true)
		if !errors.Is(err, context.DeadlineExceeded) || on != "a" {
			t.Errorf("it is on %s, %v", on, err)
		}
		w.isOn(t, "a", uuid, "cancelled")
	})
}

// A host that is lost is not asked. If the guest had arrived, it is on its new host. If that is lost, its disks
// are still on the old one, as they were when it went away.
func TestALiveMoveEndsWithoutALostHost(t *testing.T) {
	for _, c := range []struct {
		interrupted bool
		lost, has   string // "" if the instance is lost
	}{{false, "a", "b"}, {false, "b", "a"}, {true, "a", ""}, {true, "b", "a"}} {
		inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
			uuid := departed(t, w)
			if c.interrupted {
				w.hosts["a"].Interrupt(uuid)
			}
			time.Sleep(2 * w.hosts["a"].MigrationTime)
			w.live = false
			w.loses(t, c.lost)
			_, at, err := w.process().Read(t.Context(), "a", uuid)
			if isLost(err) != (c.has == "") || err == nil && at.Name != c.has {
				t.Errorf("interrupted %t, without %s: it is on %v, %v", c.interrupted, c.lost, at, err)
			}
			if c.has == "" {
				return
			}
			if got := w.placements(t); !slices.Contains(got, "it on "+c.has+" (placed)") {
				t.Errorf("interrupted %t, without %s: the placements are %q", c.interrupted, c.lost, got)
			}
			data := must.Get[[]byte](t)(w.hosts[c.has].ReadVolumeAt(t.Context(), thePool, dataDisk, markerAt,
				int64(len(marker))))
			if string(data) != marker {
				t.Errorf("interrupted %t, without %s: its disk has %q", c.interrupted, c.lost, data)
			}
		})
	}
}

// What cannot be moved while it runs is refused while planning, with the reason, and is not shut down
// instead.
func TestWhatCannotBeMovedWhileItRuns(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, w *world, uuid string)
		at    string
		why   string
	}{
		"no peer": {func(_ *testing.T, w *world, _ string) {
			w.alone = true
		}, "on_host_change", "b: the provider's configuration has no peer for it"},
		"paused": {func(_ *testing.T, w *world, uuid string) {
			w.hosts["a"].Pause(uuid)
		}, "on_host_change", "it is paused"},
		"another processor": {func(_ *testing.T, w *world, _ string) {
			w.hosts["b"].CannotRun = func(string) string { return "it lacks avx512f" }
		}, "on_host_change", "b: it cannot run the guest: it lacks avx512f"},
		"another QEMU": {func(_ *testing.T, w *world, _ string) {
			w.hosts["b"].HasVersion = "8.0.0"
		}, "on_host_change", "it has QEMU 8.0.0, and the guest's host 7.2.0, and the guest has the cpu_type maximum"},
		"another disk": {func(t *testing.T, w *world, uuid string) {
			must.Get[host.Volume](t)(w.hosts["a"].CreateVolume(t.Context(), thePool, host.VolumeSpec{
				Name: "more", Format: "raw", Capacity: 1 << 20,
			}))
			disk := host.DiskSpec{Name: "more", Target: "vdz", Path: "/pool/more", Format: "raw"}
			if err := w.hosts["a"].PlugDisk(t.Context(), uuid, disk); err != nil {
				t.Fatal(err)
			}
		}, "on_host_change", `its guest has the disk vdz, "/pool/more", which its definition does not have`},
		"full": {func(t *testing.T, w *world, _ string) {
			if _, _, err := create(t.Context(), w.process(), request("other", 60<<10), only("b")); err != nil {
				t.Fatal(err)
			}
		}, "placement", "MiB of memory short"},
	} {
		inWorld(t, provision.Limits{VCPUs: 4, Memory: 0.95}, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
			uuid := w.created(t, "a").UUID
			c.spoil(t, w, uuid)
			w.live = true
			w.guarded(t)
			f := w.process()
			i, on, err := f.Read(t.Context(), "a", uuid)
			if err != nil {
				t.Fatal(err)
			}
			b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
			_, planned := f.PlanMove(t.Context(), on, i, b, only("b"), true)
			_, _, moved := f.Move(t.Context(), on, i, only("b"), provision.Change{
				Blueprint: &b, AllowRestart: true, Options: movable().Options,
			}, true)
			for doing, err := range map[string]error{"planned": planned, "moved": moved} {
				list, is := errors.AsType[finding.List](err)
				if !is || !strings.Contains(err.Error(), c.why) || doing == "planned" && list[0].Path.String() != c.at {
					t.Errorf("%s: %s with %v", name, doing, err)
				}
			}
			if got := w.hosts["a"].Guests(); !slices.Contains(got, uuid) || slices.Contains(w.domains(t, "b"), "it") {
				t.Errorf("%s: it was touched", name)
			}
		})
	}
}

// A disk that the guest gets when it is started the next time is copied.
func TestDisksThatTheGuestDoesNotHaveYetAreCopied(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		const later = "nova.disk.default.it.later.qcow2"
		must.Get[host.Volume](t)(w.hosts["a"].CreateVolume(t.Context(), thePool, host.VolumeSpec{
			Name: later, Format: "qcow2", Capacity: 8 << 20,
		}))
		w.upload(t, "a", later, marker, markerAt)
		disk := host.DiskSpec{Name: "later", Target: "vdz", Path: "/pool/" + later, Format: "qcow2"}
		if err := w.hosts["a"].RedefineDomain(t.Context(), uuid, host.DomainChange{AddDisk: &disk}); err != nil {
			t.Fatal(err)
		}
		w.live = true
		w.guarded(t)
		f := w.process()
		i, on, err := f.Read(t.Context(), "a", uuid)
		if err != nil {
			t.Fatal(err)
		}
		b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
		m := &move{fleet: f, live: true, where: only("b"), from: on}
		if m.cargo, err = on.load(t.Context(), i, b, true); err == nil {
			err = m.run(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, volume := range map[string]string{"later": later, "data": dataDisk} {
			got := must.Get[[]byte](t)(w.hosts["b"].ReadVolumeAt(t.Context(), thePool, volume, markerAt,
				int64(len(marker))))
			if string(got) != marker {
				t.Errorf("the disk %s has %q", name, got)
			}
		}
	})
}

// A guest that is off is moved as by any move, and so is one that is to be off.
func TestAGuestThatIsOffNeedsNoPeer(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		w.alone = true
		if err := w.hosts["a"].DestroyDomain(t.Context(), uuid); err != nil {
			t.Fatal(err)
		}
		w.applied(t, "a", uuid, "b", "off")
		w.isOn(t, "b", uuid, "off")
	})
}

// Two hosts decide together where a guest is.
func TestLanding(t *testing.T) {
	off, runs := host.Passage{State: host.StateShutoff}, host.Passage{State: host.StateRunning}
	left := host.Passage{State: host.StateShutoff, Left: true}
	halted, paused := host.Passage{State: host.StatePaused, Halted: true}, host.Passage{State: host.StatePaused}
	for name, c := range map[string]struct {
		from, to    host.Passage
		arrived     bool
		there, sure bool
		fails       bool
	}{
		"it stayed":                          {runs, off, false, false, true, false},
		"it stayed, after it had arrived":    {runs, off, true, false, true, false},
		"it stayed, the rest is not yet off": {runs, halted, false, false, true, false},
		"it stayed, paused by a person":      {paused, off, false, false, true, false},
		"it stayed, halted":                  {halted, off, false, false, true, false},
		"it arrived":                         {left, runs, true, true, true, false},
		"it arrived, paused by a person":     {left, paused, true, true, true, false},
		"it arrived, its old host restarted": {off, runs, true, true, true, false},
		"it arrived, the rest is halted":     {halted, runs, true, true, true, false},
		"neither is done":                    {halted, halted, false, false, false, false},
		"the old one is off already":         {off, halted, false, false, false, false},
		"off, before it arrived":             {off, off, false, false, true, false},
		"off, after it arrived":              {off, off, true, true, true, false},
		"off, and it left for another host":  {left, off, false, false, true, true},
		"the copy was started":               {off, runs, false, false, true, true},
		"halted, and off where it arrived":   {halted, off, true, true, true, false},
		"twice":                              {runs, runs, true, false, true, true},
	} {
		there, sure, err := landing(c.from, c.to, c.arrived)
		if there != c.there || sure != c.sure || (err != nil) != c.fails {
			t.Errorf("%s: there %t, sure %t, %v", name, there, sure, err)
		}
	}
}
