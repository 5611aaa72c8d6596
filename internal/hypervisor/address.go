package hypervisor

import (
	"context"
	"errors"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// AddressSource is who is asked for a domain's addresses.
type AddressSource int

// The sources, with libvirt's numbers (virDomainInterfaceAddressesSource).
const (
	// AddressLease: the DHCP server of the libvirt network.
	AddressLease AddressSource = iota
	// AddressAgent: the guest agent. It also reports the loopback interface.
	AddressAgent
	// AddressARP: the host's neighbour table. It knows no prefix, and libvirt 9.0
	// fails with an internal error when the table is empty.
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
	MAC       string // lower case, colons; empty where the source has none
	IP        string
	Prefix    int    // length in bits, 0 when unknown
	Interface string // the host's name (vnet0), or for AddressAgent the guest's (eth0)
	// Expires is when the lease ends, by the host's clock in seconds since 1970; 0 for one that never does. Only Leases tells.
	Expires int64
}

// DomainAddresses returns the addresses of a running domain that source knows;
// none yet is not an error. A domain that is not running gives
// virterr.ErrOperationInvalid, AddressAgent without an agent virterr.ErrAgentUnresponsive.
func (h *Host) DomainAddresses(ctx context.Context, uuid string, source AddressSource) ([]Address, error) {
	const op = "reading addresses of"
	var found []libvirt.DomainInterface
	fetch := func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		got, err := l.DomainInterfaceAddresses(ref, uint32(source), 0)
		if err == nil {
			found = got
		}
		return err
	}
	var err error
	if source == AddressAgent {
		err = h.callAgent(ctx, op, uuid, 0, fetch)
	} else {
		err = h.query(ctx, op, uuid, fetch)
	}
	if err != nil {
		return nil, err
	}
	var addresses []Address
	for _, nic := range found {
		for _, a := range nic.Addrs {
			address := Address{IP: a.Addr, Prefix: int(a.Prefix), Interface: nic.Name}
			if len(nic.Hwaddr) > 0 {
				address.MAC = nic.Hwaddr[0]
			}
			addresses = append(addresses, address)
		}
	}
	return addresses, nil
}

// Leases returns the addresses that the DHCP server of a network has leased, of
// all guests, with two requests. A network that is not active, or is gone, has none.
func (h *Host) Leases(ctx context.Context, network string) ([]Address, error) {
	leases, err := rpc.Ask(ctx, h.Client, "reading the leases of", virterr.Network(network), func(l *libvirt.Libvirt) ([]libvirt.NetworkDhcpLease, error) {
		ref, err := l.NetworkLookupByName(network) // libvirt finds it by its UUID alone
		if err != nil {
			return nil, err
		}
		leases, _, err := l.NetworkGetDhcpLeases(ref, nil, 1, 0)
		return leases, err
	})
	if errors.Is(err, virterr.ErrOperationInvalid) || errors.Is(err, virterr.ErrNoNetwork) {
		return nil, nil
	}
	addresses := make([]Address, len(leases))
	for i, lease := range leases {
		addresses[i] = Address{IP: lease.Ipaddr, Prefix: int(lease.Prefix), Interface: lease.Iface, Expires: lease.Expirytime}
		if len(lease.Mac) > 0 {
			addresses[i].MAC = lease.Mac[0]
		}
	}
	return addresses, err
}
