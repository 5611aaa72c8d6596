package domain

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/saveimage"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// resumed is the identity of a guest that is resumed from the memory of the guest of a spec.
func resumed(n int, spec host.DomainSpec, path string) host.Identity {
	name := fmt.Sprintf("%s-%d", spec.Name, n)
	nic := spec.Interfaces[0]
	nic.MAC = fmt.Sprintf("52:54:00:0a:%s:%02x", spec.UUID[:2], n)
	return host.Identity{
		Name: name, UUID: fmt.Sprintf("%s%02x", spec.UUID[:len(spec.UUID)-2], n), Description: "resumed",
		Metadata: `<n:instance xmlns:n="urn:novacron:instance:1"><n:name>` + name + `</n:name></n:instance>`,
		Disks:    map[string]string{"system": filepath.Join(path, name+".qcow2")},
		Seed:     filepath.Join(path, name+".iso"), ConsoleLog: filepath.Join(path, name+".log"),
		Interfaces: []host.InterfaceSpec{nic},
	}
}

// Two guests are resumed from the memory of one, each with a name, disk, seed and card of its own.
func TestGuestsAreResumedFromTheMemoryOfAnother(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	memory := NewMemory(h.Client)
	spec := realSpec(t, h, pool, path)
	spec.Disks, spec.ConsoleLog = spec.Disks[:1], filepath.Join(path, "console.log")
	must.Get[host.Domain](t)(h.DefineDomain(ctx, spec))
	saved := filepath.Join(path, "saved")
	do := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	virttest.WantErr(t, memory.SaveMemory(ctx, spec.UUID, saved), host.ErrOperationInvalid) // it does not run
	do(h.StartDomain(ctx, spec.UUID), memory.SaveMemory(ctx, spec.UUID, saved), h.RefreshPool(ctx, pool))
	if state := must.Get[host.State](t)(h.DomainState(ctx, spec.UUID)); state != host.StateShutoff {
		t.Errorf("once its memory is saved, it is %s", state)
	}
	begin := must.Get[[]byte](t)(h.ReadVolumeAt(ctx, pool, "saved", 0, MemoryHeadBegins))
	size := must.Get[int](t)(memory.MemoryHeadSize(begin))
	head := must.Get[[]byte](t)(h.ReadVolumeAt(ctx, pool, "saved", 0, int64(size)))

	for n := range 2 {
		id := resumed(n+10, spec, path)
		as, definition, err := memory.MemoryHeadAs(head, id)
		do(err)
		if len(as) != len(head) {
			t.Fatalf("a head of %d bytes became one of %d", len(head), len(as))
		}
		d := must.Get[host.Domain](t)(h.DefineAs(ctx, definition, id))
		_, err = h.DefineAs(ctx, strings.Replace(definition, id.UUID, spec.UUID[:35]+"f", 1), id)
		virttest.WantErr(t, err, host.ErrExists)
		base := must.Get[host.Volume](t)(h.Volume(ctx, pool, "system"))
		for _, v := range []host.VolumeSpec{
			{Name: id.Name + ".qcow2", Format: "qcow2", Capacity: base.Capacity,
				Backing: &host.Backing{Path: base.Path, Format: "qcow2"}},
			{Name: id.Name + ".iso", Format: "raw", Capacity: 64 << 10},
		} {
			must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, v))
		}
		must.Get[host.Volume](t)(h.CloneVolume(ctx, pool, host.VolumeSpec{Name: id.Name + ".memory", Format: "raw"},
			host.CloneSource{Pool: pool, Name: "saved", Format: "raw"}))
		do(h.WriteVolume(ctx, pool, id.Name+".memory", as),
			memory.ResumeMemory(ctx, filepath.Join(path, id.Name+".memory")),
			h.DeleteVolume(ctx, pool, id.Name+".memory"))

		got := must.Get[host.Domain](t)(h.Domain(ctx, id.UUID))
		if got.State != host.StateRunning || got.Name != id.Name || got.Description != "resumed" ||
			!strings.Contains(got.Metadata, id.Name) || got.Interfaces[0].MAC != id.Interfaces[0].MAC {
			t.Errorf("it is resumed as %+v", got)
		}
		live := must.Get[string](t)(liveXML(ctx, h.Client, "reading", id.UUID))
		for _, own := range []string{id.Disks["system"], id.Seed, id.ConsoleLog, id.Interfaces[0].MAC} {
			if !strings.Contains(live, own) {
				t.Errorf("what runs has no %s:\n%s", own, live)
			}
		}
		if strings.Contains(live, spec.UUID) || strings.Contains(live, "'"+spec.ConsoleLog+"'") {
			t.Errorf("what runs still has what the saved guest had:\n%s", live)
		}
		got.Status, d.Status = host.Status{}, host.Status{}
		if diff := virttest.Differ(got, d); diff != "" {
			t.Errorf("its definition has changed: %s", diff)
		}
		do(h.DestroyDomain(ctx, id.UUID), h.UndefineDomain(ctx, id.UUID))
	}
	do(h.UndefineDomain(ctx, spec.UUID))
}

// A guest's memory needs its disks and cards, of the same names.
func TestMemoryNeedsTheDevicesThatItHad(t *testing.T) {
	definition := must.Get[string](t)(renderDomain(fullSpec()))
	spec := fullSpec()
	id := host.Identity{
		Name: "x", UUID: spec.UUID, GenID: spec.UUID, Disks: map[string]string{}, Interfaces: spec.Interfaces,
	}
	if _, err := withIdentity(definition, id); err == nil || !strings.Contains(err.Error(), `disk "system"`) {
		t.Errorf("without its disks: %v", err)
	}
	for _, disk := range spec.Disks {
		id.Disks[disk.Name] = "/other/" + disk.Name
	}
	id.Interfaces = id.Interfaces[1:]
	if _, err := withIdentity(definition, id); err == nil || !strings.Contains(err.Error(), `interface "eth0"`) {
		t.Errorf("without a card: %v", err)
	}
	if _, _, err := NewMemory(nil).MemoryHeadAs([]byte(definition), id); !strings.Contains(fmt.Sprint(err),
		saveimage.ErrNotSaved.Error()) {
		t.Errorf("of another file: %v", err)
	}
}
