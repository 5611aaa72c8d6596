package network

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
)

func TestOnlySomeNetworksTag(t *testing.T) {
	const old, young = "10.10.0", "11.0.0"
	for name, c := range map[string]struct {
		network        host.Network
		byOld, byYoung bool
	}{
		"a bridge of the host": {host.Network{}, false, true},
		"Open vSwitch": {host.Network{Name: "ovs", Bridge: "ovs0", ForwardMode: "bridge", OpenVSwitch: true}, true,
			true},
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
		nics []profile.NIC
		ok   bool
	}{
		"a network":    {[]profile.NIC{{Network: "default"}, {Network: "public"}}, true},
		"a bridge":     {[]profile.NIC{{Bridge: "br0"}}, true},
		"none of them": {[]profile.NIC{{Network: "default"}, {Bridge: "br1"}}, false},
		"nothing":      {nil, false},
	} {
		fs := checkPublic(c.nics, public)
		if (len(fs) == 0) != c.ok || !c.ok && !strings.Contains(fs[0].Detail, "They name: public, br0.") {
			t.Errorf("%s: %v", name, fs)
		}
	}
	if fs := checkPublic([]profile.NIC{{Network: "default"}}, nil); len(fs) != 1 ||
		!strings.Contains(fs[0].Detail, "They name none.") {
		t.Errorf("without public networks: %v", fs)
	}
}

// connected is a host with some networks, bridges and filters.
func connected() (*Networks, *fakehost.Host) {
	h := fakehost.New()
	h.HasNetworks = append(h.HasNetworks, host.Network{Name: "lab", Bridge: "virbr1"},
		host.Network{Name: "ovs", Bridge: "ovs0", Active: true, ForwardMode: "bridge", OpenVSwitch: true})
	h.HasInterfaces = []string{"br0", "virbr0"}
	return New(h, inventory.New(h), []string{"public"}), h
}

func TestWhatAHostCannotConnectIsFound(t *testing.T) {
	const at = `network_profile.interfaces["eth0"].`
	for name, c := range map[string]struct {
		nic    profile.NIC
		public bool
		want   string // path and summary; "" for no finding
	}{
		"a network":                      {profile.NIC{Network: "default"}, false, ""},
		"a network that is not there":    {profile.NIC{Network: "nowhere"}, false, at + "network: Network not found"},
		"a network that is not active":   {profile.NIC{Network: "lab"}, false, at + "network: Network is not active"},
		"a tag that the network puts on": {profile.NIC{Network: "ovs", VLAN: 7}, false, ""},
		"a tag that the network cannot": {profile.NIC{Network: "default", VLAN: 7}, false, at +
			"vlan: Network does not support VLAN tags"},
		"a tag on a bridge, old libvirt": {profile.NIC{Bridge: "br0", VLAN: 7}, false, at +
			"vlan: Network does not support VLAN tags"},
		"a bridge":                   {profile.NIC{Bridge: "br0"}, false, ""},
		"a bridge that is not there": {profile.NIC{Bridge: "br9"}, false, at + "bridge: Bridge not found"},
		"a filter":                   {profile.NIC{Network: "default", Filter: "clean-traffic"}, false, ""},
		"a filter that is not there": {profile.NIC{Network: "default", Filter: "x"}, false,
			"network_profile.default_network_policies: Network filter not found"},
		"a public address, on no public": {profile.NIC{Network: "default"}, true,
			"network_profile.requires_public_ip: Missing public network"},
		"no public address, on no public":   {profile.NIC{Network: "default"}, false, ""},
		"not connected, and nothing public": {profile.NIC{}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := connected()
			c.nic.Name = "eth0"
			found, err := n.Check(t.Context(), []profile.NIC{c.nic}, c.public)
			got := ""
			for _, f := range found {
				got += f.Path.String() + ": " + f.Summary
				if f.Detail == "" {
					t.Errorf("%s is not explained", f.Path)
				}
			}
			if err != nil || got != c.want {
				t.Errorf("found %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// A list of interfaces that lacks the bridges of libvirt's own networks may lack others, too.
func TestAListThatMissesBridgesProvesNothing(t *testing.T) {
	n, h := connected()
	h.HasInterfaces = []string{"eth0"}
	if found, err := n.Check(t.Context(), []profile.NIC{{Name: "eth0", Bridge: "br9"}}, false); err != nil ||
		len(found) > 0 {
		t.Errorf("found %v, %v", found, err)
	}
}

// A plan that has no interface of a kind does not ask for what only that kind needs.
func TestNothingIsAskedWithoutNeed(t *testing.T) {
	for name, c := range map[string]struct {
		nics  []profile.NIC
		calls []string
	}{
		"nothing":   {nil, nil},
		"a network": {[]profile.NIC{{Network: "default"}, {Network: "ovs"}}, []string{"Networks", "Info"}},
		"a bridge":  {[]profile.NIC{{Bridge: "br0"}}, []string{"Interfaces", "Networks"}},
		"a filter":  {[]profile.NIC{{Filter: "clean-traffic"}}, []string{"NetworkFilters"}},
	} {
		n, h := connected()
		var calls []string
		h.Inject = func(c fakehost.Call) fakehost.Fault {
			calls = append(calls, c.Method)
			return fakehost.Fault{}
		}
		for range 2 {
			if found, err := n.Check(t.Context(), c.nics, false); err != nil || len(found) > 0 {
				t.Errorf("%s: %v, %v", name, found, err)
			}
		}
		if !slices.Equal(calls, c.calls) {
			t.Errorf("%s: it asks for %q, want %q", name, calls, c.calls)
		}
	}
}

func TestAHostThatDoesNotAnswerIsNoFinding(t *testing.T) {
	for _, nic := range []profile.NIC{{Network: "default"}, {Bridge: "br0"}, {Filter: "x"}} {
		n, h := connected()
		h.Inject = func(fakehost.Call) fakehost.Fault { return fakehost.Fault{Before: host.ErrUnreachable} }
		if found, err := n.Check(t.Context(), []profile.NIC{nic}, false); !errors.Is(err, host.ErrUnreachable) ||
			len(found) > 0 {
			t.Errorf("%+v: %v, %v", nic, found, err)
		}
	}
}
