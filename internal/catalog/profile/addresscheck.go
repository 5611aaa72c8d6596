package profile

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// validate checks a configuration; c may be nil. seen has the addresses of other interfaces, by
// address.
func (c *IPConfiguration) validate(fs *finding.List, at finding.Path, name string, seen map[string]string) {
	if c == nil {
		return
	}
	atAddress, atGateway := at.Name(c.addressAttribute()), at.Name(c.gatewayAttribute())
	if c.StaticIP != nil && c.StaticIPs != nil {
		fs.Add(atAddress, "Conflicting static_ip and static_ips",
			"Both name the interface's static addresses: put all of them in static_ips.")
	}
	if c.Gateway != nil && c.Gateways != nil {
		fs.Add(atGateway, "Conflicting gateway and gateways",
			"Both name the interface's gateways: put both of them in gateways.")
	}
	var addresses []netip.Prefix
	for _, text := range c.addresses() {
		address, err := parseHostAddress(text)
		if err != nil {
			fs.Add(atAddress, "Invalid address", finding.Sentence(err))
			continue
		}
		addresses = append(addresses, address)
		if other := seen[address.Addr().String()]; other == name {
			fs.Add(atAddress, "Duplicate IP address", fmt.Sprintf("%s is in the list already.", address.Addr()))
		} else if other != "" {
			fs.Add(atAddress, "Duplicate IP address", fmt.Sprintf("%s is also the address of interface %q.",
				address.Addr(), other))
		}
		seen[address.Addr().String()] = name
	}
	// DHCP is for IPv4 alone. Invalid addresses count as IPv4 addresses.
	if or(c.DHCP, false) && c.static() && (len(addresses) == 0 ||
		slices.ContainsFunc(addresses, func(p netip.Prefix) bool { return p.Addr().Is4() })) {
		fs.Add(at.Name("dhcp_enabled"), fmt.Sprintf("Conflicting %s and dhcp_enabled", c.addressAttribute()),
			fmt.Sprintf(
				"An interface has a static IPv4 address or gets one by DHCP: remove %s or dhcp_enabled.",
				c.addressAttribute()))
	}
	families := map[bool]netip.Addr{}
	for _, text := range c.gateways() {
		gateway, err := validGateway(text, addresses, or(c.OnLink, false))
		if err != nil {
			fs.Add(atGateway, "Invalid gateway", finding.Sentence(err))
			continue
		}
		if other, taken := families[gateway.Is4()]; taken {
			fs.Add(atGateway, "Too many gateways",
				fmt.Sprintf("%s and %s are gateways for the same addresses: name one for IPv4 and one for IPv6.",
					other, gateway))
		}
		families[gateway.Is4()] = gateway
	}
	for n, text := range c.DNS {
		server, err := netip.ParseAddr(text)
		switch {
		case err != nil || server.Zone() != "" || server.IsUnspecified() || server.IsMulticast():
			fs.Add(at.Name("dns_servers"), "Invalid DNS server",
				fmt.Sprintf("%q is not the address of a DNS server: write it "+
					"as 10.0.0.1 or 2001:db8::1.", text))
		case slices.Contains(c.DNS[:n], text):
			fs.Add(at.Name("dns_servers"), "Duplicate DNS server", fmt.Sprintf("%q is in the list already.", text))
		}
	}
}

// parseHostAddress reads an address that an interface can have, with the length of its network's
// prefix.
func parseHostAddress(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		if addr, plain := netip.ParseAddr(text); plain == nil {
			length := 64
			if addr.Unmap().Is4() {
				length = 24
			}
			return netip.Prefix{}, fmt.Errorf("%q lacks a prefix length: write it as %s/%d, for "+
				"example", text, addr.Unmap(), length)
		}
		return netip.Prefix{}, fmt.Errorf("%q is not an address with a prefix length: write it as 10.0.0.5/24 or "+
			"2001:db8::5/64", text)
	}
	addr := prefix.Addr()
	switch {
	case addr.Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 address in IPv6 "+
			"notation: write it as %s%s", text, addr.Unmap(), mappedLength(prefix))
	case addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback() || prefix.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is not an address that an interface can have", text)
	case notOfAHost(addr, prefix):
		return netip.Prefix{}, fmt.Errorf("%q is the address of the network %s itself or its broadcast address, not "+
			"one of a host in it", text, prefix.Masked())
	}
	return prefix, nil
}

// mappedLength is the length of an IPv4 network's prefix that was written as one of IPv6. A length
// that is too short for that may have been meant as it is; if it can be neither, only the user
// knows.
func mappedLength(prefix netip.Prefix) string {
	switch bits := prefix.Bits(); {
	case bits >= 96:
		return fmt.Sprintf("/%d", bits-96)
	case bits <= 32:
		return fmt.Sprintf("/%d", bits)
	default:
		return "/24, say"
	}
}

// notOfAHost reports whether an address stands for its network or for all hosts in it (RFC 919 and
// 4291). In a network of only two addresses it does not (RFC 3021 and 6164).
func notOfAHost(addr netip.Addr, network netip.Prefix) bool {
	if network.Bits() >= addr.BitLen()-1 {
		return false
	}
	return addr == network.Masked().Addr() || addr.Is4() && addr == last(network)
}

// last is the highest address of a network.
func last(network netip.Prefix) netip.Addr {
	bytes := network.Masked().Addr().AsSlice()
	for bit := network.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	return addr
}

// validGateway reads a gateway of an interface with those addresses, of which there may be none
// yet. A gateway outside their networks can only be reached on the interface's own link; that is
// implied if every address of its kind is alone in its network (/32, /128).
func validGateway(text string, addresses []netip.Prefix, onLink bool) (netip.Addr, error) {
	gateway, err := netip.ParseAddr(text)
	if err == nil && gateway.Is4In6() && gateway.Zone() == "" {
		return gateway, fmt.Errorf("%q is an IPv4 address in IPv6 notation: write it as %s", text, gateway.Unmap())
	}
	if err != nil || gateway.Zone() != "" || gateway.IsUnspecified() || gateway.IsMulticast() || gateway.IsLoopback() ||
		gateway.Is4In6() {
		return gateway, fmt.Errorf("%q is not the address of a gateway: write it as 10.0.0.1 or 2001:db8::1", text)
	}
	if len(addresses) == 0 {
		return gateway, nil
	}
	alike := slices.DeleteFunc(slices.Clone(addresses), func(p netip.Prefix) bool {
		return p.Addr().Is4() != gateway.Is4()
	})
	if len(alike) == 0 {
		return gateway, fmt.Errorf("%s leads nowhere: the interface has no static %s address", gateway, family(gateway))
	}
	if slices.ContainsFunc(alike, func(p netip.Prefix) bool { return p.Addr() == gateway }) {
		return gateway, fmt.Errorf("%s is the interface's own address", gateway)
	}
	if gateway.Is6() && gateway.IsLinkLocalUnicast() {
		return gateway, nil // routers announce themselves with such addresses
	}
	within := slices.IndexFunc(alike, func(p netip.Prefix) bool { return p.Contains(gateway) })
	alone := !slices.ContainsFunc(alike, func(p netip.Prefix) bool { return !p.IsSingleIP() })
	switch {
	case within >= 0 && notOfAHost(gateway, alike[within]):
		return gateway, fmt.Errorf("%s is the address of the network %s itself or its broadcast address",
			gateway, alike[within].Masked())
	case within < 0 && !alone && !onLink:
		return gateway, fmt.Errorf("%s is not in the network %s of the interface's address, so the "+
			"interface could not reach it: correct one of the two, or set gateway_on_link = true if the gateway is on "+
			"the same link anyway", gateway, alike[0].Masked())
	}
	return gateway, nil
}

func family(address netip.Addr) string {
	if address.Is4() {
		return "IPv4"
	}
	return "IPv6"
}
