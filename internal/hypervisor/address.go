package hypervisor

import (
	"context"
	"errors"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// DomainAddresses returns the addresses of a running domain that source knows;
// none yet is not an error. A domain that is not running gives
// host.ErrOperationInvalid, AddressAgent without an agent host.ErrAgentUnresponsive.
func (h *Host) DomainAddresses(ctx context.Context, uuid string, source host.AddressSource) ([]host.Address, error) {
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
	if source == host.AddressAgent {
		err = h.callAgent(ctx, op, uuid, 0, fetch)
	} else {
		err = h.query(ctx, op, uuid, fetch)
	}
	if err != nil {
		return nil, err
	}
	var addresses []host.Address
	for _, nic := range found {
		for _, a := range nic.Addrs {
			address := host.Address{IP: a.Addr, Prefix: int(a.Prefix), Interface: nic.Name}
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
func (h *Host) Leases(ctx context.Context, network string) ([]host.Address, error) {
	leases, err := rpc.Ask(ctx, h.Client, "reading the leases of", virterr.Network(network), func(l *libvirt.Libvirt) ([]libvirt.NetworkDhcpLease, error) {
		ref, err := l.NetworkLookupByName(network) // libvirt finds it by its UUID alone
		if err != nil {
			return nil, err
		}
		leases, _, err := l.NetworkGetDhcpLeases(ref, nil, 1, 0)
		return leases, err
	})
	if errors.Is(err, host.ErrOperationInvalid) || errors.Is(err, host.ErrNoNetwork) {
		return nil, nil
	}
	addresses := make([]host.Address, len(leases))
	for i, lease := range leases {
		addresses[i] = host.Address{IP: lease.Ipaddr, Prefix: int(lease.Prefix), Interface: lease.Iface, Expires: lease.Expirytime}
		if len(lease.Mac) > 0 {
			addresses[i].MAC = lease.Mac[0]
		}
	}
	return addresses, err
}
