package network

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Addresses are the addresses that a running guest is seen to have, and the static ones of
// interfaces that are not seen: only the guest itself could say whether it has those.
func (n *Networks) Addresses(ctx context.Context, uuid string, nics []profile.NIC) ([]netip.Addr, error) {
	sources := []host.AddressSource{host.AddressLease}
	if !slices.ContainsFunc(nics, IsStatic) {
		sources = append(sources, host.AddressAgent)
	}
	seen, err := n.Seen(ctx, uuid, nics, sources...)
	return usable(withStatic(seen, nics), nics), err
}

// IsStatic reports whether an interface has static addresses.
func IsStatic(n profile.NIC) bool { return n.IP.Static() }

// withStatic adds the static addresses of interfaces that were not seen to have an address of the
// same kind.
func withStatic(seen []host.Address, nics []profile.NIC) []host.Address {
	all := slices.Clone(seen)
	for _, nic := range nics {
		for _, address := range nic.IP.Addresses {
			ip := address.Addr()
			if !slices.ContainsFunc(seen, func(a host.Address) bool {
				return strings.EqualFold(a.MAC, nic.MAC) && alike(a.IP, ip)
			}) {
				all = append(all, host.Address{MAC: nic.MAC, IP: ip.String()})
			}
		}
	}
	return all
}

// alike reports whether a text is an address of the same kind that others can use. IPv6 link-local
// addresses are not.
func alike(text string, ip netip.Addr) bool {
	seen, err := netip.ParseAddr(text)
	return err == nil && seen.Is4() == ip.Is4() && !seen.IsLinkLocalUnicast()
}

// Seen returns the addresses of the first source that knows any of the guest's. Ask the host's DHCP
// server first, because that costs one request, and the guest itself after it.
func (n *Networks) Seen(
	ctx context.Context, uuid string, nics []profile.NIC, sources ...host.AddressSource,
) ([]host.Address, error) {
	for _, source := range sources {
		found, err := n.host.DomainAddresses(ctx, uuid, source)
		switch {
		case err == nil:
		case source == host.AddressAgent && ctx.Err() == nil && !errors.Is(err, host.ErrUnreachable):
			continue // no agent, or not yet
		case errors.Is(err, host.ErrOperationInvalid), errors.Is(err, host.ErrNoDomain):
			return nil, nil // the guest was just powered off
		default:
			return nil, err
		}
		if len(usable(found, nics)) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

// usable picks the addresses of the instance's own interfaces at which others can reach it.
func usable(found []host.Address, nics []profile.NIC) []netip.Addr {
	type ranked struct {
		nic  int
		addr netip.Addr
	}
	var picked []ranked
	for _, a := range found {
		nic := slices.IndexFunc(nics, func(n profile.NIC) bool { return strings.EqualFold(n.MAC, a.MAC) })
		addr, err := netip.ParseAddr(a.IP)
		if nic < 0 || err != nil || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
			continue
		}
		if !slices.Contains(picked, ranked{nic, addr}) {
			picked = append(picked, ranked{nic, addr})
		}
	}
	slices.SortStableFunc(picked, func(a, b ranked) int {
		if a.addr.Is4() != b.addr.Is4() {
			if a.addr.Is4() {
				return -1
			}
			return 1
		}
		return a.nic - b.nic
	})
	addresses := make([]netip.Addr, len(picked))
	for i, p := range picked {
		addresses[i] = p.addr
	}
	return addresses
}
