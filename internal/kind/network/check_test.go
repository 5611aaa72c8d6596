package network

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
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
	if fs := checkPublic([]profile.NIC{{Network: "default"}}, nil); len(fs) != 1 || !strings.Contains(fs[0].Detail, "They name none.") {
		t.Errorf("without public networks: %v", fs)
	}
}
