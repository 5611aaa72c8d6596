package vm

import (
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// card creates the functions of a card in a slot, the GPU first.
func card(bus uint, id string, functions uint) []host.PCIDevice {
	var all []host.PCIDevice
	var group []host.PCIAddress
	for f := range functions {
		group = append(group, host.PCIAddress{Bus: bus, Function: f})
	}
	for f := range functions {
		d := host.PCIDevice{Address: group[f], Class: 0x040300, ID: "10de:10f8", Group: group}
		if f == 0 {
			d.Class, d.ID, d.Name = 0x030000, id, "a card"
		}
		all = append(all, d)
	}
	return all
}

func TestGPUsAreThoseThatNobodyHas(t *testing.T) {
	machine := func(n int, id string) profile.Machine { return profile.Machine{GPUs: n, GPU: id} }
	gpus := slices.Concat(card(1, "10de:1eb8", 2), card(2, "10de:1eb8", 2), card(3, "1002:73bf", 1),
		[]host.PCIDevice{{Class: 0x060000, ID: "8086:0d57"}})
	bare := []host.PCIDevice{{Address: host.PCIAddress{Slot: 2}, Class: 0x030000, ID: "1234:1111"}}
	at := func(bus, function uint) host.PCIAddress {
		return host.PCIAddress{Bus: bus, Function: function}
	}
	for name, c := range map[string]struct {
		devices []host.PCIDevice
		taken   map[host.PCIAddress]string
		machine profile.Machine
		want    []host.PassthroughDevice
		finding string
	}{
		"one": {gpus, nil, machine(1, "10de:1eb8"),
			[]host.PassthroughDevice{{Name: "gpu-10de-1eb8-0", Address: at(1, 0)}, {Name: "gpu-10de-1eb8-0-fn1",
				Address: at(1, 1)}}, ""},
		"the other one": {gpus, map[host.PCIAddress]string{at(1, 1): `domain "db"`}, machine(1, "10de:1eb8"),
			[]host.PassthroughDevice{{Name: "gpu-10de-1eb8-0", Address: at(2, 0)}, {Name: "gpu-10de-1eb8-0-fn1",
				Address: at(2, 1)}}, ""},
		"too many": {gpus, map[host.PCIAddress]string{at(1, 0): `domain "db"`}, machine(2, "10de:1eb8"), nil,
			`hardware_profile.gpu_count: Not enough GPUs: The instance should have 2 GPUs of the type 10de:1eb8. The ` +
				`host H has 2, of which 1 are free (0000:01:00.0 is domain "db"'s).`},
		"unknown": {gpus, nil, machine(1, "10de:2204"), nil,
			`hardware_profile.gpu_type: GPU not found: The host H has no GPU of the type "10de:2204". It has: ` +
				`10de:1eb8 (a card), 1002:73bf (a card).`},
		"no GPU": {gpus, nil, machine(1, "8086:0d57"), nil,
			`hardware_profile.gpu_type: GPU not found: The host H has no GPU of the type "8086:0d57". It has: ` +
				`10de:1eb8 (a card), 1002:73bf (a card).`},
		"no GPUs at all": {nil, nil, machine(1, "10de:2204"), nil,
			`hardware_profile.gpu_type: GPU not found: The host H has no GPU of the type "10de:2204". It has none.`},
		"no IOMMU": {bare, nil, machine(1, "1234:1111"), nil,
			`hardware_profile.gpu_count: Host has no IOMMU: The host H uses no IOMMU, without which it cannot hand a ` +
				`GPU to a guest: ` +
				`switch it on in the firmware (VT-d or AMD-Vi) and the kernel (intel_iommu=on).`},
	} {
		t.Run(name, func(t *testing.T) {
			got, fs := pickGPUs(c.devices, c.taken, c.machine, "H")
			if !slices.Equal(got, c.want) {
				t.Errorf("picked %+v, want %+v", got, c.want)
			}
			if (len(fs) == 0) != (c.finding == "") || len(fs) > 0 && fs[0].Error() != c.finding {
				t.Errorf("found %v\nwant  %s", fs, c.finding)
			}
			if n, id := gpusOf(got); len(fs) == 0 && (n != c.machine.GPUs || id != c.machine.GPU) {
				t.Errorf("read back as %d of %q", n, id)
			}
		})
	}
}
