package catalog

import (
	"net/netip"
	"reflect"
	"testing"
)

// ip is a configuration with these texts, "" for what is left out.
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
		"a DNS server twice":            {ip("", "", "10.0.0.1", "10.0.0.1"), at + ".dns_servers: Duplicate DNS server"},
	} {
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		expect(t, name, (&NetworkProfile{Interfaces: map[string]Interface{"eth0": {IP: c.ip}}}).Validate(), want...)
	}
	two := &NetworkProfile{Interfaces: map[string]Interface{"eth0": {IP: ip("2001:db8::5/64", "")}, "eth1": {IP: ip("2001:0db8::0005/48", "")}}}
	expect(t, "twice", two.Validate(), `network_profile.interfaces["eth1"].ip_configuration.static_ip: Duplicate IP address`)
	alone := &NetworkProfile{Interfaces: map[string]Interface{"eth0": {IP: ip("", "10.0.0.1")}, "eth1": {}}}
	expect(t, "gateway alone", alone.Missing(), at+".gateway: Gateway without static address")
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
		"no DNS":              {&IPConfiguration{DNS: []string{}}, static, &IPConfiguration{StaticIP: static.StaticIP, Gateway: static.Gateway, DNS: []string{}}},
	} {
		over := &NetworkProfile{Interfaces: map[string]Interface{"eth0": {IP: c.over}}}
		got := over.Over(&NetworkProfile{Interfaces: map[string]Interface{"eth0": {IP: c.base}}})
		if !reflect.DeepEqual(got.Interfaces["eth0"].IP, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got.Interfaces["eth0"].IP, c.want)
		}
	}
}

// FuzzAddressing: what is accepted is settled as it was written, and survives the metadata.
func FuzzAddressing(f *testing.F) {
	f.Add("10.0.0.5/24", "10.0.0.1", "10.0.0.2")
	f.Add("2001:db8::5/64", "fe80::1", "2001:db8::53")
	f.Add("10.0.0.255/24", "", "::1%lo")
	f.Fuzz(func(t *testing.T, static, gateway, dns string) {
		c := ip(static, gateway, dns)
		var fs Findings
		if c.validate(&fs, At("ip"), "eth0", map[string]string{}); len(fs) > 0 {
			return
		}
		settled := c.Addressing()
		if settled.DHCP == (static != "") || settled.Address.IsValid() != (static != "") || settled.Gateway.IsValid() != (gateway != "") || len(settled.DNS) != 1 {
			t.Fatalf("%q, %q, %q is settled as %+v", static, gateway, dns, settled)
		}
		if static != "" && settled.Address != netip.MustParsePrefix(static) {
			t.Errorf("%q is settled as %s", static, settled.Address)
		}
		element, err := InstanceFacts{Tenant: "t", Name: "n", Addressing: NoteAddressing([]NIC{{Name: "eth0", IP: settled}})}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		facts, err := ParseInstanceFacts(element)
		if err != nil || !NotedAddressing(facts.Addressing, "eth0").Equal(settled) || !NotedAddressing(facts.Addressing, "eth1").Equal(Addressing{DHCP: true}) {
			t.Errorf("%+v is read back from %s as %+v, %v", settled, element, facts.Addressing, err)
		}
	})
}
