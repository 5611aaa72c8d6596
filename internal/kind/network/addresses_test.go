package network

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func TestUsableAddressesAreThoseThatOthersReach(t *testing.T) {
	nics := []profile.NIC{{Name: "eth0", MAC: "52:54:00:00:00:0A"}, {Name: "eth1", MAC: "52:54:00:00:00:0b"}}
	at := func(mac, ip string) host.Address {
		return host.Address{MAC: "52:54:00:00:00:" + mac, IP: ip}
	}
	for name, c := range map[string]struct {
		found []host.Address
		want  []string
	}{
		"none":                     {nil, nil},
		"IPv4 first, then by card": {[]host.Address{at("0b", "2001:db8::2"), at("0b", "10.0.0.2"), at("0a", "2001:db8::1"), at("0a", "10.0.0.1")}, []string{"10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"}},
		"two on one card":          {[]host.Address{at("0a", "10.0.0.9"), at("0a", "10.0.0.1")}, []string{"10.0.0.9", "10.0.0.1"}},
		"said twice":               {[]host.Address{at("0a", "10.0.0.1"), at("0a", "10.0.0.1")}, []string{"10.0.0.1"}},
		"link-local and loopback":  {[]host.Address{at("0a", "fe80::1"), at("0a", "169.254.1.1"), at("0a", "127.0.0.1")}, nil},
		"other cards":              {[]host.Address{at("ff", "172.17.0.1"), {IP: "10.0.0.1"}}, nil},
		"no address":               {[]host.Address{at("0a", "")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var want []netip.Addr
			for _, a := range c.want {
				want = append(want, netip.MustParseAddr(a))
			}
			if got := usable(c.found, nics); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestStaticAddressesCountWhereNoneIsSeen(t *testing.T) {
	static := func(name, mac, address string) profile.NIC {
		return profile.NIC{Name: name, MAC: mac, IP: (&profile.IPConfiguration{StaticIP: &address}).Addressing()}
	}
	nics := []profile.NIC{
		static("eth0", "52:54:00:00:00:0a", "10.0.0.5/24"), static("eth1", "52:54:00:00:00:0b", "2001:db8::5/64"),
		{Name: "eth2", MAC: "52:54:00:00:00:0c", IP: profile.Addressing{DHCP: true}},
	}
	both := "2001:db8::c/64"
	nics[2].IP.Addresses = (&profile.IPConfiguration{StaticIP: &both}).Addressing().Addresses // besides DHCP
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
