//go:build linux

package root

import (
	"net/netip"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

func TestNames(t *testing.T) {
	const local = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	network := initd.Network{
		Interfaces: []initd.Interface{{DHCP: true}, {Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}}},
		Hosts:      []initd.Host{{Address: netip.MustParseAddr("2001:db8::9"), Names: []string{"db", "db.local"}}},
	}
	for hostname, c := range map[string]struct {
		network initd.Network
		want    string
	}{
		"":                  {initd.Network{}, local},
		"web":               {initd.Network{}, local + "127.0.1.1\tweb\n"},
		"web-1.example.org": {network, local + "192.0.2.7\tweb-1.example.org web-1\n2001:db8::9\tdb db.local\n"},
	} {
		if got := HostsFile(hostname, c.network); got != c.want {
			t.Errorf("%q: %q, want %q", hostname, got, c.want)
		}
	}
	servers := []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")}
	if got, want := ResolvFile(servers, []string{"a.org", "b.org"}),
		"search a.org b.org\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n"; got != want {
		t.Errorf("%q", got)
	}
	if got := ResolvFile(nil, nil); got != "" {
		t.Errorf("%q", got)
	}
}
