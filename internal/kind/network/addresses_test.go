package network

import (
	"context"
	"errors"
	"fmt"
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
		"none": {nil, nil},
		"IPv4 first, then by card": {[]host.Address{at("0b", "2001:db8::2"), at("0b", "10.0.0.2"),
			at("0a", "2001:db8::1"),
			at("0a", "10.0.0.1")}, []string{"10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"}},
		"two on one card": {[]host.Address{at("0a", "10.0.0.9"), at("0a", "10.0.0.1")},
			[]string{"10.0.0.9", "10.0.0.1"}},
		"said twice": {[]host.Address{at("0a", "10.0.0.1"), at("0a", "10.0.0.1")}, []string{"10.0.0.1"}},
		"link-local and loopback": {[]host.Address{at("0a", "fe80::1"), at("0a", "169.254.1.1"), at("0a", "127.0.0.1")},
			nil},
		"other cards": {[]host.Address{at("ff", "172.17.0.1"), {IP: "10.0.0.1"}}, nil},
		"no address":  {[]host.Address{at("0a", "")}, nil},
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
	nics[2].IP.Addresses = (&profile.IPConfiguration{StaticIP: &both}).Addressing().Addresses // in addition to DHCP
	for name, c := range map[string]struct {
		seen []host.Address
		want string
	}{
		"nothing seen": {nil, "[10.0.0.5 2001:db8::5 2001:db8::c]"},
		"a lease": {[]host.Address{{MAC: "52:54:00:00:00:0C", IP: "192.168.122.9"}},
			"[10.0.0.5 192.168.122.9 2001:db8::5 2001:db8::c]"},
		"another than was configured": {[]host.Address{{MAC: "52:54:00:00:00:0A", IP: "192.168.122.9"}},
			"[192.168.122.9 2001:db8::5 2001:db8::c]"},
		"link-local": {[]host.Address{{MAC: "52:54:00:00:00:0B", IP: "fe80::b"}},
			"[10.0.0.5 2001:db8::5 2001:db8::c]"},
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

// guests appear as a test wants them to.
type guests struct {
	bySource map[host.AddressSource][]host.Address
	errs     map[host.AddressSource]error
	leases   map[string][]host.Address
	sent     map[string]int64
	asked    []string
}

func (g *guests) DomainAddresses(_ context.Context, _ string, s host.AddressSource) ([]host.Address, error) {
	g.asked = append(g.asked, map[host.AddressSource]string{host.AddressLease: "leases", host.AddressAgent: "agent"}[s])
	return g.bySource[s], g.errs[s]
}

func (g *guests) Leases(_ context.Context, network string) ([]host.Address, error) {
	g.asked = append(g.asked, network)
	return g.leases[network], nil
}

func (g *guests) Sent(_ context.Context, _, mac string) (int64, error) {
	g.asked = append(g.asked, mac)
	return g.sent[mac], nil
}

const mac = "52:54:00:00:00:0a"

func TestTheAgentIsAskedWhereNoLeaseTells(t *testing.T) {
	dhcp := []profile.NIC{{Name: "eth0", Network: "default", MAC: mac, IP: profile.Addressing{DHCP: true}}}
	static := []profile.NIC{
		{
			Name: "eth0", MAC: mac, IP: profile.Addressing{
				Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")},
			},
		},
	}
	lease, told := []host.Address{{MAC: mac, IP: "10.0.0.7"}}, []host.Address{{MAC: mac, IP: "10.0.0.8"}}
	for name, c := range map[string]struct {
		g     guests
		nics  []profile.NIC
		want  string
		asked string
		err   error
	}{
		"a lease": {guests{bySource: map[host.AddressSource][]host.Address{host.AddressLease: lease,
			host.AddressAgent: told}}, dhcp, "[10.0.0.7]", "[leases]", nil},
		"an agent": {guests{bySource: map[host.AddressSource][]host.Address{host.AddressAgent: told}}, dhcp,
			"[10.0.0.8]",
			"[leases agent]", nil},
		"no agent": {guests{errs: map[host.AddressSource]error{host.AddressAgent: host.ErrAgentUnresponsive}}, dhcp,
			"[]",
			"[leases agent]", nil},
		"just off": {guests{errs: map[host.AddressSource]error{host.AddressLease: host.ErrOperationInvalid}}, dhcp,
			"[]",
			"[leases]", nil},
		"just gone": {guests{errs: map[host.AddressSource]error{host.AddressLease: host.ErrNoDomain}}, dhcp, "[]",
			"[leases]", nil},
		"a static": {guests{}, static, "[10.0.0.5]", "[leases]", nil},
		"unreachable": {guests{errs: map[host.AddressSource]error{host.AddressLease: host.ErrUnreachable}}, dhcp, "[]",
			"[leases]", host.ErrUnreachable},
		"lost meanwhile": {guests{errs: map[host.AddressSource]error{host.AddressAgent: host.ErrUnreachable}}, dhcp,
			"[]",
			"[leases agent]",
			host.ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			n := New(&c.g, nil, nil)
			got, err := n.Addresses(t.Context(), "uuid", c.nics)
			if fmt.Sprint(got) != c.want || fmt.Sprint(c.g.asked) != c.asked || !errors.Is(err, c.err) {
				t.Errorf("got %v, asked %v, %v; want %s, %s", got, c.g.asked, err, c.want, c.asked)
			}
		})
	}
}

// A list of instances asks each network once, and no guest.
func TestAListAsksEachNetworkOnce(t *testing.T) {
	g := &guests{leases: map[string][]host.Address{"default": {{MAC: mac, IP: "10.0.0.7"},
		{MAC: "52:54:00:00:00:0b", IP: "10.0.0.8"}}}}
	n, leases := New(g, nil, nil), Leases{}
	for nic, want := range map[string]string{
		mac: "[10.0.0.7]", "52:54:00:00:00:0B": "[10.0.0.8]", "52:54:00:00:00:0c": "[]",
	} {
		got, err := n.LeasedAddresses(t.Context(), leases, []profile.NIC{{Name: "eth0", Network: "default", MAC: nic},
			{Name: "eth1", Bridge: "br0", MAC: nic}})
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s has %v, %v, want %s", nic, got, err, want)
		}
	}
	if fmt.Sprint(g.asked) != "[default]" {
		t.Errorf("it asked for %v", g.asked)
	}
}

// A lease counts after a start if it is newer than the start. If the lease never ends, it counts if
// the guest sends.
func TestALeaseIsRenewedByItsGuest(t *testing.T) {
	nics := []profile.NIC{{Name: "eth0", Network: "default", MAC: mac}}
	ending, endless := host.Address{MAC: mac, IP: "10.0.0.7", Expires: 100}, host.Address{MAC: mac, IP: "10.0.0.7"}
	later := ending
	later.Expires = 200
	for name, c := range map[string]struct {
		old   OldLeases
		now   host.Address
		sent  int64
		fresh bool
		asked string
	}{
		"the first":               {nil, ending, 0, true, "[]"},
		"another than before":     {OldLeases{{MAC: mac, IP: "10.0.0.6"}}, ending, 0, true, "[]"},
		"the one from before":     {OldLeases{ending}, ending, 5, false, "[default]"},
		"renewed":                 {OldLeases{ending}, later, 0, true, "[default]"},
		"endless, and silent":     {OldLeases{endless}, endless, 0, false, "[default " + mac + "]"},
		"endless, and it is sent": {OldLeases{endless}, endless, 5, true, "[default " + mac + "]"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &guests{leases: map[string][]host.Address{"default": {c.now}}, sent: map[string]int64{mac: c.sent}}
			fresh, err := New(g, nil, nil).Renewed(t.Context(), "uuid", nics, c.old, []host.Address{c.now})
			if err != nil || fresh != c.fresh || fmt.Sprint(g.asked) != c.asked {
				t.Errorf("fresh: %t, asked %v, %v", fresh, g.asked, err)
			}
		})
	}
	if fresh, err := New(&guests{}, nil, nil).Renewed(t.Context(), "uuid", nics, OldLeases{ending}, nil); fresh ||
		err != nil {
		t.Errorf("without a lease: %t, %v", fresh, err)
	}
}
