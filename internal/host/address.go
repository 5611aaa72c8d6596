package host

import (
	"fmt"
)

// AddressSource is where to ask for a domain's addresses.
type AddressSource int

// The sources, with libvirt's numbers (virDomainInterfaceAddressesSource).
const (
	// AddressLease: the DHCP server of the libvirt network.
	AddressLease AddressSource = iota
	// AddressAgent: the guest agent. It also reports the loopback interface.
	AddressAgent
	// AddressARP: the host's neighbour table. It does not know prefixes, and libvirt 9.0 fails with an
	// internal error when the table is empty.
	AddressARP
)

// String names the source.
func (s AddressSource) String() string {
	switch s {
	case AddressLease:
		return "lease"
	case AddressAgent:
		return "agent"
	case AddressARP:
		return "arp"
	default:
		return fmt.Sprintf("source %d", int(s))
	}
}

// Address is an IP address of a domain.
type Address struct {
	MAC       string // lower case, colons; empty if the source does not report it
	IP        string
	Prefix    int    // length in bits, 0 if unknown
	Interface string // the host's name (vnet0), or for AddressAgent the guest's (eth0)
	// Expires is when the lease ends, by the host's clock in seconds since 1970, or 0 if it never
	// does. Only Leases fills it in.
	Expires int64
}
