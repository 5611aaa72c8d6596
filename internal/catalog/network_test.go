package catalog

import (
	"net/netip"
	"reflect"
	"testing"
)

func TestNetworkProfiles(t *testing.T) {
	var none *NetworkProfile
	byDHCP := Addressing{DHCP: true}
	for name, c := range map[string]struct {
		profile *NetworkProfile
		want    []NIC
	}{
		"nothing said":         {none, []NIC{{Name: "eth0", Model: "virtio", Network: "default", IP: byDHCP}}},
		"no interfaces said":   {&NetworkProfile{}, []NIC{{Name: "eth0", Model: "virtio", Network: "default", IP: byDHCP}}},
		"no interfaces wanted": {&NetworkProfile{Interfaces: map[string]Interface{}}, []NIC{}},
		"two, in order": {&NetworkProfile{Interfaces: map[string]Interface{"eth10": {Bridge: new("br0")}, "eth2": {Model: new("e1000"), MAC: new("52:54:00:AB:00:01")}}},
			[]NIC{{Name: "eth2", Model: "e1000", Network: "default", MAC: "52:54:00:ab:00:01", IP: byDHCP}, {Name: "eth10", Model: "virtio", Bridge: "br0", IP: byDHCP}}},
		"all said": {&NetworkProfile{Policies: []string{"clean-traffic"}, Interfaces: map[string]Interface{"eth0": {VLAN: new(int64(42)), IP: &IPConfiguration{
			StaticIP: new("10.0.0.5/24"), Gateway: new("10.0.0.1"), DNS: []string{"10.0.0.2", "10.0.0.1"}}}}},
			[]NIC{{Name: "eth0", Model: "virtio", Network: "default", VLAN: 42, Filter: "clean-traffic", IP: Addressing{
				Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")}, Gateways: []netip.Addr{netip.MustParseAddr("10.0.0.1")},
				DNS: []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1")}}}}},
	} {
		if got := c.profile.NICs(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	merged := (&NetworkProfile{Interfaces: map[string]Interface{"eth0": {Bridge: new("br0")}, "eth1": {}}}).
		Over(&NetworkProfile{Interfaces: map[string]Interface{"eth0": {Network: new("lab"), Model: new("e1000")}}})
	if got, want := merged.NICs(), []NIC{
		{Name: "eth0", Model: "e1000", Bridge: "br0", IP: byDHCP}, {Name: "eth1", Model: "virtio", Network: "default", IP: byDHCP}}; !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	public := (&NetworkProfile{RequiresPublicIP: new(true)}).Over(&NetworkProfile{Policies: []string{"a"}, Interfaces: map[string]Interface{"eth1": {}}})
	if got, want := public.NICs(), []NIC{{Name: "eth1", Model: "virtio", Network: "default", Filter: "a", IP: byDHCP}}; !public.Public() || !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, public is %t, want %+v", got, public.Public(), want)
	}
	if got := (&NetworkProfile{Policies: []string{}}).Over(public); got.Policies == nil || len(got.Policies) > 0 {
		t.Errorf("no filters over one made %q", got.Policies)
	}
	at := `network_profile.interfaces["eth0"]`
	for name, c := range map[string]struct {
		i    Interface
		want string
	}{
		"both":            {Interface{Network: new("a"), Bridge: new("b")}, at + ".bridge: Conflicting network and bridge"},
		"model":           {Interface{Model: new("ne2k")}, at + ".type: Unknown interface type"},
		"network":         {Interface{Network: new("")}, at + ".network: Empty name"},
		"bridge":          {Interface{Bridge: new(" ")}, at + ".bridge: Empty name"},
		"long bridge":     {Interface{Bridge: new("bridge-of-16-let")}, at + ".bridge: Invalid bridge name"},
		"bytes of bridge": {Interface{Bridge: new("bridge-of-16-éé")}, at + ".bridge: Invalid bridge name"},
		"path of bridge":  {Interface{Bridge: new("a/b")}, at + ".bridge: Invalid bridge name"},
		"blank in bridge": {Interface{Bridge: new("a b")}, at + ".bridge: Invalid bridge name"},
		"no vlan":         {Interface{VLAN: new(int64(0))}, at + ".vlan: Value out of range"},
		"vlan":            {Interface{VLAN: new(int64(4095))}, at + ".vlan: Value out of range"},
		"mac":             {Interface{MAC: new("x")}, at + ".mac_address: Invalid MAC address"},
		"long mac":        {Interface{MAC: new("00:00:00:00:fe:80:00:00")}, at + ".mac_address: Invalid MAC address"},
		"multicast":       {Interface{MAC: new("01:00:5e:00:00:01")}, at + ".mac_address: Multicast MAC address"},
		"null mac":        {Interface{MAC: new("00:00:00:00:00:00")}, at + ".mac_address: Invalid MAC address"},
	} {
		expect(t, name, (&NetworkProfile{Interfaces: map[string]Interface{"eth0": c.i}}).Validate(), c.want)
	}
	expect(t, "a bridge as long as they get", (&NetworkProfile{Interfaces: map[string]Interface{"eth0": {Bridge: new("bridge-of-15-by")}}}).Validate())
	expect(t, "twice", (&NetworkProfile{Interfaces: map[string]Interface{"eth0": {MAC: new("52:54:00:ab:00:01")}, "Eth1": {MAC: new("52-54-00-AB-00-01")}}}).Validate(),
		`network_profile.interfaces["Eth1"]: Invalid interface name`, `network_profile.interfaces["eth0"].mac_address: Duplicate MAC address`)
	expect(t, "two filters", (&NetworkProfile{Policies: []string{"a", "b"}}).Validate(), "network_profile.default_network_policies: Too many network filters")
	expect(t, "a filter without a name", (&NetworkProfile{Policies: []string{""}}).Validate(), "network_profile.default_network_policies: Empty name")
}
