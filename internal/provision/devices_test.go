package provision

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func testNIC(name, mac string, change ...func(*profile.NIC)) profile.NIC {
	n := profile.NIC{Name: name, Model: "virtio", Network: "default", MAC: mac, IP: profile.Addressing{DHCP: true}}
	for _, c := range change {
		c(&n)
	}
	return n
}

// summary says what comes (+), goes (-), is reconnected (~) and exchanged (!).
func summary(d Devices) string {
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
		"another address":          {[]profile.NIC{eth0, testNIC("eth1", "52:54:00:00:00:0c")}, []string{at1 + "mac_address"}, ""},
		"each other's addresses": {[]profile.NIC{testNIC("eth0", macB), testNIC("eth1", macA)},
			[]string{`network_profile.interfaces["eth0"].mac_address`, at1 + "mac_address"}, ""},
		"one less":     {[]profile.NIC{eth0}, nil, "-eth1"},
		"none":         {nil, nil, "-eth0, -eth1"},
		"another name": {[]profile.NIC{eth0, testNIC("eth2", "")}, nil, "+eth2 , -eth1"},
		"one more":     {[]profile.NIC{eth0, testNIC("eth1", ""), testNIC("eth2", "52:54:00:00:00:0c")}, nil, "+eth2 52:54:00:00:00:0c"},
		"plugged in somewhere else": {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) { n.Network, n.Bridge = "", "br0" })}, nil,
			"~eth1 " + macB},
		"a tag":    {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) { n.VLAN = 7 })}, nil, "~eth1 " + macB},
		"a filter": {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) { n.Filter = "x" })}, nil, "~eth1 " + macB},
		"another model": {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) { n.Model, n.Filter = "e1000", "x" })}, nil,
			"!eth1 " + macB},
		"a static address":              {[]profile.NIC{eth0, testNIC("eth1", "", static)}, []string{at1 + "ip_configuration"}, ""},
		"a DNS server":                  {[]profile.NIC{eth0, testNIC("eth1", "", servers)}, []string{at1 + "ip_configuration"}, ""},
		"one more with an address":      {[]profile.NIC{eth0, testNIC("eth1", ""), testNIC("eth2", "", static)}, []string{at2 + "ip_configuration"}, ""},
		"one more with a server":        {[]profile.NIC{eth0, testNIC("eth1", ""), testNIC("eth2", "", servers)}, []string{at2 + "ip_configuration"}, ""},
		"one more that asks for none":   {[]profile.NIC{eth0, testNIC("eth1", ""), testNIC("eth2", "", func(n *profile.NIC) { n.IP.DHCP = false })}, nil, "+eth2 "},
		"one that asks for none at all": {[]profile.NIC{eth0, testNIC("eth1", "", func(n *profile.NIC) { n.IP.DHCP = false })}, []string{at1 + "ip_configuration"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			replaces, devices := compareNICs(have, c.want)
			if got := paths(replaces); !slices.Equal(got, c.at) {
				t.Errorf("replaced for %q, want %q", got, c.at)
			}
			if got := summary(devices); got != c.changes {
				t.Errorf("changes are %q, want %q", got, c.changes)
			}
		})
	}
	if replaces, devices := compareNICs(nil, nil); replaces != nil || !devices.none() {
		t.Errorf("none and none differ in %q, %q", paths(replaces), summary(devices))
	}
}

// liveDomain is a running machine of PCI Express with that many root ports, and devices in the first of them.
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
			live.Interfaces = append(live.Interfaces, host.DomainInterface{Name: name, MAC: "52:54:00:00:00:0e", Model: "virtio"})
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
	add := func(name, target string, rotation uint) NewDisk {
		return NewDisk{Spec: host.DiskSpec{Name: name, Target: target, Rotation: rotation}, Pool: "p"}
	}
	both := Instance{
		NICs:  []profile.NIC{testNIC("eth0", "52:54:00:00:00:0a")},
		Disks: []host.DomainDisk{disk("system", "vda"), disk("data", "vdb")},
	}
	want := Blueprint{NICs: []profile.NIC{testNIC("eth0", "")}, Drives: []profile.Drive{drive("system"), drive("data")}}
	with := func(nics []profile.NIC, drives ...profile.Drive) Blueprint {
		return Blueprint{NICs: append(slices.Clone(want.NICs), nics...), Drives: append(slices.Clone(want.Drives), drives...)}
	}
	all := []string{"disk system", "disk data", "nic eth0"}
	const eth1, logs = `network_profile.interfaces["eth1"]`, `storage_profile.disks["logs"]`
	for name, c := range map[string]struct {
		blueprint Blueprint
		devices   Devices
		ports     int
		live      []string
		changes   string
		restarts  []string
	}{
		"as defined":                  {want, Devices{}, 3, all, "", nil},
		"it lost a card":              {want, Devices{Reconnects: slices.Clone(want.NICs)}, 3, all[:2], "+eth0 52:54:00:00:00:0a", nil},
		"it lost a disk":              {want, Devices{}, 3, []string{"disk system", "nic eth0"}, "+data vdb", nil},
		"it has a card more":          {want, Devices{}, 4, append(slices.Clone(all), "nic eth1"), "-eth1", nil},
		"it has a disk more":          {want, Devices{}, 4, append(slices.Clone(all), "disk logs"), "-logs", nil},
		"it has a new card already":   {with([]profile.NIC{testNIC("eth1", "")}), Devices{AddNICs: []profile.NIC{testNIC("eth1", "")}}, 4, append(slices.Clone(all), "nic eth1"), "+eth1 ", nil},
		"it has a new disk already":   {with(nil, drive("logs")), Devices{AddDisks: []NewDisk{add("logs", "vdc", 0)}}, 4, append(slices.Clone(all), "disk logs"), "+logs vdd", nil},
		"room for a card":             {with([]profile.NIC{testNIC("eth1", "")}), Devices{AddNICs: []profile.NIC{testNIC("eth1", "")}}, 4, all, "+eth1 ", nil},
		"no room for a card":          {with([]profile.NIC{testNIC("eth1", "")}), Devices{AddNICs: []profile.NIC{testNIC("eth1", "")}}, 3, all, "+eth1 ", []string{eth1}},
		"no room for a disk":          {with(nil, drive("logs")), Devices{AddDisks: []NewDisk{add("logs", "vdc", 0)}}, 3, all, "+logs vdc", []string{logs}},
		"no room needed":              {with(nil, drive("logs")), Devices{AddDisks: []NewDisk{add("logs", "sdc", 1)}}, 3, all, "+logs sdc", nil},
		"the last room is the card's": {with([]profile.NIC{testNIC("eth1", "")}, drive("logs")), Devices{AddNICs: []profile.NIC{testNIC("eth1", "")}, AddDisks: []NewDisk{add("logs", "vdc", 0)}}, 4, all, "+eth1 , +logs vdc", []string{logs}},
		"one makes room for another":  {with(nil, drive("logs")), Devices{AddDisks: []NewDisk{add("logs", "vdc", 0)}, DropNICs: []string{"eth0"}}, 3, all, "-eth0, +logs vdc", nil},
		"another model, same slot":    {want, Devices{Swaps: want.NICs}, 3, all, "!eth0 ", nil},
		"another model, no bridge":    {want, Devices{Swaps: []profile.NIC{testNIC("eth0", "", func(n *profile.NIC) { n.Model = "e1000" })}}, 4, all, "!eth0 ", []string{`network_profile.interfaces["eth0"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			d := Diff{Devices: c.devices}
			d.compareLive(both, c.blueprint, liveDomain(c.ports, c.live...))
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
	p := placesOf([]string{"vda", "sda", "sdc", "vdd"})
	for _, want := range []int{2, 4, 5} {
		if got := p.next(); got != want {
			t.Errorf("the next place is %d, want %d", got, want)
		}
	}
	if got := placesOf([]string{"sda"}).next(); got != 1 {
		t.Errorf("the first data disk is at %d", got)
	}
}

func TestTheGuestWasToldOfTheInterfacesThatItHas(t *testing.T) {
	fixed := profile.Addressing{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")}}
	have := []profile.NIC{{Name: "eth0", IP: fixed}, {Name: "gone", IP: fixed}}
	notes := addressing(have, []profile.NIC{{Name: "eth0"}, {Name: "eth1"}, {Name: "eth2", IP: profile.Addressing{DHCP: true}}, {Name: "eth3", IP: fixed}})
	for name, want := range map[string]profile.Addressing{
		"eth0": fixed, "gone": {DHCP: true}, "eth1": {}, "eth2": {DHCP: true}, "eth3": {},
	} {
		if got := metadata.NotedAddressing(notes, name); !got.Equal(want) {
			t.Errorf("of %s it is noted %+v, want %+v", name, got, want)
		}
	}
}

// A new system disk's seed tells the guest of all its cards, also of one that comes with it, and of one that somebody took
// away and that comes back.
func TestASeedKnowsTheAddressesOfAllCards(t *testing.T) {
	i := Instance{NICs: []profile.NIC{testNIC("eth0", "52:54:00:00:00:0a")}}
	i.Facts.MACs = []metadata.MACNote{{Interface: "eth0", MAC: "52:54:00:00:00:01"}, {Interface: "eth3", MAC: "52:54:00:00:00:0d"}}
	got := withMACs([]profile.NIC{testNIC("eth0", ""), testNIC("eth1", ""), testNIC("eth2", "52:54:00:00:00:0c"), testNIC("eth3", "")}, i)
	if got[0].MAC != i.NICs[0].MAC || len(got[1].MAC) != 17 || got[2].MAC != "52:54:00:00:00:0c" || got[3].MAC != "52:54:00:00:00:0d" {
		t.Errorf("the cards are %+v", got)
	}
}

// An interface that somebody took away comes back with the MAC address that it had, unless another is asked for.
func TestCardsComeBackAsTheyWere(t *testing.T) {
	i := Instance{NICs: []profile.NIC{testNIC("eth0", "52:54:00:00:00:0a")}}
	had := []profile.NIC{i.NICs[0], testNIC("eth1", "52:54:00:00:00:0b"), testNIC("eth2", "52:54:00:00:00:0c"), testNIC("", "52:54:00:00:00:0d")}
	i.Facts.MACs = metadata.NoteMACs(had)
	marshalled, err := metadata.Facts{Tenant: "default", Name: "it", MACs: i.Facts.MACs}.Marshal()
	if err == nil {
		i.Facts, err = metadata.Parse(marshalled)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := Blueprint{NICs: []profile.NIC{testNIC("eth0", ""), testNIC("eth1", ""), testNIC("eth2", "52:54:00:00:00:01"), testNIC("eth3", "")}}
	diff, _, err := (&Provisioner{}).Compare(t.Context(), i, b)
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
