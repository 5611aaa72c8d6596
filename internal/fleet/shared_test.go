package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// share makes the hosts use one pool, as they have noticed: each has had an instance.
func (w *world) share(t *testing.T, first string, others ...string) {
	t.Helper()
	for _, name := range others {
		w.hosts[first].SharePool(thePool, w.hosts[name])
	}
	for _, name := range append([]string{first}, others...) {
		i := w.instance(t, "first-"+name, Where{Hosts: []string{name}})
		err := w.process().Delete(t.Context(), name, 0, i.UUID, naming.DefaultTenant, "first-"+name, hostid.ID{})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// copies counts the requests by which volumes are written.
func (w *world) copies(t *testing.T) *int {
	n := 0
	for name := range w.hosts {
		w.inject(t, name, func(c fakehost.Call) fakehost.Fault {
			if c.Method == "Upload" && strings.Contains(c.Object, ".it.") {
				n++
			}
			return fakehost.Fault{}
		})
	}
	return &n
}

// whole checks that one host of those that share a pool has the instance, which runs there with its disks.
func (w *world) whole(t *testing.T, on, uuid, when string, others ...string) {
	t.Helper()
	if got := w.placements(t); !slices.Equal(got, []string{"it on " + on + " (placed)"}) {
		t.Errorf("%s, the placements are %q", when, got)
	}
	h := w.hosts[on]
	if !slices.Equal(h.Guests(), []string{uuid}) {
		t.Errorf("%s, the guests on %s are %q", when, on, h.Guests())
	}
	data := must.Get[[]byte](t)(h.ReadVolumeAt(t.Context(), thePool, dataDisk, markerAt, int64(len(marker))))
	if string(data) != marker {
		t.Errorf("%s, its disk has %q", when, data)
	}
	must.Get[host.Volume](t)(h.Volume(t.Context(), thePool, system))
	for _, other := range others {
		if has := w.domains(t, other); slices.Contains(has, "it") {
			t.Errorf("%s, host %s has %q", when, other, has)
		}
	}
}

// Between hosts that share a pool, a move copies nothing, and both have one image.
func TestHostsThatShareAPoolMoveWithoutCopies(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		w.share(t, "a", "b")
		uuid := w.created(t, "a").UUID
		copied := w.copies(t)
		w.applied(t, "a", uuid, "b", "moved")
		w.whole(t, "b", uuid, "moved", "a")
		w.applied(t, "b", uuid, "a", "moved back")
		w.whole(t, "a", uuid, "moved back", "b")
		if *copied > 0 {
			t.Errorf("%d volumes were copied", *copied)
		}
		w.guarded(t)
		w.applied(t, "a", uuid, "h", "to a pool of its own") // and from a pool that is shared
		w.isOn(t, "h", uuid, "to a pool of its own")
	})
}

// A process that is killed at any change of such a move leaves what the next apply settles, and no volume is lost.
func TestAKilledMoveInASharedPoolLosesNothing(t *testing.T) {
	for how, fault := range map[string]fakehost.Fault{
		"before": {Before: host.ErrUnreachable}, "after": {After: host.ErrUnreachable},
	} {
		for _, to := range []string{"a", "b"} {
			t.Run(how+" "+to, func(t *testing.T) {
				t.Parallel()
				inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
					w.share(t, "a", "b")
					uuid, met := w.created(t, "a").UUID, "."
					other := map[string]string{"a": "b", "b": "a"}[to]
					for n := 1; met != ""; n += stride() {
						if n > 100 {
							t.Fatal("it makes more than 100 changes")
						}
						met = w.killed(t, n, fault, uuid)
						when := fmt.Sprintf("killed at change %d, %s", n, met)
						if _, _, err := w.process().Refresh(t.Context(), "a", uuid); err != nil {
							t.Errorf("%s: %v", when, err)
						}
						w.applied(t, "a", uuid, to, when)
						w.whole(t, to, uuid, when, other)
						if t.Failed() {
							return
						}
						w.applied(t, to, uuid, "a", when)
						w.whole(t, "a", uuid, when, "b")
					}
				})
			})
		}
	}
}

// What removes volumes by an instance's name spares those of the instance on another host that shares the pool.
func TestVolumesOfAnotherHostStay(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		w.share(t, "a", "b")
		uuid := w.created(t, "a").UUID
		f := w.process()
		b := memberOf(t, f, "b")
		if err := b.Clear(t.Context(), "it", ""); err != nil {
			t.Error(err)
		}
		w.whole(t, "a", uuid, "after host b cleared what has no domain there", "b")

		// without a placement, as before the configuration named its hosts
		rec := must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Get(t.Context(), "default/it"))
		if err := f.placements.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
			t.Fatal(err)
		}
		_, on, err := create(t.Context(), w.process(), movable(), Where{Hosts: []string{"b"}})
		if err == nil {
			t.Errorf("another one is on %s", on)
		}
		must.Get[host.Volume](t)(w.hosts["a"].Volume(t.Context(), thePool, dataDisk))
		must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Create(t.Context(), rec.Key, rec.Value))
		w.whole(t, "a", uuid, "after a create on host b", "b")

		// a domain that other means have left there
		definition := must.Get[string](t)(w.hosts["a"].Definition(t.Context(), uuid))
		d := must.Get[host.Domain](t)(w.hosts["a"].Domain(t.Context(), uuid))
		files := map[string]string{}
		for _, name := range must.Get[[]string](t)(w.hosts["a"].VolumeNames(t.Context(), thePool)) {
			files["/pool/"+name] = "/pool/" + name
		}
		must.Get[host.Domain](t)(w.hosts["b"].DefineRelocated(t.Context(), definition, host.Relocation{
			Name: d.Name, UUID: uuid, Metadata: d.Metadata, Files: files,
		}))
		err = b.Delete(t.Context(), 0, uuid, naming.DefaultTenant, "it", hostid.ID{})
		if _, shared := errors.AsType[*provision.SharedError](err); !shared {
			t.Errorf("got %v", err)
		}
		must.Get[host.Volume](t)(w.hosts["a"].Volume(t.Context(), thePool, dataDisk))
		if err := w.hosts["b"].UndefineDomain(t.Context(), uuid); err != nil {
			t.Fatal(err)
		}
		w.whole(t, "a", uuid, "in the end", "b")
	})
}

// A host that is silent keeps no instance from being created or removed on the others.
func TestASilentHostOfASharedPoolBlocksNoOtherHost(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		w.share(t, "a", "b")
		w.hosts["b"].Inject = silent
		i := w.instance(t, "it", Where{Hosts: []string{"a"}})
		must.Get[host.Volume](t)(w.hosts["a"].Volume(t.Context(), thePool, system))
		err := w.process().Delete(t.Context(), "a", 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{})
		if err != nil {
			t.Error(err)
		}
		// Volumes without a domain may be those of an instance there.
		must.Get[host.Volume](t)(w.hosts["a"].CreateVolume(t.Context(), thePool, host.VolumeSpec{
			Name: system, Format: "raw", Capacity: 1 << 20,
		}))
		if _, on, err := create(t.Context(), w.process(), request("it", 64), Where{Hosts: []string{"a"}}); err == nil {
			t.Errorf("it is on %s", on)
		}
		if err := memberOf(t, w.process(), "a").Clear(t.Context(), "it", ""); err == nil {
			t.Error("what may be the disk of an instance on a silent host is removed")
		}
		must.Get[host.Volume](t)(w.hosts["a"].Volume(t.Context(), thePool, system))
		w.hosts["b"].Inject = nil
		if _, on, err := create(t.Context(), w.process(), request("it", 64), Where{Hosts: []string{"a"}}); err != nil {
			t.Errorf("it is on %s, %v", on, err)
		}
	})
}

// The image stays while an instance on any host of the pool stands on it, and while one of them is silent.
func TestAnImageInASharedPoolStaysForAllHosts(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		w.share(t, "a", "b")
		i := w.instance(t, "it", Where{Hosts: []string{"b"}})
		// only its domain says what it stands on, as if its disk were in a pool that is not active
		if err := w.hosts["b"].DeleteVolume(t.Context(), thePool, system); err != nil {
			t.Fatal(err)
		}
		_, stores := w.open(naming.DefaultTenant)
		base := func() bool {
			base, err := stores["a"].Base(t.Context(), i.Facts.Digest)
			return err == nil && base.State == catalog.BaseReady
		}
		collect := func() error {
			time.Sleep(60 * 24 * time.Hour)
			return stores["a"].CollectCopies(t.Context(), stores["h"])
		}
		if err := collect(); err != nil || !base() {
			t.Errorf("the image is gone from under an instance on host b: %v", err)
		}
		w.hosts["b"].Inject = silent
		if err := collect(); err == nil {
			t.Error("images are collected while a host is silent that shares the pool")
		}
		w.hosts["b"].Inject = nil
		if !base() {
			t.Error("the image is gone while a host is silent")
		}
		if err := w.hosts["b"].UndefineDomain(t.Context(), i.UUID); err != nil {
			t.Fatal(err)
		}
		if err := collect(); err != nil || base() {
			t.Errorf("the copy stays without an instance: %v", err)
		}
	})
}

// A pool that was copied to another host is not shared.
func TestACopyOfAPoolIsNotShared(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		for _, name := range must.Get[[]string](t)(w.hosts["a"].VolumeNames(t.Context(), thePool)) {
			if strings.HasPrefix(name, "nova.pool.") {
				v := must.Get[host.Volume](t)(w.hosts["a"].Volume(t.Context(), thePool, name))
				content := must.Get[[]byte](t)(w.hosts["a"].ReadVolume(t.Context(), thePool, name, int64(v.Capacity)))
				w.hosts["b"].PutFile(thePool, name, content)
			}
		}
		f := w.process()
		b := memberOf(t, f, "b")
		must.Get[host.Volume](t)(w.hosts["b"].CreateVolume(t.Context(), thePool, host.VolumeSpec{
			Name: dataDisk, Format: "raw", Capacity: 1 << 20,
		}))
		w.guarded(t)
		if on, err := apply(t.Context(), f, "a", uuid, only("b")); err == nil {
			t.Errorf("it is on %s, although %s has a disk of its own", on, b.Name)
		}
		must.Get[host.Volume](t)(w.hosts["b"].Volume(t.Context(), thePool, dataDisk))
		if err := w.hosts["b"].DeleteVolume(t.Context(), thePool, dataDisk); err != nil {
			t.Fatal(err)
		}
		w.applied(t, "a", uuid, "b", "copied")
		w.isOn(t, "b", uuid, "copied")
	})
}

// A host that has not had an instance yet notices the pool that it shares when the first one moves there.
func TestAHostNoticesAPoolThatItShares(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		w.hosts["a"].SharePool(thePool, w.hosts["b"])
		uuid, copied := w.created(t, "a").UUID, w.copies(t)
		f := w.process()
		i, on, err := f.Read(t.Context(), "a", uuid)
		if err != nil {
			t.Fatal(err)
		}
		b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
		course, err := f.PlanMove(t.Context(), on, i, b, only("b"), false)
		if err != nil || course.Only == nil || course.Bytes > 0 {
			t.Errorf("the plan: %+v, %v", course, err)
		}
		w.applied(t, "a", uuid, "b", "moved")
		w.whole(t, "b", uuid, "moved", "a")
		if *copied > 0 {
			t.Errorf("%d volumes were copied", *copied)
		}
	})
}

// The hosts of a live move would copy each disk of a shared pool to itself, so there is none.
func TestGuestsAreNotMovedInASharedPoolWhileTheyRun(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		w.share(t, "a", "b")
		uuid := w.created(t, "a").UUID
		f := w.process()
		i, on, err := f.Read(t.Context(), "a", uuid)
		if err != nil {
			t.Fatal(err)
		}
		b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
		_, err = f.PlanMove(t.Context(), on, i, b, only("b"), true)
		if err == nil || !strings.Contains(err.Error(), "b: it shares the guest's storage pool") {
			t.Errorf("the plan: %v", err)
		}
		if on, err := applyBy(t.Context(), w.process(), "a", uuid, only("b"), true); err == nil || on != "a" {
			t.Errorf("it is on %s, %v", on, err)
		}
		w.whole(t, "a", uuid, "not moved", "b")
	})
}

func memberOf(t *testing.T, f *Fleet, name string) *Member {
	t.Helper()
	m, known := f.Member(name)
	if !known {
		t.Fatal(name)
	}
	return m
}
