package provision

import (
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func paths(all []finding.Path) []string {
	var texts []string
	for _, p := range all {
		texts = append(texts, p.String())
	}
	return texts
}

func TestDisksAreComparedByWhatTheHostHas(t *testing.T) {
	have := host.DomainDisk{Name: "data", Target: "sdc", Path: "/bulk/x.qcow2", Rotation: 7200}
	want := profile.Drive{Name: "data", Type: "hdd", Tier: "bulk"}
	for name, c := range map[string]struct {
		change func(*profile.Drive)
		home   string
		at     []string
	}{
		"the same":     {func(*profile.Drive) {}, "/bulk", nil},
		"another tier": {func(d *profile.Drive) { d.Tier = "fast" }, "/fast", []string{"storage_tier"}},
		"another type": {func(d *profile.Drive) { d.Type = "ssd" }, "/bulk", []string{"type"}},
		"no type":      {func(d *profile.Drive) { d.Type = "" }, "/bulk", []string{"type"}},
		"start":        {func(d *profile.Drive) { d.Boot = true }, "/bulk", []string{"is_boot"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := want
			c.change(&w)
			var at []string
			for _, field := range c.at {
				at = append(at, `storage_profile.disks["data"].`+field)
			}
			if got := paths(compareDisk(have, w, c.home)); !slices.Equal(got, at) {
				t.Errorf("replaced for %q, want %q", got, at)
			}
		})
	}
}

func TestMachinesAreComparedByWhatTheHostHas(t *testing.T) {
	have := profile.Machine{Sockets: 1, Cores: 1, CPU: "maximum", MemoryMiB: 64, Firmware: "bios"}
	for name, c := range map[string]struct {
		want profile.Machine
		at   []string
	}{
		"what changes in place": {profile.Machine{Sockets: 2, Cores: 4, CPU: "host-model", MemoryMiB: 128, Firmware: "bios"}, nil},
		"another CPU":           {profile.Machine{Sockets: 1, Cores: 1, CPU: "Nehalem", MemoryMiB: 64, Firmware: "bios"}, []string{"hardware_profile.cpu_type"}},
		"EFI":                   {profile.Machine{CPU: "host-model", Firmware: "efi"}, []string{"hardware_profile.firmware"}},
		"GPUs": {profile.Machine{CPU: "host-model", Firmware: "bios", GPUs: 1, GPU: "10de:1eb8"},
			[]string{"hardware_profile.gpu_count", "hardware_profile.gpu_type"}},
	} {
		if got := paths(compareMachines("qemu", have, c.want)); !slices.Equal(got, c.at) {
			t.Errorf("%s: replaced for %q, want %q", name, got, c.at)
		}
	}
}

func TestDiskTargetsCountAsLinuxDoes(t *testing.T) {
	for n, want := range map[int]string{0: "vda", 1: "vdb", 25: "vdz", 26: "vdaa", 27: "vdab", 51: "vdaz", 52: "vdba", 701: "vdzz", 702: "vdaaa"} {
		if got := diskTarget(n, false); got != want {
			t.Errorf("disk %d is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "sdb", 24: "sdz", 25: "sdaa"} {
		if got := diskTarget(n, true); got != want {
			t.Errorf("disk %d on virtio-scsi is %s, want %s", n, got, want)
		}
	}
	for n := range 800 {
		for _, scsi := range []bool{true, false} {
			if got := diskPlace(diskTarget(n, scsi)); got != n {
				t.Errorf("%s is taken for disk %d, and is %d", diskTarget(n, scsi), got, n)
			}
		}
	}
}
