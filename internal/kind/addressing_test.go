package kind

import (
	"net/netip"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

func TestTheGuestWasToldOfTheInterfacesThatItHas(t *testing.T) {
	fixed := profile.Addressing{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")}}
	have := []profile.NIC{{Name: "eth0", IP: fixed}, {Name: "gone", IP: fixed}}
	notes := Addressing(have, []profile.NIC{{Name: "eth0"}, {Name: "eth1"}, {Name: "eth2",
		IP: profile.Addressing{DHCP: true}}, {Name: "eth3", IP: fixed}})
	for name, want := range map[string]profile.Addressing{
		"eth0": fixed, "gone": {DHCP: true}, "eth1": {}, "eth2": {DHCP: true}, "eth3": {},
	} {
		if got := metadata.NotedAddressing(notes, name); !got.Equal(want) {
			t.Errorf("of %s it is noted %+v, want %+v", name, got, want)
		}
	}
}
