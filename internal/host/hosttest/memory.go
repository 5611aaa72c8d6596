package hosttest

import (
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// memories tests that guests are resumed from the memory of another one.
func memories(t *testing.T, s Site) {
	ctx, pool := t.Context(), s.Pool.Name
	file := func(name string) string { return s.Pool.Path + "/" + name }
	d := defined(t, s)
	fails(t, s.Host.SaveMemory(ctx, d.UUID, file("memory")), host.ErrOperationInvalid)
	done(t, s.Host.StartDomain(ctx, d.UUID))
	done(t, s.Host.SaveMemory(ctx, d.UUID, file("memory")))
	if state := must.Get[host.State](t)(s.Host.DomainState(ctx, d.UUID)); state != host.StateShutoff {
		t.Errorf("once its memory is saved, it is %s", state)
	}
	done(t, s.Host.RefreshPool(ctx, pool))
	if v := must.Get[host.Volume](t)(s.Host.Volume(ctx, pool, "memory")); v.Format != "raw" || v.Capacity == 0 {
		t.Errorf("the volume with the memory is %+v", v)
	}
	begin := must.Get[[]byte](t)(s.Host.ReadVolumeAt(ctx, pool, "memory", 0, host.MemoryHeadBegins))
	size := must.Get[int](t)(s.Host.MemoryHeadSize(begin))
	head := must.Get[[]byte](t)(s.Host.ReadVolumeAt(ctx, pool, "memory", 0, int64(size)))
	if guest := must.Get[host.SavedGuest](t)(s.Host.MemoryHead(head)); guest.Machine == "" {
		t.Error("the memory does not say which machine it needs")
	}
	if _, err := s.Host.MemoryHeadSize([]byte("QFI\xfb, and not the memory of a guest" +
		string(make([]byte, host.MemoryHeadBegins)))); err == nil {
		t.Error("another file passes as the memory of a guest")
	}
	base := must.Get[host.Volume](t)(s.Host.Volume(ctx, pool, "system"))
	as := func(seed string) (host.Identity, []byte, string) {
		t.Helper()
		other := specOf(t, s)
		must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{
			Name: other.Name, Format: "qcow2", Capacity: base.Capacity,
			Backing: &host.Backing{Path: base.Path, Format: "qcow2"},
		}))
		id := host.Identity{
			CPU: other.CPU, Name: other.Name, UUID: other.UUID, Description: "resumed", Metadata: metadata(2),
			Disks: map[string]string{"system": file(other.Name)}, Seed: seed, Interfaces: other.Interfaces,
		}
		as, definition, err := s.Host.MemoryHeadAs(head, id)
		done(t, err)
		if len(as) != len(head) {
			t.Errorf("a head of %d bytes became one of %d", len(head), len(as))
		}
		return id, as, definition
	}
	for _, seed := range []string{file("seed"), ""} {
		id, as, definition := as(seed)
		made := must.Get[host.Domain](t)(s.Host.DefineAs(ctx, definition, id))
		twin := id
		twin.UUID = s.UUID()
		_, definition, err := s.Host.MemoryHeadAs(head, twin)
		done(t, err)
		fails(t, second(s.Host.DefineAs(ctx, definition, twin)), host.ErrExists)
		done(t, s.Host.CopyVolume(ctx, pool, id.Name+".memory", "memory"))
		fails(t, s.Host.CopyVolume(ctx, pool, id.Name+".memory", "memory"), host.ErrExists)
		done(t, s.Host.WriteVolume(ctx, pool, id.Name+".memory", as))
		done(t, s.Host.ResumeMemory(ctx, file(id.Name+".memory")))
		done(t, s.Host.DeleteVolume(ctx, pool, id.Name+".memory"))
		got := must.Get[host.Domain](t)(s.Host.Domain(ctx, id.UUID))
		if got.State != host.StateRunning || made.State != host.StateShutoff || got.Name != id.Name ||
			got.Description != "resumed" || got.Interfaces[0].MAC != id.Interfaces[0].MAC || got.MemoryMiB != 64 ||
			got.CPU != "maximum" ||
			!slices.ContainsFunc(got.Disks, func(d host.DomainDisk) bool {
				return d.Name == "system" && d.Path == id.Disks["system"]
			}) || !slices.ContainsFunc(got.Disks, func(d host.DomainDisk) bool { return d.CDROM && d.Path == seed }) {
			t.Errorf("it was defined as %+v, and is resumed as %+v", made, got)
		}
	}
	notResumed(t, s, as)
}

// notResumed tests that a guest stays off if its memory or its disk is missing or not complete.
func notResumed(t *testing.T, s Site, as func(string) (host.Identity, []byte, string)) {
	ctx, pool := t.Context(), s.Pool.Name
	id, head, definition := as("")
	must.Get[host.Domain](t)(s.Host.DefineAs(ctx, definition, id))
	copied := id.Name + ".memory"
	resume := func(how string) {
		t.Helper()
		if err := s.Host.ResumeMemory(ctx, s.Pool.Path+"/"+copied); err == nil {
			t.Errorf("it was resumed with %s", how)
		}
		if state := must.Get[host.State](t)(s.Host.DomainState(ctx, id.UUID)); state != host.StateShutoff {
			t.Errorf("with %s, it is %s", how, state)
		}
	}
	resume("no memory")
	must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{Name: copied, Format: "raw",
		Capacity: uint64(len(head)) + 1<<20}))
	done(t, s.Host.WriteVolume(ctx, pool, copied, head))
	resume("memory that is cut")
	done(t, s.Host.DeleteVolume(ctx, pool, copied))
	done(t, s.Host.CopyVolume(ctx, pool, copied, "memory"))
	done(t, s.Host.WriteVolume(ctx, pool, copied, head))
	done(t, s.Host.DeleteVolume(ctx, pool, id.Name))
	resume("no disk")
}
