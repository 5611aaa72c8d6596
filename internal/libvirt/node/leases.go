package node

import (
	"context"
	"errors"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Leases returns the addresses that the DHCP server of a network has leased to all guests, with two
// requests. A network that is inactive or gone has none.
func (m *Node) Leases(ctx context.Context, network string) ([]host.Address, error) {
	leases, err := rpc.Ask(ctx, m.client, "reading the leases of", virterr.Network(network),
		func(l *libvirt.Libvirt) ([]libvirt.NetworkDhcpLease, error) {
			ref, err := l.NetworkLookupByName(network) // libvirt finds the network only by its UUID
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
		addresses[i] = host.Address{
			IP: lease.Ipaddr, Prefix: int(lease.Prefix), Interface: lease.Iface, Expires: lease.Expirytime,
		}
		if len(lease.Mac) > 0 {
			addresses[i].MAC = lease.Mac[0]
		}
	}
	return addresses, err
}
