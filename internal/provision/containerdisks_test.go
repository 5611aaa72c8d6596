package provision

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// dataDisk is the volume of the disk data of the container web.
func dataDisk() string { return naming.ContainerDisk(naming.DefaultTenant, "web", 'd', "data") }

// A disk that is dropped is known until its volume is gone.
func TestADroppedDiskOfAContainerGoesWhole(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		i := s.made(t, contained("linked_clone"))
		less := contained("linked_clone")
		delete(less.Storage.Disks, "data")
		for _, method := range []string{"DeleteVolume", "RedefineDomain"} {
			synctest.Wait()
			deleted := method == "DeleteVolume"
			s.Inject = func(c fakehost.Call) fakehost.Fault {
				if c.Method == method && deleted {
					return fakehost.Fault{Before: errors.New("no")}
				}
				deleted = deleted || c.Method == "DeleteVolume"
				return fakehost.Fault{}
			}
			b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(t.Context(), i, less))
			_, err := s.p.Update(t.Context(), i.UUID, Change{Blueprint: &b, AllowRestart: true, Options: less.Options})
			synctest.Wait()
			s.Inject = nil
			now := must.Get[kind.Instance](t)(s.p.Read(t.Context(), i.UUID))
			diff, _, _ := s.p.Compare(t.Context(), now, b)
			if err == nil || len(diff.Devices.DropDisks) != 1 {
				t.Errorf("%s fails: %v, and then it differs by %+v", method, err, diff.Devices)
			}
		}
		s.applied(t, i.UUID, less)
		if now := must.Get[kind.Instance](t)(s.p.Read(t.Context(), i.UUID)); len(now.Disks) != 1 || len(s.data(t)) > 0 {
			t.Errorf("it has %+v, with %q", now.Disks, s.volumes(t))
		}
		s.remove(t, i.UUID)
	})
}

// data are the volumes of the disk data.
func (s *testSite) data(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(s.volumes(t), func(name string) bool { return name != siteTier+"/"+dataDisk() })
}

// A disk that comes back keeps what it may hold.
func TestADiskOfAContainerThatComesBack(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		ctx := t.Context()
		i := s.made(t, contained("linked_clone"))
		empty := must.Get[[]byte](t)(s.ReadVolumeAt(ctx, siteTier, dataDisk(), 0, 128<<10))
		checked := slices.Clone(empty)
		checked[1024+0x40] = 1 // the time of a check, which counts no mount
		other := slices.Clone(empty)
		copy(other[1024+0x78:], "backup\x00\x00\x00")
		foreign := make([]byte, 128<<10)
		copy(foreign, "LUKS")
		for name, c := range map[string]struct {
			holds         []byte
			kept, refused bool
		}{
			"unused":       {empty, false, false},
			"incomplete":   {make([]byte, 128<<10), false, false},
			"checked":      {checked, true, false},
			"of a backup":  {other, true, false},
			"of something": {foreign, true, true},
		} {
			must.Get[struct{}](t)(struct{}{}, s.Containers().RedefineDomain(ctx, i.UUID,
				host.DomainChange{RemoveFilesystem: "/.nova/disks/data"}))
			holds := slices.Concat(c.holds, []byte("mine"))
			must.Get[struct{}](t)(struct{}{}, s.WriteVolume(ctx, siteTier, dataDisk(), holds))
			r := contained("linked_clone")
			now := must.Get[kind.Instance](t)(s.p.Read(ctx, i.UUID))
			b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(ctx, now, r))
			_, err := s.p.Update(ctx, i.UUID, Change{Blueprint: &b, AllowRestart: true, Options: r.Options})
			got := must.Get[[]byte](t)(s.ReadVolumeAt(ctx, siteTier, dataDisk(), 128<<10, 4))
			if (err != nil) != c.refused || (string(got) == "mine") != c.kept {
				t.Errorf("a disk %s: %v, and it holds %q", name, err, got)
			}
		}
		s.remove(t, i.UUID)
	})
}

// A running container that does not grow its disks is not waited for without end.
func TestADiskOfAContainerThatDoesNotGrow(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		two := int64(2)
		for name, set := range map[string]func(deaf bool){
			"it is deaf": func(deaf bool) { s.Ignores = deaf },
			"libvirt does not know its process": func(deaf bool) {
				if s.Inject = nil; deaf {
					s.Inject = func(c fakehost.Call) fakehost.Fault {
						if c.Method == "SignalContainer" {
							return fakehost.Fault{Before: host.ErrOperationInvalid}
						}
						return fakehost.Fault{}
					}
				}
			},
		} {
			i := s.made(t, contained("linked_clone"))
			more := contained("linked_clone")
			disk := more.Storage.Disks["data"]
			disk.SizeGB = &two
			more.Storage.Disks["data"] = disk
			b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(t.Context(), i, more))
			synctest.Wait()
			set(true)
			begun := time.Now()
			ctx, cancel := bounded(t.Context())
			_, err := s.p.Update(ctx, i.UUID, Change{Blueprint: &b, AllowRestart: true, Options: more.Options})
			cancel()
			synctest.Wait()
			set(false)
			if _, refused := errors.AsType[*container.GrowError](err); !refused || time.Since(begun) > time.Minute {
				t.Errorf("%s: %v, after %s", name, err, time.Since(begun))
			}
			s.remove(t, i.UUID)
		}
	})
}
