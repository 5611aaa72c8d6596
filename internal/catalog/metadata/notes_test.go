package metadata

import (
	"net/netip"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

// FuzzNoteAddressing: the metadata keep an interface's own addressing, and no other interface's.
func FuzzNoteAddressing(f *testing.F) {
	f.Add("10.0.0.5/24", "10.0.0.6/24", "10.0.0.1", "10.0.0.2")
	f.Add("2001:db8::5/64", "10.0.0.5/24", "fe80::1", "2001:db8::53")
	f.Add("10.0.0.255/24", "", "", "::1%lo")
	f.Fuzz(func(t *testing.T, first, second, gateway, dns string) {
		var has profile.Addressing
		for _, text := range []string{first, second} {
			if address, err := netip.ParsePrefix(text); err == nil {
				has.Addresses = append(has.Addresses, address)
			}
		}
		if address, err := netip.ParseAddr(gateway); err == nil {
			has.Gateways = append(has.Gateways, address)
		}
		if address, err := netip.ParseAddr(dns); err == nil {
			has.DNS = append(has.DNS, address)
		}
		has.DHCP = len(has.Addresses) == 0
		element, err := Facts{
			Tenant: "t", Name: "n", Addressing: NoteAddressing([]profile.NIC{{Name: "eth0", IP: has}}),
		}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		facts, err := Parse(element)
		if err != nil {
			t.Fatal(err)
		}
		if got := NotedAddressing(facts.Addressing, "eth0"); !got.Equal(has) {
			t.Errorf("%+v is read back from %s as %+v", has, element, got)
		}
		if got := NotedAddressing(facts.Addressing, "eth1"); !got.Equal(profile.Addressing{DHCP: true}) {
			t.Errorf("another interface is read from %s as %+v", element, got)
		}
	})
}

func TestAddressesOfEarlierProvidersAreRead(t *testing.T) {
	older := []AddressingNote{{Interface: "eth0", Address: "10.0.0.5/24", Gateway: "10.0.0.1"}}
	want := profile.Addressing{
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")},
		Gateways:  []netip.Addr{netip.MustParseAddr("10.0.0.1")},
	}
	if got := NotedAddressing(older, "eth0"); !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
