package network

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Leases are the leases of networks, each of which is asked once. Create one for each list of
// instances.
type Leases map[string][]host.Address

// LeasedAddresses are the addresses of a running guest according to leases, and its static ones. It
// does not ask guests.
func (n *Networks) LeasedAddresses(ctx context.Context, l Leases, nics []profile.NIC) ([]netip.Addr, error) {
	seen, err := l.of(ctx, n.host, nics)
	if err != nil {
		return nil, err
	}
	return usable(withStatic(seen, nics), nics), nil
}

// of returns the leases of some interfaces.
func (l Leases) of(ctx context.Context, h Guests, nics []profile.NIC) ([]host.Address, error) {
	var found []host.Address
	for _, nic := range nics {
		if nic.Network == "" {
			continue
		}
		known, asked := l[nic.Network]
		if !asked {
			var err error
			if known, err = h.Leases(ctx, nic.Network); err != nil {
				return nil, err
			}
			l[nic.Network] = known
		}
		for _, a := range known {
			if strings.EqualFold(a.MAC, nic.MAC) {
				found = append(found, a)
			}
		}
	}
	return found, nil
}

// OldLeases are the leases of an instance's interfaces right before its guest was started. A guest
// that asks for its address again gets the same one, with another end. So a lease with the same
// address and the same end says nothing about the guest. OldLeases is nil for a guest that
// continues where it was, and keeps its address without asking.
type OldLeases []host.Address

// LeasesBefore are the leases of interfaces that are not powered yet.
func (n *Networks) LeasesBefore(ctx context.Context, nics []profile.NIC) (OldLeases, error) {
	return Leases{}.of(ctx, n.host, nics)
}

// Renewed reports whether the guest has asked since the start for any of the addresses that the
// host's DHCP server has leased.
func (n *Networks) Renewed(
	ctx context.Context, uuid string, nics []profile.NIC, o OldLeases, leased []host.Address,
) (bool, error) {
	if len(leased) == 0 || !slices.ContainsFunc(leased, o.knew) {
		return len(leased) > 0, nil
	}
	now, err := Leases{}.of(ctx, n.host, nics) // these have their ends
	if err != nil {
		return false, err
	}
	fresh, endless := o.compare(now, nics)
	for _, mac := range endless {
		packets, err := n.host.Sent(ctx, uuid, mac)
		if err != nil {
			return false, err
		}
		fresh = fresh || packets > 0
	}
	return fresh, nil
}

// compare reports whether leases of some cards are newer than these. If a lease has no end that
// could change, the only sign is that the guest sends: endless are the MAC addresses of such
// leases.
func (o OldLeases) compare(now []host.Address, nics []profile.NIC) (fresh bool, endless []string) {
	for _, a := range now {
		switch n := slices.IndexFunc(o, func(before host.Address) bool { return same(before, a) }); {
		case len(usable([]host.Address{a}, nics)) == 0:
		case n < 0 || o[n].Expires != a.Expires:
			return true, nil
		case a.Expires == 0:
			endless = append(endless, a.MAC)
		}
	}
	return false, endless
}

// knew reports whether an address was leased before.
func (o OldLeases) knew(a host.Address) bool {
	return slices.ContainsFunc(o, func(before host.Address) bool { return same(before, a) })
}

func same(a, b host.Address) bool { return strings.EqualFold(a.MAC, b.MAC) && a.IP == b.IP }
