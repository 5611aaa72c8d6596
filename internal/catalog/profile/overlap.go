package profile

import (
	"fmt"
	"net/netip"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Overlaps finds pairs of interfaces that share a network by their static addresses. cloud-init and
// netplan accept that, and on one link it may be intended, as for two paths to a storage network.
// So it is worth a warning, not an error.
func Overlaps(nics []NIC) finding.List {
	var fs finding.List
	for n, nic := range nics {
		for _, other := range nics[:n] {
			if a, b, found := overlap(other.IP.Addresses, nic.IP.Addresses); found {
				fs.Add(finding.At("network_profile").Name("interfaces").Key(nic.Name).Name("ip_configuration"),
					fmt.Sprintf("Interfaces %q and %q share a network", other.Name, nic.Name),
					fmt.Sprintf("Interface %q has the address %s, and interface %q has %s. For addresses that both "+
						"networks contain, a guest sends through only one of the two, which may be the wrong one. "+
						"Give each interface a network of its own, unless both are on one link and the guest is set "+
						"up for that.", other.Name, a, nic.Name, b))
			}
		}
	}
	return fs
}

// overlap finds an address of each of two interfaces whose networks have addresses in common. It
// ignores link-local networks, which are on every interface, and an address that is alone in its
// network.
func overlap(some, others []netip.Prefix) (a, b netip.Prefix, found bool) {
	for _, a := range some {
		for _, b := range others {
			if !a.IsSingleIP() && !b.IsSingleIP() && !a.Addr().IsLinkLocalUnicast() && a.Overlaps(b) {
				return a, b, true
			}
		}
	}
	return a, b, false
}
