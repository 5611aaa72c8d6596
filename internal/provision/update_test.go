package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
)

// changed is a request for one interface, one disk and some space more.
func (s *testSite) changed(r kind.Request) kind.Request {
	two, one := int64(2), int64(1)
	r.Labels = map[string]string{"team": "b"}
	r.Network = &profile.Network{Interfaces: map[string]profile.Interface{"eth0": {}, "eth1": {}}}
	r.Storage = &profile.Storage{Disks: map[string]profile.Disk{
		"system": {}, "data": {SizeGB: &two, Tier: r.Storage.Disks["data"].Tier}, "more": {SizeGB: &one},
	}}
	return r
}

// update changes an instance to what a request asks for.
func (s *testSite) update(ctx context.Context, uuid string, r kind.Request, restart bool) (kind.Instance, error) {
	i, err := s.p.Read(ctx, uuid)
	if err != nil {
		return i, err
	}
	b, err := s.p.BlueprintOf(ctx, i, r)
	if err != nil {
		return i, err
	}
	return s.p.Update(ctx, uuid, Change{Description: r.Description, Blueprint: &b, AllowRestart: restart,
		Options: r.Options})
}

// has expects a definition, and the guest if it runs, to have these devices, and volumes for its
// disks alone.
func (s *testSite) has(t *testing.T, uuid string, disks, nics []string) {
	t.Helper()
	d := must.Get[host.Domain](t)(s.Domain(t.Context(), uuid))
	live := must.Get[host.Hardware](t)(s.Hardware(t.Context(), uuid))
	for what, got := range map[string]struct {
		disks []host.DomainDisk
		nics  []host.DomainInterface
	}{"the definition": {d.Disks, d.Interfaces}, "the guest": {live.Disks, live.Interfaces}} {
		var gotDisks, gotNICs []string
		for _, disk := range got.disks {
			if disk.Name != "" {
				gotDisks = append(gotDisks, disk.Name)
			}
		}
		for _, nic := range got.nics {
			gotNICs = append(gotNICs, nic.Name)
		}
		slices.Sort(gotDisks)
		if slices.Sort(gotNICs); !slices.Equal(gotDisks, disks) || !slices.Equal(gotNICs, nics) {
			t.Errorf("%s has %q and %q, want %q and %q", what, gotDisks, gotNICs, disks, nics)
		}
	}
	if volumes := s.volumes(t); len(volumes) != len(disks)+2 { // and seed and console
		t.Errorf("its volumes are %q", volumes)
	}
}

func TestARunningInstanceIsChanged(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("linked_clone")
		made := s.made(t, r)
		after, err := s.update(t.Context(), made.UUID, s.changed(r), false)
		if err != nil {
			t.Fatal(err)
		}
		s.has(t, made.UUID, []string{"data", "more", "system"}, []string{"eth0", "eth1"})
		if labels := after.Facts.Labels; !after.Running() || len(labels) != 1 || labels[0].Value != "b" {
			t.Errorf("it is %s, its labels are %v", after.State, labels)
		}
		v := must.Get[host.Volume](t)(s.Volume(t.Context(), siteTier, "nova.disk.default.web.data.qcow2"))
		if v.Capacity != 2<<30 {
			t.Errorf("the disk that grew has %d bytes", v.Capacity)
		}
		_, err = s.update(t.Context(), made.UUID, r, false)
		refused, ok := errors.AsType[finding.List](err)
		if !ok || !strings.Contains(refused.Error(), `disks["data"].size_gb`) {
			t.Errorf("a disk that is to shrink: %v", err)
		}
		less := s.changed(r)
		less.Network = r.Network
		delete(less.Storage.Disks, "more")
		if _, err = s.update(t.Context(), made.UUID, less, false); err != nil {
			t.Fatal(err)
		}
		s.has(t, made.UUID, []string{"data", "system"}, []string{"eth0"})
		s.remove(t, made.UUID)
	})
}

func TestAnInstanceRestartsOnlyWhereItMay(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		made := s.made(t, r)
		memory := int64(2048)
		r.Hardware = &profile.Hardware{MemoryMB: &memory}
		_, err := s.update(t.Context(), made.UUID, r, false)
		if refused, ok := errors.AsType[finding.List](err); !ok || len(refused) != 1 {
			t.Errorf("got %v", err)
		}
		if d := must.Get[host.Domain](t)(s.Domain(t.Context(), made.UUID)); d.MemoryMiB == 2048 {
			t.Error("what was refused was done")
		}
		after, err := s.update(t.Context(), made.UUID, r, true)
		if d := must.Get[host.Domain](t)(s.Domain(t.Context(), made.UUID)); err != nil || d.MemoryMiB != 2048 ||
			!after.Running() {
			t.Errorf("it has %d MiB and is %s, %v", d.MemoryMiB, after.State, err)
		}
		r.Running = false
		if after, err = s.update(t.Context(), made.UUID, r, true); err != nil || after.State != host.StateShutoff {
			t.Errorf("it is %s, %v", after.State, err)
		}
		s.remove(t, made.UUID)
	})
}

// A guest that does not release a device in time keeps it, and the change says so.
func TestAGuestThatIgnoresItsHostIsReported(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		made := s.made(t, s.changed(r))
		less := s.changed(r)
		less.Network = r.Network
		s.Ignores = true
		ctx, cancel := context.WithTimeout(t.Context(), waitsInTest)
		defer cancel()
		_, err := s.update(ctx, made.UUID, less, false)
		if kept, ok := errors.AsType[*device.UnplugError](err); !ok || !strings.Contains(kept.Error(), "eth1") {
			t.Errorf("a guest that kept its interface: %v", err)
		}
		s.Ignores = false
		if _, err := s.update(t.Context(), made.UUID, less, false); err != nil {
			t.Error(err)
		}
		s.has(t, made.UUID, []string{"data", "more", "system"}, []string{"eth0"})
		s.remove(t, made.UUID)
	})
}

// Any request of an update may fail, in any way: the next update does what is left to do.
func TestADisturbedUpdateIsFinishedByTheNext(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				r := s.request("linked_clone")
				memory := int64(2048)
				want := s.changed(r)
				want.Hardware = &profile.Hardware{MemoryMB: &memory}
				var uuid string
				s.disturbed(t, how, func() { uuid = s.made(t, r).UUID }, func(ctx context.Context) error {
					_, err := s.update(ctx, uuid, want, true)
					return err
				}, func(error) {
					after, err := s.update(t.Context(), uuid, want, true)
					if err != nil || !after.Running() || vm.MachineOf(after).MemoryMiB != 2048 {
						t.Errorf("the next update: it is %s with %d MiB, %v",
							after.State, vm.MachineOf(after).MemoryMiB, err)
					}
					s.has(t, uuid, []string{"data", "more", "system"}, []string{"eth0", "eth1"})
					s.remove(t, uuid)
				})
			})
		})
	}
}

// reimaged gives the instance the image of version 2.0.0.
func (s *testSite) reimaged(ctx context.Context, uuid string, r kind.Request) (kind.Instance, error) {
	r.Version = "2.0.0"
	i, _, err := s.p.Reimage(ctx, uuid, r)
	return i, err
}

func TestAnInstanceGetsAnotherImage(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		made := s.made(t, r)
		after, err := s.reimaged(t.Context(), made.UUID, r)
		if err != nil {
			t.Fatal(err)
		}
		if after.UUID != made.UUID || after.Facts.Version != "2.0.0" || !after.Running() ||
			after.NICs[0].MAC != made.NICs[0].MAC ||
			after.Disks[0].Path == made.Disks[0].Path {
			t.Errorf("it was\n%+v, and is\n%+v", made, after)
		}
		s.has(t, made.UUID, []string{"data", "system"}, []string{"eth0"})
		s.remove(t, made.UUID)
	})
}

func TestAPausedInstanceIsResumed(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		uuid := s.made(t, r).UUID
		s.Pause(uuid)
		if after, err := s.update(t.Context(), uuid, s.changed(r), false); err != nil ||
			after.State != host.StateRunning {
			t.Errorf("it is %s, %v", after.State, err)
		}
		s.has(t, uuid, []string{"data", "more", "system"}, []string{"eth0", "eth1"})
		s.remove(t, uuid)
	})
}

// What a guest had in memory belongs to the old disk.
func TestASavedStateGoesWithItsDisk(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		uuid := s.made(t, r).UUID
		s.Save(uuid)
		r.Running = false
		if _, err := s.reimaged(t.Context(), uuid, r); err != nil {
			t.Fatal(err)
		}
		if must.Get[bool](t)(s.HasSavedState(t.Context(), uuid)) {
			t.Error("the guest would go on with the memory of its old disk")
		}
		s.remove(t, uuid)
	})
}

// Any request of a reimage may fail, in any way: the instance has one image or the other, runs, and
// the next reimage does what is left to do.
func TestADisturbedReimageLeavesOneImageOrTheOther(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				r := s.request("linked_clone")
				var uuid string
				s.disturbed(t, how, func() { uuid = s.made(t, r).UUID }, func(ctx context.Context) error {
					_, err := s.reimaged(ctx, uuid, r)
					return err
				}, func(error) {
					between := must.Get[kind.Instance](t)(s.p.Read(t.Context(), uuid))
					v, err := s.Volume(t.Context(), sitePool, systemVolume(between))
					if err != nil || v.Backing == nil || between.Facts.Version == "1.0.0" && !between.Running() {
						t.Errorf("with version %s it is %s, on %+v, %v",
							between.Facts.Version, between.State, v.Backing, err)
					}
					after, err := s.reimaged(t.Context(), uuid, r)
					if err != nil || !after.Running() || after.Facts.Version != "2.0.0" {
						t.Errorf("the next reimage: it is %s with version %s, %v",
							after.State, after.Facts.Version, err)
					}
					s.has(t, uuid, []string{"data", "system"}, []string{"eth0"})
					s.remove(t, uuid)
				})
			})
		})
	}
}

// The host may carry out the change of a definition after its caller has given up: the disk that it
// names stays.
func TestALateSwapFindsItsDisk(t *testing.T) {
	for _, repeated := range []bool{true, false} {
		t.Run(fmt.Sprintf("repeated %t", repeated), func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				r := s.request("linked_clone")
				uuid := s.made(t, r).UUID
				failed := 0
				s.Inject = func(c fakehost.Call) fakehost.Fault {
					if c.Method != "RedefineDomain" || failed > 0 && repeated {
						return fakehost.Fault{}
					}
					failed++
					return fakehost.Fault{Before: host.ErrNoAnswer, Late: 4}
				}
				_, err := s.reimaged(t.Context(), uuid, r)
				s.Inject = nil
				if repeated && (err != nil || failed != 1) || !repeated && !errors.Is(err, host.ErrNoAnswer) {
					t.Errorf("%d requests failed: %v", failed, err)
				}
				for range 8 { // the late request is carried out before one of these
					must.Get[host.Domain](t)(s.Domain(t.Context(), uuid))
				}
				between := must.Get[kind.Instance](t)(s.p.Read(t.Context(), uuid))
				if _, err := s.Volume(t.Context(), sitePool, systemVolume(between)); err != nil ||
					between.Facts.Version != "2.0.0" {
					t.Errorf("with version %s: %v", between.Facts.Version, err)
				}
				if _, err := s.reimaged(t.Context(), uuid, r); err != nil {
					t.Error(err)
				}
				s.has(t, uuid, []string{"data", "system"}, []string{"eth0"})
				s.remove(t, uuid)
			})
		})
	}
}

// Any request of a removal may fail, in any way: the next removal removes what is left.
func TestADisturbedRemovalIsFinishedByTheNext(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				var uuid string
				s.disturbed(t, how, func() { uuid = s.made(t, s.request("clone")).UUID },
					func(ctx context.Context) error {
						return s.p.Delete(ctx, time.Minute, uuid, "default", "web", hostid.ID{})
					}, func(error) { s.remove(t, uuid) })
			})
		})
	}
}

func TestProtectedInstancesStay(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		r.DeletionProtection = true
		made := s.made(t, r)
		err := s.p.Delete(t.Context(), 0, made.UUID, "default", "web", hostid.ID{})
		if refused, ok := errors.AsType[finding.List](err); !ok || refused[0].Path.String() != "deletion_protection" {
			t.Errorf("got %v", err)
		}
		if i, err := s.p.Read(t.Context(), made.UUID); err != nil || !i.Running() {
			t.Errorf("it is %s, %v", i.State, err)
		}
		r.DeletionProtection = false
		if _, err := s.update(t.Context(), made.UUID, r, false); err != nil {
			t.Fatal(err)
		}
		s.remove(t, made.UUID)
	})
}

// A guest that does not shut down gets its grace, and is then switched off.
func TestAGuestHasItsGrace(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		s.Ignores = true
		made := s.made(t, s.request("clone"))
		began := time.Now()
		if err := s.p.Delete(t.Context(), time.Minute, made.UUID, "default", "web", hostid.ID{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
			t.Errorf("it took %s", took)
		}
		s.empty(t)
	})
}

// The volumes of an instance whose domain was undefined by other means go with the instance.
func TestOrphanedVolumesGo(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		made := s.made(t, s.request("clone"))
		for _, err := range []error{s.DestroyDomain(t.Context(), made.UUID), s.UndefineDomain(t.Context(), made.UUID)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(s.volumes(t)) == 0 {
			t.Fatal("there are no orphans")
		}
		s.remove(t, made.UUID)
	})
}
