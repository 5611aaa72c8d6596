package provision

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func TestOnlySomeNetworksTag(t *testing.T) {
	const old, young = "10.10.0", "11.0.0"
	for name, c := range map[string]struct {
		network        host.Network
		byOld, byYoung bool
	}{
		"a bridge of the host":   {host.Network{}, false, true},
		"Open vSwitch":           {host.Network{Name: "ovs", Bridge: "ovs0", ForwardMode: "bridge", OpenVSwitch: true}, true, true},
		"virtual functions":      {host.Network{Name: "vfs", ForwardMode: "hostdev"}, true, true},
		"a network of a bridge":  {host.Network{Name: "lan", Bridge: "br0", ForwardMode: "bridge"}, false, true},
		"a network over macvtap": {host.Network{Name: "lan", ForwardMode: "bridge"}, false, false},
		"a network of libvirt's": {host.Network{Name: "default", Bridge: "virbr0", ForwardMode: "nat"}, false, false},
		"an isolated network":    {host.Network{Name: "lab", Bridge: "virbr1"}, false, false},
	} {
		if a, b := canTag(c.network, old), canTag(c.network, young); a != c.byOld || b != c.byYoung {
			t.Errorf("%s: libvirt %s tags: %t, %s: %t", name, old, a, young, b)
		}
	}
}

func TestPublicMeansOneInterfaceOnAPublicNetwork(t *testing.T) {
	public := []string{"public", "br0"}
	for name, c := range map[string]struct {
		nics []catalog.NIC
		ok   bool
	}{
		"a network":    {[]catalog.NIC{{Network: "default"}, {Network: "public"}}, true},
		"a bridge":     {[]catalog.NIC{{Bridge: "br0"}}, true},
		"none of them": {[]catalog.NIC{{Network: "default"}, {Bridge: "br1"}}, false},
		"nothing":      {nil, false},
	} {
		fs := checkPublic(c.nics, public)
		if (len(fs) == 0) != c.ok || !c.ok && !strings.Contains(fs[0].Detail, "They name: public, br0.") {
			t.Errorf("%s: %v", name, fs)
		}
	}
	if fs := checkPublic([]catalog.NIC{{Network: "default"}}, nil); len(fs) != 1 || !strings.Contains(fs[0].Detail, "They name none.") {
		t.Errorf("without public networks: %v", fs)
	}
}

// card makes the functions of a card in a slot, the GPU first.
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
	machine := func(n int, id string) catalog.Machine { return catalog.Machine{GPUs: n, GPU: id} }
	gpus := slices.Concat(card(1, "10de:1eb8", 2), card(2, "10de:1eb8", 2), card(3, "1002:73bf", 1),
		[]host.PCIDevice{{Class: 0x060000, ID: "8086:0d57"}})
	bare := []host.PCIDevice{{Address: host.PCIAddress{Slot: 2}, Class: 0x030000, ID: "1234:1111"}}
	at := func(bus, function uint) host.PCIAddress {
		return host.PCIAddress{Bus: bus, Function: function}
	}
	for name, c := range map[string]struct {
		devices []host.PCIDevice
		taken   map[host.PCIAddress]string
		machine catalog.Machine
		want    []host.PassthroughDevice
		finding string
	}{
		"one": {gpus, nil, machine(1, "10de:1eb8"),
			[]host.PassthroughDevice{{Name: "gpu-10de-1eb8-0", Address: at(1, 0)}, {Name: "gpu-10de-1eb8-0-fn1", Address: at(1, 1)}}, ""},
		"the other one": {gpus, map[host.PCIAddress]string{at(1, 1): `domain "db"`}, machine(1, "10de:1eb8"),
			[]host.PassthroughDevice{{Name: "gpu-10de-1eb8-0", Address: at(2, 0)}, {Name: "gpu-10de-1eb8-0-fn1", Address: at(2, 1)}}, ""},
		"too many": {gpus, map[host.PCIAddress]string{at(1, 0): `domain "db"`}, machine(2, "10de:1eb8"), nil,
			`hardware_profile.gpu_count: Not enough GPUs: The instance should have 2 GPUs of the type 10de:1eb8. The host H has 2, of which 1 are free (0000:01:00.0 is domain "db"'s).`},
		"unknown": {gpus, nil, machine(1, "10de:2204"), nil,
			`hardware_profile.gpu_type: GPU not found: The host H has no GPU of the type "10de:2204". It has: 10de:1eb8 (a card), 1002:73bf (a card).`},
		"no GPU": {gpus, nil, machine(1, "8086:0d57"), nil,
			`hardware_profile.gpu_type: GPU not found: The host H has no GPU of the type "8086:0d57". It has: 10de:1eb8 (a card), 1002:73bf (a card).`},
		"no GPUs at all": {nil, nil, machine(1, "10de:2204"), nil,
			`hardware_profile.gpu_type: GPU not found: The host H has no GPU of the type "10de:2204". It has none.`},
		"no IOMMU": {bare, nil, machine(1, "1234:1111"), nil,
			`hardware_profile.gpu_count: Host has no IOMMU: The host H uses no IOMMU, without which it cannot hand a GPU to a guest: ` +
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

func TestStaticAddressesCountWhereNoneIsSeen(t *testing.T) {
	static := func(name, mac, address string) catalog.NIC {
		return catalog.NIC{Name: name, MAC: mac, IP: (&catalog.IPConfiguration{StaticIP: &address}).Addressing()}
	}
	nics := []catalog.NIC{
		static("eth0", "52:54:00:00:00:0a", "10.0.0.5/24"), static("eth1", "52:54:00:00:00:0b", "2001:db8::5/64"),
		{Name: "eth2", MAC: "52:54:00:00:00:0c", IP: catalog.Addressing{DHCP: true}},
	}
	both := "2001:db8::c/64"
	nics[2].IP.Addresses = (&catalog.IPConfiguration{StaticIP: &both}).Addressing().Addresses // besides DHCP
	for name, c := range map[string]struct {
		seen []host.Address
		want string
	}{
		"nothing seen":                {nil, "[10.0.0.5 2001:db8::5 2001:db8::c]"},
		"a lease":                     {[]host.Address{{MAC: "52:54:00:00:00:0C", IP: "192.168.122.9"}}, "[10.0.0.5 192.168.122.9 2001:db8::5 2001:db8::c]"},
		"another than was configured": {[]host.Address{{MAC: "52:54:00:00:00:0A", IP: "192.168.122.9"}}, "[192.168.122.9 2001:db8::5 2001:db8::c]"},
		"link-local":                  {[]host.Address{{MAC: "52:54:00:00:00:0B", IP: "fe80::b"}}, "[10.0.0.5 2001:db8::5 2001:db8::c]"},
	} {
		var texts []string
		for _, a := range usable(withStatic(c.seen, nics), nics) {
			texts = append(texts, a.String())
		}
		if got := "[" + strings.Join(texts, " ") + "]"; got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
