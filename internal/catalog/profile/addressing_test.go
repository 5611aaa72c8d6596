package profile

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

// ip is a configuration with these texts, "" for those left out.
func ip(static, gateway string, dns ...string) *IPConfiguration {
	c := &IPConfiguration{DNS: dns}
	if static != "" {
		c.StaticIP = &static
	}
	if gateway != "" {
		c.Gateway = &gateway
	}
	return c
}

func TestAddressesAreCheckedWhereTheyAreWritten(t *testing.T) {
	const at = `network_profile.interfaces["eth0"].ip_configuration`
	both := ip("10.0.0.5/24", "")
	both.DHCP = new(true)
	for name, c := range map[string]struct {
		ip   *IPConfiguration
		want string
	}{
		"none":                          {nil, ""},
		"nothing said":                  {&IPConfiguration{}, ""},
		"IPv4":                          {ip("10.0.0.5/24", "10.0.0.1", "10.0.0.1", "2001:db8::53"), ""},
		"IPv6":                          {ip("2001:db8::5/64", "2001:db8::1"), ""},
		"a router's link-local address": {ip("2001:db8::5/64", "fe80::1"), ""},
		"a network of two":              {ip("10.0.0.0/31", "10.0.0.1"), ""},
		"an address alone":              {ip("10.0.0.5/32", ""), ""},
		"a gateway for an override":     {ip("", "10.0.0.1"), ""},
		"static and DHCP":               {both, at + ".dhcp_enabled: Conflicting static_ip and dhcp_enabled"},
		"no prefix":                     {ip("10.0.0.5", ""), at + ".static_ip: Invalid address"},
		"no IPv6 prefix":                {ip("2001:db8::5", ""), at + ".static_ip: Invalid address"},
		"no address":                    {ip("10.0.0/24", ""), at + ".static_ip: Invalid address"},
		"an empty address":              {ip(" ", ""), at + ".static_ip: Invalid address"},
		"the network":                   {ip("10.0.0.0/24", ""), at + ".static_ip: Invalid address"},
		"broadcast":                     {ip("10.0.3.255/22", ""), at + ".static_ip: Invalid address"},
		"all routers":                   {ip("2001:db8::/64", ""), at + ".static_ip: Invalid address"},
		"loopback":                      {ip("127.0.0.1/8", ""), at + ".static_ip: Invalid address"},
		"multicast":                     {ip("ff02::5/64", ""), at + ".static_ip: Invalid address"},
		"everything":                    {ip("10.0.0.5/0", ""), at + ".static_ip: Invalid address"},
		"mapped":                        {ip("::ffff:10.0.0.5/120", ""), at + ".static_ip: Invalid address"},
		"a gateway elsewhere":           {ip("10.0.0.5/24", "10.0.1.1"), at + ".gateway: Invalid gateway"},
		"a gateway of another kind":     {ip("10.0.0.5/24", "2001:db8::1"), at + ".gateway: Invalid gateway"},
		"link-local for IPv4":           {ip("10.0.0.5/24", "fe80::1"), at + ".gateway: Invalid gateway"},
		"itself":                        {ip("10.0.0.5/24", "10.0.0.5"), at + ".gateway: Invalid gateway"},
		"broadcast as gateway":          {ip("10.0.0.5/24", "10.0.0.255"), at + ".gateway: Invalid gateway"},
		"a gateway with a prefix":       {ip("10.0.0.5/24", "10.0.0.1/24"), at + ".gateway: Invalid gateway"},
		"a named DNS server":            {ip("", "", "dns.example.org"), at + ".dns_servers: Invalid DNS server"},
		"a DNS server twice": {
			ip("", "", "10.0.0.1", "10.0.0.1"), at + ".dns_servers: Duplicate DNS server",
		},
	} {
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		findingtest.Expect(t, name, (&Network{Interfaces: map[string]Interface{"eth0": {IP: c.ip}}}).Validate(),
			want...)
	}
	two := &Network{
		Interfaces: map[string]Interface{
			"eth0": {IP: ip("2001:db8::5/64", "")}, "eth1": {IP: ip("2001:0db8::0005/48", "")},
		},
	}
	findingtest.Expect(t, "twice", two.Validate(),
		`network_profile.interfaces["eth1"].ip_configuration.static_ip: Duplicate IP address`)
	alone := &Network{Interfaces: map[string]Interface{"eth0": {IP: ip("", "10.0.0.1")}, "eth1": {}}}
	findingtest.Expect(t, "gateway alone", alone.Missing(), at+".gateway: Gateway without static address")
}

func TestAStaticAddressAndDHCPTakeEachOthersPlace(t *testing.T) {
	static := ip("10.0.0.5/24", "10.0.0.1", "10.0.0.2")
	dhcp := &IPConfiguration{DHCP: new(true)}
	for name, c := range map[string]struct{ over, base, want *IPConfiguration }{
		"nothing over static": {nil, static, static},
		"static over nothing": {static, nil, static},
		"static over DHCP":    {static, dhcp, static},
		"DHCP over static":    {dhcp, static, &IPConfiguration{DHCP: new(true), DNS: []string{"10.0.0.2"}}},
		"another address":     {ip("10.0.0.6/24", ""), static, ip("10.0.0.6/24", "10.0.0.1", "10.0.0.2")},
		"no DNS": {
			&IPConfiguration{DNS: []string{}}, static, &IPConfiguration{
				StaticIP: static.StaticIP, Gateway: static.Gateway, DNS: []string{},
			},
		},
	} {
		over := &Network{Interfaces: map[string]Interface{"eth0": {IP: c.over}}}
		got := over.Over(&Network{Interfaces: map[string]Interface{"eth0": {IP: c.base}}})
		if !reflect.DeepEqual(got.Interfaces["eth0"].IP, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got.Interfaces["eth0"].IP, c.want)
		}
	}
}

// all is a configuration with several addresses and gateways.
func all(static, gateways []string) *IPConfiguration {
	return &IPConfiguration{StaticIPs: static, Gateways: gateways}
}

func TestAnInterfaceHasSeveralAddresses(t *testing.T) {
	const at = `network_profile.interfaces["eth0"].ip_configuration`
	both := []string{"10.0.0.5/24", "2001:db8::5/64"}
	onLink := all([]string{"203.0.113.5/26"}, []string{"198.51.100.1"})
	onLink.OnLink = new(true)
	sixByHand := all([]string{"2001:db8::5/64"}, []string{"fe80::1"})
	sixByHand.DHCP = new(true)
	bothWays := ip("10.0.0.5/24", "10.0.0.1")
	bothWays.StaticIPs, bothWays.Gateways = both, []string{"10.0.0.1"}
	fourByBoth := all(both, nil)
	fourByBoth.DHCP = new(true)
	for name, c := range map[string]struct {
		ip   *IPConfiguration
		want []string
	}{
		"IPv4 and IPv6":             {all(both, []string{"10.0.0.1", "fe80::1"}), nil},
		"no gateways":               {all(both, []string{}), nil},
		"none":                      {all([]string{}, nil), nil},
		"IPv4 by DHCP, IPv6 static": {sixByHand, nil},
		"single addresses": {
			all([]string{"203.0.113.5/32", "2001:db8::5/128"}, []string{"198.51.100.1", "2001:db8:f::1"}), nil,
		},
		"a single address, in short": {ip("203.0.113.5/32", "198.51.100.1"), nil},
		"one network of two has it":  {all([]string{"203.0.113.5/32", "10.0.0.5/24"}, []string{"10.0.0.1"}), nil},
		"on the link":                {onLink, nil},
		"elsewhere": {all([]string{"203.0.113.5/26"}, []string{"198.51.100.1"}),
			[]string{at + ".gateways: Invalid gateway"}},
		"its own address alone": {
			ip("203.0.113.5/32", "203.0.113.5"), []string{at + ".gateway: Invalid gateway"},
		},
		"a gateway without addresses": {all([]string{"10.0.0.5/24"}, []string{"2001:db8::1"}),
			[]string{at + ".gateways: Invalid gateway"}},
		"two of a kind": {
			all(both, []string{"10.0.0.1", "10.0.0.2"}), []string{at + ".gateways: Too many gateways"},
		},
		"twice": {all([]string{"10.0.0.5/24", "10.0.0.5/32"}, nil),
			[]string{at + ".static_ips: Duplicate IP address"}},
		"one that is none": {
			all([]string{"10.0.0.5/24", "10.0.0.6"}, nil), []string{at + ".static_ips: Invalid address"},
		},
		"DHCP and static IPv4": {fourByBoth, []string{at + ".dhcp_enabled: Conflicting static_ips and dhcp_enabled"}},
		"written both ways": {bothWays, []string{at + ".static_ips: Conflicting static_ip and static_ips",
			at + ".gateways: Conflicting gateway and gateways", at + ".static_ips: Duplicate IP address",
			at + ".gateways: Too many gateways"}},
	} {
		findingtest.Expect(t, name, (&Network{Interfaces: map[string]Interface{"eth0": {IP: c.ip}}}).Validate(),
			c.want...)
	}
	findingtest.Expect(t, "alone", (&Network{
		Interfaces: map[string]Interface{"eth0": {IP: all(nil, []string{"10.0.0.1"})}},
	}).Missing(),
		at+".gateways: Gateway without static address")

	decided := all(both, []string{"10.0.0.1", "fe80::1"}).Addressing()
	if decided.OnLink(decided.Gateways[0]) || decided.OnLink(decided.Gateways[1]) ||
		!onLink.Addressing().OnLink(netip.MustParseAddr("198.51.100.1")) {
		t.Error("on-link is set where a network has the gateway, or not where none has")
	}
	if !sixByHand.Addressing().DHCP || sixByHand.Addressing().Static() || decided.DHCP || !decided.Static() {
		t.Error("DHCP and static addresses are taken for each other")
	}

	// An override replaces all addresses, and all gateways, in whichever attribute the base has
	// them.
	over := all([]string{"10.0.0.6/24"}, []string{"10.0.0.2"}).over(ip("10.0.0.5/24", "10.0.0.1"))
	if want := all([]string{"10.0.0.6/24"}, []string{"10.0.0.2"}); !reflect.DeepEqual(over, want) {
		t.Errorf("several over one: %+v", over)
	}
	over = ip("10.0.0.6/24", "").over(all(both, []string{"10.0.0.1"}))
	if !reflect.DeepEqual(over, &IPConfiguration{StaticIP: new("10.0.0.6/24"), Gateways: []string{"10.0.0.1"}}) {
		t.Errorf("one over several: %+v", over)
	}
}

// FuzzAddressing: accepted configurations are filled in as they were written.
func FuzzAddressing(f *testing.F) {
	f.Add("10.0.0.5/24", "10.0.0.1", "10.0.0.2")
	f.Add("2001:db8::5/64", "fe80::1", "2001:db8::53")
	f.Add("10.0.0.255/24", "", "::1%lo")
	f.Fuzz(func(t *testing.T, static, gateway, dns string) {
		c := ip(static, gateway, dns)
		var fs finding.List
		if c.validate(&fs, finding.At("ip"), "eth0", map[string]string{}); len(fs) > 0 {
			return
		}
		decided := c.Addressing()
		if decided.DHCP == (static != "") || len(decided.Addresses) > 0 != (static != "") ||
			len(decided.Gateways) > 0 != (gateway != "") || len(decided.DNS) != 1 {
			t.Fatalf("%q, %q, %q is decided as %+v", static, gateway, dns, decided)
		}
		if static != "" && decided.Addresses[0] != netip.MustParsePrefix(static) {
			t.Errorf("%q is decided as %s", static, decided.Addresses)
		}
	})
}

func TestFindingsAreWhereItIsWritten(t *testing.T) {
	const at = `network_profile.interfaces["eth0"].ip_configuration`
	for name, c := range map[string]struct {
		ip   IPConfiguration
		want string
	}{
		"several, and DHCP": {IPConfiguration{StaticIPs: []string{"10.0.0.5/24"}, DHCP: new(true)},
			at + ".dhcp_enabled: Conflicting static_ips and dhcp_enabled"},
		"gateways of no address": {IPConfiguration{Gateways: []string{"10.0.0.1"}},
			at + ".gateways: Gateway without static address"},
		"several, none of them is": {IPConfiguration{StaticIPs: []string{"what"}}, at + ".static_ips: Invalid address"},
	} {
		n := &Network{Interfaces: map[string]Interface{"eth0": {IP: &c.ip}}}
		all := append(n.Validate(), n.Missing()...)
		if len(all) != 1 || all[0].Path.String()+": "+all[0].Summary != c.want {
			t.Errorf("%s: %v, want %s", name, all, c.want)
		}
	}
}

// The advice about an IPv4 address that is written as an IPv6 one is itself valid.
func TestAnAddressOfIPv4WrittenAsIPv6IsAdvisedOn(t *testing.T) {
	for text, want := range map[string]string{
		"::ffff:10.0.0.5/120": "10.0.0.5/24", "::ffff:10.0.0.5/24": "10.0.0.5/24", "::ffff:10.0.0.5/64": "10.0.0.5/24",
		"::ffff:10.0.0.5": "10.0.0.5/24",
	} {
		if _, err := parseHostAddress(text); err == nil || !strings.Contains(err.Error(), "write it as "+want) {
			t.Errorf("of %s it says %v", text, err)
		}
		if _, err := parseHostAddress(want); err != nil {
			t.Error(err)
		}
	}
	if _, err := validGateway("::ffff:10.0.0.1", nil, false); err == nil ||
		!strings.HasSuffix(err.Error(), "write it as 10.0.0.1") {
		t.Errorf("of a gateway it says %v", err)
	}
}

// There is one gateway for each kind of address, so their order means nothing, neither to a
// comparison nor to an import.
func TestGatewaysHaveNoOrder(t *testing.T) {
	one := IPConfiguration{
		StaticIPs: []string{"10.0.0.5/24", "2001:db8::5/64"}, Gateways: []string{"10.0.0.1", "2001:db8::1"},
	}
	other := one
	other.Gateways = []string{"2001:db8::1", "10.0.0.1"}
	if a, b := one.Addressing(), other.Addressing(); !a.Equal(b) || a.beyond(&other) != nil {
		t.Errorf("%+v is not %+v", a, b)
	}
	other.Gateways = []string{"2001:db8::1", "10.0.0.2"}
	if a, b := one.Addressing(), other.Addressing(); a.Equal(b) {
		t.Errorf("%+v is %+v", a, b)
	}
}

func TestInterfacesThatShareANetworkAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		one, other []string
		want       int
	}{
		"nothing static":       {nil, []string{"10.0.0.5/24"}, 0},
		"two networks":         {[]string{"10.0.0.5/24"}, []string{"10.0.1.5/24"}, 0},
		"one network":          {[]string{"10.0.0.5/24"}, []string{"10.0.0.6/24"}, 1},
		"one within the other": {[]string{"10.0.0.5/16"}, []string{"10.0.1.6/24"}, 1},
		"two kinds": {
			[]string{"10.0.0.5/24", "2001:db8::5/64"}, []string{"10.0.1.5/24", "2001:db8::6/64"}, 1,
		},
		"an address alone":   {[]string{"10.0.0.5/24"}, []string{"10.0.0.6/32"}, 0},
		"link-local on each": {[]string{"fe80::5/64"}, []string{"fe80::6/64"}, 0},
		"both kinds, in one pair": {
			[]string{"10.0.0.5/24", "2001:db8::5/64"}, []string{"10.0.0.6/24", "2001:db8::6/64"}, 1,
		},
	} {
		n := &Network{
			Interfaces: map[string]Interface{
				"eth0": {IP: &IPConfiguration{StaticIPs: c.one}}, "eth1": {IP: &IPConfiguration{StaticIPs: c.other}},
			},
		}
		found := Overlaps(n.NICs())
		if len(found) != c.want || c.want > 0 &&
			found[0].Path.String() != `network_profile.interfaces["eth1"].ip_configuration` {
			t.Errorf("%s: %v", name, found)
		}
	}
}
