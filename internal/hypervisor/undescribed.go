package hypervisor

import (
	"github.com/digitalocean/go-libvirt"
)

// ofDomains tells whether an answer is about the domain that was asked about: libvirt
// writes what it has in memory, so little goes wrong. RPC is what it says of a
// description that its protocol has no room for.
func ofDomains(code libvirt.ErrorNumber) bool {
	return code == libvirt.ErrInternalError || code == libvirt.ErrRPC
}
