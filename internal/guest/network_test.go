package guest

import (
	"maps"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestNetworkConfigSaysHowEachInterfaceIsConfigured(t *testing.T) {
	addresses := func(texts ...string) (all []netip.Addr) {
		for _, s := range texts {
			all = append(all, netip.MustParseAddr(s))
		}
		return all
	}
	prefixes := func(texts ...string) (all []netip.Prefix) {
		for _, s := range texts {
			all = append(all, netip.MustParsePrefix(s))
		}
		return all
	}
	out, err := renderNetwork([]NetworkInterface{
		{
			Name:      "eth0",
			MAC:       "52:54:00:00:00:01",
			Addresses: prefixes("10.0.0.5/24"),
			Gateways:  []Gateway{{Addr: netip.MustParseAddr("10.0.0.1")}},
			DNS:       addresses("10.0.0.2", "10.0.0.1"),
		},
		{
			Name: "eth1", MAC: "52:54:00:00:00:02", Addresses: prefixes("2001:db8::5/64"),
			Gateways: []Gateway{{Addr: netip.MustParseAddr("fe80::1")}},
		},
		{Name: "eth2", MAC: "52:54:00:00:00:03", DHCP: true, DNS: addresses("2001:db8::53")},
		{Name: "eth3", MAC: "52:54:00:00:00:04"},
		{Name: "eth4", MAC: "52:54:00:00:00:05", Addresses: prefixes("203.0.113.5/32", "2001:db8::5/128"),
			Gateways: []Gateway{
				{netip.MustParseAddr("198.51.100.1"), true}, {netip.MustParseAddr("2001:db8:f::1"), true}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	entry := func(n string, rest map[string]any) map[string]any {
		all := map[string]any{
			"match": map[string]any{"macaddress": "52:54:00:00:00:0" + n}, "dhcp4": false, "dhcp6": false,
		}
		maps.Copy(all, rest)
		return all
	}
	sameValue(t, "network-config", decodeYAML(t, out), map[string]any{"version": 2, "ethernets": map[string]any{
		"eth0": entry("1", map[string]any{
			"set-name": "eth0", "addresses": []string{"10.0.0.5/24"},
			"routes":      []any{map[string]any{"to": "0.0.0.0/0", "via": "10.0.0.1"}},
			"nameservers": map[string]any{"addresses": []string{"10.0.0.2", "10.0.0.1"}},
		}),
		"eth1": entry("2", map[string]any{
			"set-name": "eth1", "addresses": []string{"2001:db8::5/64"},
			"routes": []any{map[string]any{"to": "::/0", "via": "fe80::1"}},
		}),
		"eth2": entry("3", map[string]any{
			"set-name":        "eth2",
			"dhcp4":           true,
			"dhcp-identifier": "mac",
			"optional":        true,
			"nameservers":     map[string]any{"addresses": []string{"2001:db8::53"}},
		}),
		"eth3": entry("4", map[string]any{"set-name": "eth3", "optional": true}),
		"eth4": entry("5", map[string]any{
			"set-name": "eth4", "addresses": []string{"203.0.113.5/32", "2001:db8::5/128"}, "routes": []any{
				map[string]any{"to": "0.0.0.0/0", "via": "198.51.100.1", "on-link": true},
				map[string]any{"to": "::/0", "via": "2001:db8:f::1", "on-link": true}},
		}),
	}})
	// YAML 1.1 reads 1:30 as 90: addresses with colons are in quotes.
	if text := string(out); !strings.Contains(text, `"2001:db8::5/64"`) || !strings.Contains(text, `"::/0"`) {
		t.Errorf("addresses are not in quotes:\n%s", text)
	}
}

// FuzzNetworkConfig: a YAML parser reads every accepted configuration as it was given.
func FuzzNetworkConfig(f *testing.F) {
	f.Add("eth0", "52:54:00:00:00:01", "10.0.0.5/24", "10.0.0.1", "10.0.0.2", false)
	f.Add("on", "52-54-00-00-00-01", "2001:db8::5/64", "fe80::1", "::1", true)
	f.Fuzz(func(t *testing.T, name, mac, address, gateway, dns string, dhcp bool) {
		nic := NetworkInterface{Name: name, MAC: mac, DHCP: dhcp}
		if prefix, err := netip.ParsePrefix(address); err == nil {
			nic.Addresses = []netip.Prefix{prefix}
		}
		if router, err := netip.ParseAddr(gateway); err == nil {
			nic.Gateways = []Gateway{{Addr: router}}
		}
		if server, err := netip.ParseAddr(dns); err == nil {
			nic.DNS = []netip.Addr{server}
		}
		out, err := renderNetwork([]NetworkInterface{nic})
		if err != nil {
			return
		}
		ethernets, _ := decodeYAML(t, out)["ethernets"].(map[string]any)
		got, _ := ethernets[name].(map[string]any)
		if len(ethernets) != 1 || got == nil || got["dhcp4"] != dhcp {
			t.Fatalf("%+v is written as\n%s", nic, out)
		}
		want := map[string]any{}
		if len(nic.Addresses) > 0 {
			want["addresses"] = []any{nic.Addresses[0].String()}
		}
		if len(nic.Gateways) > 0 {
			to, router := "::/0", nic.Gateways[0].Addr
			if router.Is4() {
				to = "0.0.0.0/0"
			}
			want["routes"] = []any{map[string]any{"to": to, "via": router.String()}}
		}
		if len(nic.DNS) > 0 {
			want["nameservers"] = map[string]any{"addresses": []any{nic.DNS[0].String()}}
		}
		for _, key := range []string{"addresses", "routes", "nameservers"} {
			if !reflect.DeepEqual(got[key], want[key]) {
				t.Errorf("%s of %+v: got %v, want %v", key, nic, got[key], want[key])
			}
		}
	})
}
