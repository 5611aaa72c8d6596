package kind

import (
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

// Addressing is what an instance's metadata say of its interfaces once they are as requested. For
// the interfaces that it has already, the guest keeps what it was told.
func Addressing(have, want []profile.NIC) []metadata.AddressingNote {
	nics := slices.Clone(want)
	for n := range nics {
		if h := slices.IndexFunc(have, func(h profile.NIC) bool { return h.Name == nics[n].Name }); h >= 0 {
			nics[n].IP = have[h].IP
		} else {
			nics[n].IP.Addresses, nics[n].IP.Gateways, nics[n].IP.DNS = nil, nil, nil
		}
	}
	return metadata.NoteAddressing(nics)
}
