package profile

import (
	"net/netip"
	"slices"
)

// IPConfiguration is how an interface gets its address. A nil member sets nothing.
type IPConfiguration struct {
	DHCP      *bool    `json:"dhcp_enabled,omitempty"` // default: true, unless there is a static address
	StaticIP  *string  `json:"static_ip,omitempty"`    // with its prefix: "10.0.0.5/24"
	StaticIPs []string `json:"static_ips,omitzero"`    // in the same form, instead of StaticIP
	Gateway   *string  `json:"gateway,omitempty"`
	Gateways  []string `json:"gateways,omitzero"` // one for IPv4 and one for IPv6, instead of Gateway
	// OnLink says that gateways are reached on the interface's own link even if none of its
	// networks contains them.
	OnLink *bool    `json:"gateway_on_link,omitempty"`
	DNS    []string `json:"dns_servers"` // in the order in which the guest asks them
}

// over lays the fields that c sets over base. A static address and an IPv4 address by DHCP are
// alternatives.
func (c *IPConfiguration) over(base *IPConfiguration) *IPConfiguration {
	if c == nil {
		return base
	}
	if base == nil {
		return c
	}
	under := *base
	if c.StaticIP != nil || c.StaticIPs != nil {
		under.StaticIP, under.StaticIPs = nil, nil
	}
	if c.Gateway != nil || c.Gateways != nil {
		under.Gateway, under.Gateways = nil, nil
	}
	switch {
	case or(c.DHCP, false):
		under.StaticIP, under.StaticIPs, under.Gateway, under.Gateways, under.OnLink = nil, nil, nil, nil, nil
	case c.static():
		under.DHCP = nil
	}
	merged := &IPConfiguration{
		DHCP:      either(c.DHCP, under.DHCP),
		StaticIP:  either(c.StaticIP, under.StaticIP),
		StaticIPs: under.StaticIPs,
		Gateway:   either(c.Gateway, under.Gateway),
		Gateways:  under.Gateways,
		OnLink:    either(c.OnLink, under.OnLink),
		DNS:       under.DNS,
	}
	if c.StaticIPs != nil {
		merged.StaticIPs = c.StaticIPs
	}
	if c.Gateways != nil {
		merged.Gateways = c.Gateways
	}
	if c.DNS != nil {
		merged.DNS = c.DNS
	}
	return merged
}

// static reports whether there is a static address.
func (c *IPConfiguration) static() bool { return c.StaticIP != nil || len(c.StaticIPs) > 0 }

// addresses returns the texts of the static addresses, in whichever attribute they are written.
func (c *IPConfiguration) addresses() []string { return oneOrMore(c.StaticIP, c.StaticIPs) }

// gateways returns the texts of the gateways, in whichever attribute they are written.
func (c *IPConfiguration) gateways() []string { return oneOrMore(c.Gateway, c.Gateways) }

// addressAttribute and gatewayAttribute are the attributes in which the static addresses and the
// gateways are written.
func (c *IPConfiguration) addressAttribute() string {
	if c.StaticIPs != nil {
		return "static_ips"
	}
	return "static_ip"
}

func (c *IPConfiguration) gatewayAttribute() string {
	if c.Gateways != nil {
		return "gateways"
	}
	return "gateway"
}

func oneOrMore(one *string, more []string) []string {
	if one == nil {
		return more
	}
	return append([]string{*one}, more...)
}

// Addressing is an IPConfiguration with every field filled in.
type Addressing struct {
	DHCP      bool           // for an IPv4 address
	Addresses []netip.Prefix // the static addresses with their prefix lengths
	Gateways  []netip.Addr   // at most one of IPv4 and one of IPv6
	DNS       []netip.Addr
}

// Addressing fills in the defaults: DHCP, unless there is a static address. c may be nil. Validate
// first.
func (c *IPConfiguration) Addressing() Addressing {
	if c == nil {
		return Addressing{DHCP: true}
	}
	a := Addressing{DHCP: or(c.DHCP, !c.static())}
	for _, text := range c.addresses() {
		if address, err := netip.ParsePrefix(text); err == nil {
			a.Addresses = append(a.Addresses, address)
		}
	}
	a.Gateways, a.DNS = parsed(c.gateways()), parsed(c.DNS)
	return a
}

func parsed(texts []string) []netip.Addr {
	var addresses []netip.Addr
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// Any reports whether an interface gets an address at all.
func (a Addressing) Any() bool { return a.DHCP || len(a.Addresses) > 0 }

// Static reports whether all addresses of an interface are static.
func (a Addressing) Static() bool { return !a.DHCP && len(a.Addresses) > 0 }

// OnLink reports whether a gateway has to be reached on the link because no network contains it.
func (a Addressing) OnLink(gateway netip.Addr) bool {
	return !gateway.IsLinkLocalUnicast() && !slices.ContainsFunc(a.Addresses, func(p netip.Prefix) bool {
		return p.Contains(gateway)
	})
}

// Equal reports whether a and b are the same configuration.
func (a Addressing) Equal(b Addressing) bool {
	return a.DHCP == b.DHCP && slices.Equal(a.Addresses, b.Addresses) && sameGateways(a.Gateways, b.Gateways) &&
		slices.Equal(a.DNS, b.DNS)
}

// sameGateways reports whether two configurations have the same gateways. There is at most one for
// each kind of address, so their order means nothing.
func sameGateways(a, b []netip.Addr) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(a), netip.Addr.Compare),
		slices.SortedFunc(slices.Values(b), netip.Addr.Compare))
}
