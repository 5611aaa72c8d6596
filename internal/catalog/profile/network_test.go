package profile

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func TestNetworkProfiles(t *testing.T) {
	var none *Network
	byDHCP := Addressing{DHCP: true}
	for name, c := range map[string]struct {
		profile *Network
		want    []NIC
	}{
		"nothing said":         {none, []NIC{{Name: "eth0", Model: "virtio", Network: "default", IP: byDHCP}}},
		"no interfaces said":   {&Network{}, []NIC{{Name: "eth0", Model: "virtio", Network: "default", IP: byDHCP}}},
		"no interfaces wanted": {&Network{Interfaces: map[string]Interface{}}, []NIC{}},
		"two, in order": {&Network{
			Interfaces: map[string]Interface{
				"eth10": {Bridge: new("br0")}, "eth2": {Model: new("e1000"), MAC: new("52:54:00:AB:00:01")},
			},
		},
			[]NIC{
				{Name: "eth2", Model: "e1000", Network: "default", MAC: "52:54:00:ab:00:01", IP: byDHCP},
				{Name: "eth10", Model: "virtio", Bridge: "br0", IP: byDHCP},
			}},
		"all said": {&Network{Policies: []string{"clean-traffic"},
			Interfaces: map[string]Interface{"eth0": {VLAN: new(int64(42)), IP: &IPConfiguration{
				StaticIP: new("10.0.0.5/24"), Gateway: new("10.0.0.1"), DNS: []string{"10.0.0.2", "10.0.0.1"}}}}},
			[]NIC{{Name: "eth0", Model: "virtio", Network: "default", VLAN: 42, Filter: "clean-traffic", IP: Addressing{
				Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")},
				Gateways:  []netip.Addr{netip.MustParseAddr("10.0.0.1")},
				DNS:       []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1")}}}}},
	} {
		if got := c.profile.NICs(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	merged := (&Network{Interfaces: map[string]Interface{"eth0": {Bridge: new("br0")}, "eth1": {}}}).
		Over(&Network{Interfaces: map[string]Interface{"eth0": {Network: new("lab"), Model: new("e1000")}}})
	if got, want := merged.NICs(), []NIC{
		{Name: "eth0", Model: "e1000", Bridge: "br0", IP: byDHCP},
		{Name: "eth1", Model: "virtio", Network: "default", IP: byDHCP}}; !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	public := (&Network{RequiresPublicIP: new(true)}).Over(&Network{
		Policies: []string{"a"}, Interfaces: map[string]Interface{"eth1": {}},
	})
	if got, want := public.NICs(), []NIC{
		{Name: "eth1", Model: "virtio", Network: "default", Filter: "a", IP: byDHCP},
	}; !public.Public() || !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, public is %t, want %+v", got, public.Public(), want)
	}
	if got := (&Network{Policies: []string{}}).Over(public); got.Policies == nil || len(got.Policies) > 0 {
		t.Errorf("no filters over one made %q", got.Policies)
	}
	at := `network_profile.interfaces["eth0"]`
	for name, c := range map[string]struct {
		i    Interface
		want string
	}{
		"both": {
			Interface{Network: new("a"), Bridge: new("b")}, at + ".bridge: Conflicting network and bridge",
		},
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
		findingtest.Expect(t, name, (&Network{Interfaces: map[string]Interface{"eth0": c.i}}).Validate(), c.want)
	}
	findingtest.Expect(t, "a bridge as long as they get",
		(&Network{Interfaces: map[string]Interface{"eth0": {Bridge: new("bridge-of-15-by")}}}).Validate())
	findingtest.Expect(t, "twice", (&Network{
		Interfaces: map[string]Interface{
			"eth0": {MAC: new("52:54:00:ab:00:01")}, "Eth1": {MAC: new("52-54-00-AB-00-01")},
		},
	}).Validate(),
		`network_profile.interfaces["Eth1"]: Invalid interface name`,
		`network_profile.interfaces["eth0"].mac_address: Duplicate MAC address`)
	findingtest.Expect(t, "two filters", (&Network{Policies: []string{"a", "b"}}).Validate(),
		"network_profile.default_network_policies: Too many network filters")
	findingtest.Expect(t, "a filter without a name", (&Network{Policies: []string{""}}).Validate(),
		"network_profile.default_network_policies: Empty name")
}
