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
		CPU: "qemu64", Name: name, UUID: fmt.Sprintf("%s%02x", spec.UUID[:len(spec.UUID)-2], n), Description: "resumed",
		Metadata: `<n:instance xmlns:n="urn:novacron:instance:1"><n:name>` + name + `</n:name></n:instance>`,
		Disks:    map[string]string{"system": filepath.Join(path, name+".qcow2")},
		Seed:     filepath.Join(path, name+".iso"), ConsoleLog: filepath.Join(path, name+".log"),
		Interfaces: []host.InterfaceSpec{nic},
	}
}

// A guest that is resumed runs with its own devices, and with none of the guest whose memory it has.
func TestAResumedGuestRunsWithItsOwnDevices(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	spec := realSpec(t, h, pool, path)
	spec.Disks, spec.ConsoleLog = spec.Disks[:1], filepath.Join(path, "console.log")
	spec.CPU = "qemu64" // libvirt describes it with its features once the guest runs
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
	do(h.StartDomain(ctx, spec.UUID), h.SaveMemory(ctx, spec.UUID, saved), h.RefreshPool(ctx, pool))
	begin := must.Get[[]byte](t)(h.ReadVolumeAt(ctx, pool, "saved", 0, host.MemoryHeadBegins))
	head := must.Get[[]byte](t)(h.ReadVolumeAt(ctx, pool, "saved", 0, int64(must.Get[int](t)(h.MemoryHeadSize(begin)))))
	id := resumed(10, spec, path)
	as, definition, err := h.MemoryHeadAs(head, id)
	do(err)
	d := must.Get[host.Domain](t)(h.DefineAs(ctx, definition, id))
	base := must.Get[host.Volume](t)(h.Volume(ctx, pool, "system"))
	for _, v := range []host.VolumeSpec{
		{Name: id.Name + ".qcow2", Format: "qcow2", Capacity: base.Capacity,
			Backing: &host.Backing{Path: base.Path, Format: "qcow2"}},
		{Name: id.Name + ".iso", Format: "raw", Capacity: 64 << 10},
	} {
		must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, v))
	}
	do(h.WriteVolume(ctx, pool, "saved", as), h.ResumeMemory(ctx, saved))

	got := must.Get[host.Domain](t)(h.Domain(ctx, id.UUID))
	const described = "check='full'"
	if got.CPU != spec.CPU || strings.Contains(definition, described) || !strings.Contains(string(as), described) {
		t.Errorf("it is defined with the processor %s, in\n%s", got.CPU, definition)
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
	do(h.DestroyDomain(ctx, id.UUID), h.UndefineDomain(ctx, id.UUID), h.UndefineDomain(ctx, spec.UUID))
}

// A guest's memory needs its disks and cards, of the same names.
func TestMemoryNeedsTheDevicesThatItHad(t *testing.T) {
	spec := fullSpec()
	efi := must.Get[string](t)(renderDomain(spec))
	spec.Firmware = ""
	definition := must.Get[string](t)(renderDomain(spec))
	id := host.Identity{
		Name: "x", UUID: spec.UUID, GenID: spec.UUID, Disks: map[string]string{}, Interfaces: spec.Interfaces,
	}
	if _, err := withIdentity(definition, id); err == nil || !strings.Contains(err.Error(), `disk "system"`) {
		t.Errorf("without its disks: %v", err)
	}
	if _, err := withIdentity(efi, id); err == nil || !strings.Contains(err.Error(), "EFI") {
		t.Errorf("with the firmware's variables of another guest: %v", err)
	}
	for _, disk := range spec.Disks {
		id.Disks[disk.Name] = "/other/" + disk.Name
	}
	id.Interfaces = id.Interfaces[1:]
	if _, err := withIdentity(definition, id); err == nil || !strings.Contains(err.Error(), `interface "eth0"`) {
		t.Errorf("without a card: %v", err)
	}
	if _, _, err := new(Memory).MemoryHeadAs([]byte(definition), id); !strings.Contains(fmt.Sprint(err),
		saveimage.ErrNotSaved.Error()) {
		t.Errorf("of another file: %v", err)
	}
}
