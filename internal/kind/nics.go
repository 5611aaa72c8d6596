package kind

import (
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// WithMACs are interfaces with the addresses that those of their names have, or had before they were
// removed. New ones get an address here, because the guest is told of it.
func WithMACs(nics []profile.NIC, i Instance) []profile.NIC {
	nics = slices.Clone(nics)
	for n := range nics {
		nic := &nics[n]
		if h := slices.IndexFunc(i.NICs, func(h profile.NIC) bool { return h.Name == nic.Name }); h >= 0 {
			nic.MAC = i.NICs[h].MAC
		} else if nic.MAC == "" {
			nic.MAC = metadata.NotedMAC(i.Facts.MACs, nic.Name)
		}
		if nic.MAC == "" {
			nic.MAC = RandomMAC()
		}
	}
	return nics
}

// DriftOfNICs returns the attributes in which interfaces differ from what is wanted. All of them can be
// had again without another instance.
func DriftOfNICs(have, want []profile.NIC) (all []Drift) {
	differs := func(at finding.Path, is any, same bool) {
		if !same {
			all = append(all, Drift{Path: at, Is: is})
		}
	}
	filtered := false
	for _, w := range want {
		at := finding.At("network_profile").Name("interfaces").Key(w.Name)
		n := slices.IndexFunc(have, func(h profile.NIC) bool { return h.Name == w.Name })
		if n < 0 {
			differs(at.Name("network"), "", false)
			continue
		}
		h := have[n]
		differs(at.Name("type"), h.Model, h.Model == w.Model)
		differs(at.Name("network"), h.Network, h.Network == w.Network)
		differs(at.Name("bridge"), h.Bridge, h.Bridge == w.Bridge)
		differs(at.Name("vlan"), int64(h.VLAN), h.VLAN == w.VLAN)
		if h.Filter != w.Filter && !filtered {
			filtered = true
			differs(finding.At("network_profile").Name("default_network_policies"), filters(h), false)
		}
	}
	return all
}

func filters(n profile.NIC) []string {
	if n.Filter == "" {
		return []string{}
	}
	return []string{n.Filter}
}
