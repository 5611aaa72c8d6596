package vm

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// A resumed guest has the machine of its snapshot, and may have more disks and cards.
func TestABlueprintIsComparedWithItsSnapshot(t *testing.T) {
	r := newRig(t)
	snapshot := r.build(func(_ *kind.Request, b *kind.Blueprint) { b.Drives = b.Drives[:1] }).Blueprint
	for name, c := range map[string]struct {
		change func(*kind.Blueprint)
		want   string // the attribute that is wrong; "" for none
	}{
		"the same": {func(*kind.Blueprint) {}, ""},
		"a larger disk, another network, and more cards": {func(b *kind.Blueprint) {
			b.Drives[0].Size *= 2
			b.NICs[0].Network, b.NICs[0].MAC = "other", "52:54:00:00:00:01"
			b.NICs = append(b.NICs, profile.NIC{Name: "eth1", Model: "e1000"})
		}, ""},
		"more memory": {func(b *kind.Blueprint) { b.Hardware = hardware("memory") }, "hardware_profile.memory_mb"},
		"more sockets": {func(b *kind.Blueprint) { b.Hardware = hardware("sockets") },
			"hardware_profile.cpu_count"},
		"more cores": {func(b *kind.Blueprint) { b.Hardware = hardware("cores") }, "hardware_profile.cpu_cores"},
		"another processor": {func(b *kind.Blueprint) { b.Hardware = hardware("processor") },
			"hardware_profile.cpu_type"},
		"EFI": {func(b *kind.Blueprint) { b.Hardware = hardware("firmware") },
			"hardware_profile.firmware"},
		"GPUs": {func(b *kind.Blueprint) { b.Hardware = hardware("gpu") },
			"hardware_profile.gpu_count"},
		"another disk to start from": {func(b *kind.Blueprint) { b.Drives[0].Boot = false }, "storage_profile.disks"},
		"a smaller disk": {func(b *kind.Blueprint) { b.Drives[0].Size /= 2 },
			`storage_profile.disks["system"].size_gb`},
		"another type of disk": {func(b *kind.Blueprint) { b.Drives[0].Type = profile.SSD },
			`storage_profile.disks["system"].type`},
		"another name of the disk": {func(b *kind.Blueprint) { b.Drives[0].Name = "root" },
			`storage_profile.disks["root"]`},
		"another card": {func(b *kind.Blueprint) { b.NICs[0].Model = "e1000" },
			`network_profile.interfaces["eth0"].type`},
		"no card": {func(b *kind.Blueprint) { b.NICs = nil }, "network_profile.interfaces"},
	} {
		b := r.build(nil).Blueprint
		c.change(&b)
		_ = r.driver.Decide(kind.Request{Seeded: true}, &b, true)
		found := r.driver.CheckShape(b, snapshot)
		if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || found[0].Path.String() != c.want) {
			t.Errorf("%s: %v, want %s", name, found, c.want)
		}
	}
}

// hardware is a profile in which one thing is not the default.
func hardware(which string) *profile.Hardware {
	two, processor, firmware := int64(2), "qemu64", profile.EFI
	switch which {
	case "memory":
		memory := profile.DefaultMemoryMB * 2
		return &profile.Hardware{MemoryMB: &memory}
	case "sockets":
		return &profile.Hardware{CPUCount: &two}
	case "cores":
		return &profile.Hardware{CPUCores: &two}
	case "processor":
		return &profile.Hardware{CPUType: &processor}
	case "firmware":
		return &profile.Hardware{Firmware: &firmware}
	}
	gpu := "10de:1eb8"
	return &profile.Hardware{GPUCount: &two, GPUType: &gpu}
}

// No snapshot is made of what cannot be saved.
func TestAMachineThatCannotBeSavedIsRefused(t *testing.T) {
	r := newRig(t)
	for which, want := range map[string]string{
		"memory": "", "firmware": "hardware_profile.firmware", "gpu": "hardware_profile.gpu_count",
	} {
		b := r.build(func(_ *kind.Request, b *kind.Blueprint) { b.Hardware = hardware(which) }).Blueprint
		found := r.driver.CheckWarm(b)
		if want == "" && len(found) > 0 || want != "" && (len(found) != 1 || found[0].Path.String() != want) {
			t.Errorf("%s: %v, want %s", which, found, want)
		}
	}
}
