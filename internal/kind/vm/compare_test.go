package vm

import (
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
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
		"what changes in place": {profile.Machine{
			Sockets:   2,
			Cores:     4,
			CPU:       "host-model",
			MemoryMiB: 128,
			Firmware:  "bios",
		},
			nil},
		"another CPU": {profile.Machine{Sockets: 1, Cores: 1, CPU: "Nehalem", MemoryMiB: 64, Firmware: "bios"},
			[]string{"hardware_profile.cpu_type"}},
		"EFI": {profile.Machine{CPU: "host-model", Firmware: "efi"}, []string{"hardware_profile.firmware"}},
		"GPUs": {profile.Machine{CPU: "host-model", Firmware: "bios", GPUs: 1, GPU: "10de:1eb8"},
			[]string{"hardware_profile.gpu_count", "hardware_profile.gpu_type"}},
	} {
		if got := paths(compareMachines("qemu", have, c.want)); !slices.Equal(got, c.at) {
			t.Errorf("%s: replaced for %q, want %q", name, got, c.at)
		}
	}
}

// An interface that was removed by other means comes back with its former MAC address, unless
// another is requested.
func TestCardsComeBackAsTheyWere(t *testing.T) {
	i := kind.Instance{NICs: []profile.NIC{testNIC("eth0", "52:54:00:00:00:0a")}}
	had := []profile.NIC{i.NICs[0], testNIC("eth1", "52:54:00:00:00:0b"), testNIC("eth2", "52:54:00:00:00:0c"),
		testNIC("", "52:54:00:00:00:0d")}
	i.Facts.MACs = metadata.NoteMACs(had)
	marshalled, err := metadata.Facts{Tenant: "default", Name: "it", MACs: i.Facts.MACs}.Marshal()
	if err == nil {
		i.Facts, err = metadata.Parse(marshalled)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := kind.Blueprint{NICs: []profile.NIC{testNIC("eth0", ""), testNIC("eth1", ""),
		testNIC("eth2", "52:54:00:00:00:01"), testNIC("eth3", "")}}
	diff, _, err := (&Driver{}).Compare(t.Context(), i, b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, nic := range diff.Devices.AddNICs {
		got = append(got, nic.Name+"="+nic.MAC)
	}
	if want := []string{"eth1=52:54:00:00:00:0b", "eth2=52:54:00:00:00:01", "eth3="}; !slices.Equal(got, want) {
		t.Errorf("what comes is %q, want %q", got, want)
	}
}
