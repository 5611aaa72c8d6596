package device

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

func testNIC(name, mac string, change ...func(*profile.NIC)) profile.NIC {
	n := profile.NIC{Name: name, Model: "virtio", Network: "default", MAC: mac, IP: profile.Addressing{DHCP: true}}
	for _, c := range change {
		c(&n)
	}
	return n
}

// summary lists what comes (+), goes (-), is reconnected (~) and exchanged (!).
func summary(d kind.Devices) string {
	var all []string
	say := func(mark string, nics []profile.NIC) {
		for _, n := range nics {
			all = append(all, mark+n.Name+" "+n.MAC)
		}
	}
	say("+", d.AddNICs)
	say("~", d.Reconnects)
	say("!", d.Swaps)
	for _, name := range d.DropNICs {
		all = append(all, "-"+name)
	}
	for _, disk := range d.AddDisks {
		all = append(all, "+"+disk.Spec.Name+" "+disk.Spec.Target)
	}
	for _, disk := range d.DropDisks {
		all = append(all, "-"+disk.Name)
	}
	return strings.Join(all, ", ")
}

func TestInterfacesAreComparedByName(t *testing.T) {
	const macA, macB = "52:54:00:00:00:0a", "52:54:00:00:00:0b"
	have := []profile.NIC{testNIC("eth0", macA), testNIC("eth1", macB), testNIC("", "52:54:00:00:00:ff")}
	eth0 := testNIC("eth0", "")
	static := func(n *profile.NIC) {
		n.IP = profile.Addressing{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")}}
	}
	servers := func(n *profile.NIC) { n.IP.DNS = []netip.Addr{netip.MustParseAddr("10.0.0.1")} }
	const at1, at2 = `network_profile.interfaces["eth1"].`, `network_profile.interfaces["eth2"].`
	for name, c := range map[string]struct {
		want    []profile.NIC
		at      []string
		changes string
	}{
		"addresses left to chance": {[]profile.NIC{eth0, testNIC("eth1", "")}, nil, ""},
		"in another order":         {[]profile.NIC{testNIC("eth1", ""), eth0}, nil, ""},
		"the address that it has":  {[]profile.NIC{testNIC("eth0", "52:54:00:00:00:0A"), testNIC("eth1", "")}, nil, ""},
		"another address": {[]profile.NIC{eth0, testNIC("eth1", "52:54:00:00:00:0c")},
			[]string{at1 + "mac_address"}, ""},
		"each other's addresses": {[]profile.NIC{testNIC("eth0", macB), testNIC("eth1", macA)},
			[]string{`network_profile.interfaces["eth0"].mac_address`, at1 + "mac_address"}, ""},
		"one less":     {[]profile.NIC{eth0}, nil, "-eth1"},
		"none":         {nil, nil, "-eth0, -eth1"},
		"another name": {[]profile.NIC{eth0, testNIC("eth2", "")}, nil, "+eth2 , -eth1"},
		"one more": {[]profile.NIC{eth0, testNIC("eth1", ""), testNIC("eth2", "52:54:00:00:00:0c")}, nil,
			"+eth2 52:54:00:00:00:0c"},
		"plugged in somewhere else": {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) {
			n.Network,
				n.Bridge = "", "br0"
		})}, nil,
			"~eth1 " + macB},
		"a tag": {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) { n.VLAN = 7 })}, nil,
			"~eth1 " + macB},
		"a filter": {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) { n.Filter = "x" })}, nil,
			"~eth1 " + macB},
		"another model": {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) {
			n.Model, n.Filter = "e1000",
				"x"
		})}, nil,
			"!eth1 " + macB},
		"a static address": {[]profile.NIC{eth0, testNIC("eth1", "", static)},
			[]string{at1 + "ip_configuration"}, ""},
		"a DNS server": {[]profile.NIC{eth0, testNIC("eth1", "", servers)},
			[]string{at1 + "ip_configuration"}, ""},
		"one more with an address": {[]profile.NIC{eth0, testNIC("eth1", ""), testNIC("eth2", "", static)},
			[]string{at2 + "ip_configuration"}, ""},
		"one more with a server": {[]profile.NIC{eth0, testNIC("eth1", ""), testNIC("eth2", "", servers)},
			[]string{at2 + "ip_configuration"}, ""},
		"one more that asks for none": {[]profile.NIC{eth0, testNIC("eth1", ""),
			testNIC("eth2", "", func(n *profile.NIC) { n.IP.DHCP = false })}, nil, "+eth2 "},
		"one that asks for none at all": {[]profile.NIC{eth0, testNIC("eth1", "",
			func(n *profile.NIC) { n.IP.DHCP = false })}, []string{at1 + "ip_configuration"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			replaces, devices := CompareNICs(have, c.want)
			if got := paths(replaces); !slices.Equal(got, c.at) {
				t.Errorf("replaced for %q, want %q", got, c.at)
			}
			if got := summary(devices); got != c.changes {
				t.Errorf("changes are %q, want %q", got, c.changes)
			}
		})
	}
	if replaces, devices := CompareNICs(nil, nil); replaces != nil || !devices.None() {
		t.Errorf("none and none differ in %q, %q", paths(replaces), summary(devices))
	}
}

// liveDomain is a running PCI Express machine with that many root ports, and devices in the first
// of them.
func liveDomain(ports int, devices ...string) host.Hardware {
	live := host.Hardware{Devices: []host.Device{{Model: "pcie-root"}}}
	for n := range ports {
		live.Devices = append(live.Devices, host.Device{Model: "pcie-root-port", Bus: n + 1})
	}
	for n, device := range devices {
		kind, name, _ := strings.Cut(device, " ")
		target := fmt.Sprintf("vd%c", 'a'+n)
		id := host.DiskID(name)
		if kind == "nic" {
			id = host.InterfaceID(name)
			live.Interfaces = append(live.Interfaces, host.DomainInterface{Name: name, MAC: "52:54:00:00:00:0e",
				Model: "virtio"})
		} else {
			live.Disks = append(live.Disks, host.DomainDisk{Name: name, Path: "/pool/x", Target: target})
		}
		live.Devices = append(live.Devices, host.Device{ID: id, PCI: &host.PCIAddress{Bus: uint(n + 1)}, Bus: -1})
	}
	return live
}

func TestARunningGuestIsComparedToo(t *testing.T) {
	drive := func(name string) profile.Drive { return profile.Drive{Name: name, System: name == "system"} }
	disk := func(name, target string) host.DomainDisk {
		return host.DomainDisk{Name: name, Target: target, Path: "/pool/" + name, Format: "qcow2"}
	}
	add := func(name, target string, rotation uint) kind.NewDisk {
		return kind.NewDisk{Spec: host.DiskSpec{Name: name, Target: target, Rotation: rotation}, Pool: "p"}
	}
	both := kind.Instance{
		NICs:  []profile.NIC{testNIC("eth0", "52:54:00:00:00:0a")},
		Disks: []host.DomainDisk{disk("system", "vda"), disk("data", "vdb")},
	}
	want := kind.Blueprint{NICs: []profile.NIC{testNIC("eth0", "")}, Drives: []profile.Drive{drive("system"),
		drive("data")}}
	with := func(nics []profile.NIC, drives ...profile.Drive) kind.Blueprint {
		return kind.Blueprint{NICs: append(slices.Clone(want.NICs), nics...), Drives: append(slices.Clone(want.Drives),
			drives...)}
	}
	all := []string{"disk system", "disk data", "nic eth0"}
	const eth1, logs = `network_profile.interfaces["eth1"]`, `storage_profile.disks["logs"]`
	for name, c := range map[string]struct {
		blueprint kind.Blueprint
		devices   kind.Devices
		ports     int
		live      []string
		changes   string
		restarts  []string
	}{
		"as defined": {want, kind.Devices{}, 3, all, "", nil},
		"it lost a card": {want, kind.Devices{Reconnects: slices.Clone(want.NICs)}, 3, all[:2],
			"+eth0 52:54:00:00:00:0a", nil},
		"it lost a disk":     {want, kind.Devices{}, 3, []string{"disk system", "nic eth0"}, "+data vdb", nil},
		"it has a card more": {want, kind.Devices{}, 4, append(slices.Clone(all), "nic eth1"), "-eth1", nil},
		"it has a disk more": {want, kind.Devices{}, 4, append(slices.Clone(all), "disk logs"), "-logs", nil},
		"it has a new card already": {with([]profile.NIC{testNIC("eth1", "")}),
			kind.Devices{AddNICs: []profile.NIC{testNIC("eth1", "")}}, 4, append(slices.Clone(all), "nic eth1"),
			"+eth1 ", nil},
		"it has a new disk already": {with(nil, drive("logs")), kind.Devices{AddDisks: []kind.NewDisk{add("logs", "vdc",
			0)}}, 4, append(slices.Clone(all), "disk logs"), "+logs vdd", nil},
		"room for a card": {with([]profile.NIC{testNIC("eth1", "")}),
			kind.Devices{AddNICs: []profile.NIC{testNIC("eth1", "")}}, 4, all, "+eth1 ", nil},
		"no room for a card": {with([]profile.NIC{testNIC("eth1", "")}),
			kind.Devices{AddNICs: []profile.NIC{testNIC("eth1", "")}}, 3, all, "+eth1 ", []string{eth1}},
		"no room for a disk": {with(nil, drive("logs")), kind.Devices{AddDisks: []kind.NewDisk{add("logs", "vdc",
			0)}}, 3, all, "+logs vdc", []string{logs}},
		"no room needed": {with(nil, drive("logs")), kind.Devices{AddDisks: []kind.NewDisk{add("logs", "sdc",
			1)}}, 3, all, "+logs sdc", nil},
		"the last room is the card's": {with([]profile.NIC{testNIC("eth1", "")}, drive("logs")),
			kind.Devices{AddNICs: []profile.NIC{testNIC("eth1", "")}, AddDisks: []kind.NewDisk{add("logs", "vdc",
				0)}}, 4, all, "+eth1 , +logs vdc", []string{logs}},
		"one makes room for another": {with(nil, drive("logs")),
			kind.Devices{AddDisks: []kind.NewDisk{add("logs", "vdc",
				0)}, DropNICs: []string{"eth0"}}, 3, all, "-eth0, +logs vdc", nil},
		"another model, same slot": {want, kind.Devices{Swaps: want.NICs}, 3, all, "!eth0 ", nil},
		"another model, no bridge": {want, kind.Devices{Swaps: []profile.NIC{testNIC("eth0", "",
			func(n *profile.NIC) { n.Model = "e1000" })}}, 4, all, "!eth0 ",
			[]string{`network_profile.interfaces["eth0"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			d := kind.Diff{Devices: c.devices}
			CompareLive(&d, both, c.blueprint, liveDomain(c.ports, c.live...))
			if got := summary(d.Devices); got != c.changes {
				t.Errorf("changes are %q, want %q", got, c.changes)
			}
			var restarts []string
			for _, r := range d.Restarts {
				restarts = append(restarts, r.At.String())
			}
			if !slices.Equal(restarts, c.restarts) || d.Restart() != (len(c.restarts) > 0) {
				t.Errorf("restarted for %q, want %q", restarts, c.restarts)
			}
		})
	}
}

func TestANewDiskTakesTheFirstFreePlace(t *testing.T) {
	p := PlacesOf([]string{"vda", "sda", "sdc", "vdd"})
	for _, want := range []int{2, 4, 5} {
		if got := p.Next(); got != want {
			t.Errorf("the next place is %d, want %d", got, want)
		}
	}
	if got := PlacesOf([]string{"sda"}).Next(); got != 1 {
		t.Errorf("the first data disk is at %d", got)
	}
}

func paths(all []finding.Path) []string {
	var texts []string
	for _, p := range all {
		texts = append(texts, p.String())
	}
	return texts
}
