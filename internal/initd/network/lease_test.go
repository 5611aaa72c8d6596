//go:build linux

package network

import (
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

func answer(t testing.TB, modifiers ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	return must.Get[*dhcpv4.DHCPv4](t)(dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(dhcpv4.MessageTypeAck), dhcpv4.WithYourIP(net.IPv4(192, 0, 2, 7)),
	}, modifiers...)...))
}

func TestLeases(t *testing.T) {
	mask24 := dhcpv4.WithNetmask(net.CIDRMask(24, 32))
	router := dhcpv4.WithRouter(net.IPv4(192, 0, 2, 1))
	all := netip.MustParsePrefix("0.0.0.0/0")
	gateway := netip.MustParseAddr("192.0.2.1")
	for name, c := range map[string]struct {
		modifiers []dhcpv4.Modifier
		want      Lease
	}{
		"usual": {[]dhcpv4.Modifier{mask24, router, dhcpv4.WithLeaseTime(120), dhcpv4.WithDNS(net.IPv4(192, 0, 2, 53)),
			dhcpv4.WithOption(dhcpv4.OptDomainName("example.org"))},
			Lease{Address: netip.MustParsePrefix("192.0.2.7/24"), Routes: []initd.Route{{To: all, Via: gateway}},
				Nameservers: []netip.Addr{netip.MustParseAddr("192.0.2.53")}, Search: []string{"example.org"},
				Valid: 2 * time.Minute, Renew: time.Minute}},
		"nothing but an address": {nil, Lease{Address: netip.MustParsePrefix("192.0.2.7/32"), Valid: time.Hour,
			Renew: 30 * time.Minute, Search: []string{}}},
		"a router elsewhere": {[]dhcpv4.Modifier{dhcpv4.WithNetmask(net.CIDRMask(32, 32)), router,
			dhcpv4.WithLeaseTime(2)},
			Lease{Address: netip.MustParsePrefix("192.0.2.7/32"),
				Routes: []initd.Route{{To: netip.MustParsePrefix("192.0.2.1/32")}, {To: all, Via: gateway}},
				Valid:  2 * time.Second, Renew: time.Second, Search: []string{}}},
		"routes without classes": {[]dhcpv4.Modifier{mask24, router, dhcpv4.WithOption(dhcpv4.OptClasslessStaticRoute(
			&dhcpv4.Route{Dest: &net.IPNet{IP: net.IPv4(10, 0, 0, 0), Mask: net.CIDRMask(8, 32)},
				Router: net.IPv4zero}))},
			Lease{Address: netip.MustParsePrefix("192.0.2.7/24"),
				Routes: []initd.Route{{To: netip.MustParsePrefix("10.0.0.0/8")}},
				Valid:  time.Hour, Renew: 30 * time.Minute, Search: []string{}}},
		"a mask with holes, and lines in a domain": {[]dhcpv4.Modifier{
			dhcpv4.WithNetmask(net.IPv4Mask(255, 0, 255, 0)),
			dhcpv4.WithOption(dhcpv4.OptRenewTimeValue(2 * time.Hour)),
			dhcpv4.WithOption(dhcpv4.OptDomainSearch(&rfc1035label.Labels{Labels: []string{"a.org",
				"b\nnameserver 1.1.1.1", ""}}))},
			Lease{Address: netip.MustParsePrefix("192.0.2.7/32"), Search: []string{"a.org"}, Valid: time.Hour,
				Renew: 30 * time.Minute}},
	} {
		if got := leaseOf(answer(t, c.modifiers...)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, got, c.want)
		}
	}
}

// FuzzLease reads any answer. What it says of names is a word a name.
func FuzzLease(f *testing.F) {
	f.Add(answer(f, dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithRouter(net.IPv4(192, 0, 2, 1)),
		dhcpv4.WithOption(dhcpv4.OptDomainName("example.org")), dhcpv4.WithLeaseTime(1)).ToBytes())
	f.Add(answer(f, dhcpv4.WithOption(dhcpv4.OptClasslessStaticRoute(&dhcpv4.Route{
		Dest: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}, Router: net.IPv4(192, 0, 2, 1)}))).ToBytes())
	f.Fuzz(func(t *testing.T, message []byte) {
		ack, err := dhcpv4.FromBytes(message)
		if err != nil {
			return
		}
		lease := leaseOf(ack)
		if lease.Renew > lease.Valid || lease.Valid < 0 {
			t.Errorf("it is renewed after %v, and ends after %v", lease.Renew, lease.Valid)
		}
		for _, name := range lease.Search {
			if len(strings.Fields(name)) != 1 {
				t.Errorf("a domain is %q", name)
			}
		}
		for _, r := range lease.Routes {
			if !r.To.IsValid() {
				t.Errorf("a route is %v", r)
			}
		}
	})
}
