package catalog

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// IPConfiguration is how an interface gets its address. A nil member says nothing.
type IPConfiguration struct {
	DHCP     *bool    `json:"dhcp_enabled,omitempty"` // default: true, unless there is a static address
	StaticIP *string  `json:"static_ip,omitempty"`    // with its prefix: "10.0.0.5/24"
	Gateway  *string  `json:"gateway,omitempty"`
	DNS      []string `json:"dns_servers"` // in the order in which the guest asks them
}

// over lays the fields that c sets over base. A static address and DHCP are one choice of two.
func (c *IPConfiguration) over(base *IPConfiguration) *IPConfiguration {
	if c == nil {
		return base
	}
	if base == nil {
		return c
	}
	under := *base
	switch {
	case or(c.DHCP, false):
		under.StaticIP, under.Gateway = nil, nil
	case c.StaticIP != nil:
		under.DHCP = nil
	}
	merged := &IPConfiguration{
		DHCP: either(c.DHCP, under.DHCP), StaticIP: either(c.StaticIP, under.StaticIP), Gateway: either(c.Gateway, under.Gateway), DNS: under.DNS,
	}
	if c.DNS != nil {
		merged.DNS = c.DNS
	}
	return merged
}

// Addressing is an IPConfiguration with every field settled.
type Addressing struct {
	DHCP    bool
	Address netip.Prefix // the static address with its prefix length; invalid for none
	Gateway netip.Addr   // invalid for none
	DNS     []netip.Addr
}

// Addressing fills in the defaults: DHCP, unless there is a static address. c may be nil. Validate first.
func (c *IPConfiguration) Addressing() Addressing {
	if c == nil {
		return Addressing{DHCP: true}
	}
	a := Addressing{DHCP: or(c.DHCP, c.StaticIP == nil)}
	a.Address, _ = netip.ParsePrefix(or(c.StaticIP, ""))
	a.Gateway, _ = netip.ParseAddr(or(c.Gateway, ""))
	for _, text := range c.DNS {
		if server, err := netip.ParseAddr(text); err == nil {
			a.DNS = append(a.DNS, server)
		}
	}
	return a
}

// Any tells whether an interface gets an address at all.
func (a Addressing) Any() bool { return a.DHCP || a.Address.IsValid() }

// Equal tells whether a and b are the same configuration.
func (a Addressing) Equal(b Addressing) bool {
	return a.DHCP == b.DHCP && a.Address == b.Address && a.Gateway == b.Gateway && slices.Equal(a.DNS, b.DNS)
}

// validate checks a configuration; c may be nil. seen has the addresses of other interfaces, by address.
func (c *IPConfiguration) validate(fs *Findings, at Path, name string, seen map[string]string) {
	if c == nil {
		return
	}
	var address netip.Prefix
	if c.StaticIP != nil {
		var err error
		switch address, err = parseHostAddress(*c.StaticIP); {
		case err != nil:
			fs.Add(at.Name("static_ip"), "Invalid address", Sentence(err))
		case seen[address.Addr().String()] != "":
			fs.Add(at.Name("static_ip"), "Duplicate IP address", fmt.Sprintf("%s is also the address of interface %q.", address.Addr(), seen[address.Addr().String()]))
		default:
			seen[address.Addr().String()] = name
		}
		if or(c.DHCP, false) {
			fs.Add(at.Name("dhcp_enabled"), "Conflicting static_ip and dhcp_enabled", "An interface has a static address or gets one by DHCP: take static_ip or dhcp_enabled out.")
		}
	}
	if c.Gateway != nil {
		if err := validGateway(*c.Gateway, address); err != nil {
			fs.Add(at.Name("gateway"), "Invalid gateway", Sentence(err))
		}
	}
	for n, text := range c.DNS {
		server, err := netip.ParseAddr(text)
		switch {
		case err != nil || server.Zone() != "" || server.IsUnspecified() || server.IsMulticast():
			fs.Add(at.Name("dns_servers"), "Invalid DNS server", fmt.Sprintf("%q is no address of a DNS server: write it as 10.0.0.1 or 2001:db8::1.", text))
		case slices.Contains(c.DNS[:n], text):
			fs.Add(at.Name("dns_servers"), "Duplicate DNS server", fmt.Sprintf("%q is in the list already.", text))
		}
	}
}

// parseHostAddress reads an address that an interface can have, with the length of its network's prefix.
func parseHostAddress(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		if addr, plain := netip.ParseAddr(text); plain == nil {
			length := 64
			if addr.Unmap().Is4() {
				length = 24
			}
			return netip.Prefix{}, fmt.Errorf("%q lacks the length of its network's prefix: write it as %s/%d, say", text, addr.Unmap(), length)
		}
		return netip.Prefix{}, fmt.Errorf("%q is no address with a prefix length: write it as 10.0.0.5/24 or 2001:db8::5/64", text)
	}
	addr := prefix.Addr()
	switch {
	case addr.Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 address in the clothes of IPv6: write it as %s", text, addr.Unmap())
	case addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback() || prefix.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is no address that an interface can have", text)
	case notOfAHost(addr, prefix):
		return netip.Prefix{}, fmt.Errorf("%q is the address of the network %s itself or its broadcast address, not one of a host in it", text, prefix.Masked())
	}
	return prefix, nil
}

// notOfAHost tells whether an address stands for its network or for all hosts in it (RFC 919 and 4291), which it does
// not where there are but two (RFC 3021 and 6164).
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

// validGateway tells why text cannot be the gateway of an interface with that address, which may be invalid.
func validGateway(text string, address netip.Prefix) error {
	gateway, err := netip.ParseAddr(text)
	switch {
	case err != nil || gateway.Zone() != "" || gateway.IsUnspecified() || gateway.IsMulticast() || gateway.IsLoopback():
		return fmt.Errorf("%q is no address of a gateway: write it as 10.0.0.1 or 2001:db8::1", text)
	case !address.IsValid():
		return nil
	case gateway.Is6() && gateway.IsLinkLocalUnicast() && address.Addr().Is6():
		return nil // routers announce themselves by these
	case !address.Contains(gateway):
		return fmt.Errorf("%s is not in the network %s of static_ip, so the interface could not reach it", gateway, address.Masked())
	case gateway == address.Addr():
		return fmt.Errorf("%s is the interface's own address", gateway)
	case notOfAHost(gateway, address):
		return fmt.Errorf("%s is the address of the network %s itself or its broadcast address", gateway, address.Masked())
	}
	return nil
}

// AddressingNote is an interface's Addressing as an instance's metadata keeps it, for it can be seen in no other place:
// the guest is told once. Interfaces that use DHCP and no more have none.
type AddressingNote struct {
	Interface string `xml:"interface,attr"`
	DHCP      bool   `xml:"dhcp,attr"`
	Address   string `xml:"address,attr,omitempty"`
	Gateway   string `xml:"gateway,attr,omitempty"`
	DNS       string `xml:"dns,attr,omitempty"` // separated by spaces
}

// NoteAddressing writes down what NICs have of their own.
func NoteAddressing(nics []NIC) []AddressingNote {
	var notes []AddressingNote
	for _, nic := range nics {
		if nic.IP.Equal(Addressing{DHCP: true}) {
			continue
		}
		note := AddressingNote{Interface: nic.Name, DHCP: nic.IP.DHCP}
		if nic.IP.Address.IsValid() {
			note.Address = nic.IP.Address.String()
		}
		if nic.IP.Gateway.IsValid() {
			note.Gateway = nic.IP.Gateway.String()
		}
		servers := make([]string, len(nic.IP.DNS))
		for i, server := range nic.IP.DNS {
			servers[i] = server.String()
		}
		note.DNS = strings.Join(servers, " ")
		notes = append(notes, note)
	}
	return notes
}

// NotedAddressing is what NoteAddressing wrote down of an interface.
func NotedAddressing(notes []AddressingNote, name string) Addressing {
	for _, note := range notes {
		if note.Interface == name {
			return (&IPConfiguration{DHCP: &note.DHCP, StaticIP: &note.Address, Gateway: &note.Gateway, DNS: strings.Fields(note.DNS)}).Addressing()
		}
	}
	return Addressing{DHCP: true}
}
