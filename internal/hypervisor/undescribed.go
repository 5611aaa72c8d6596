package hypervisor

import (
	"slices"

	"github.com/digitalocean/go-libvirt"
)

// notOfVolumes are answers that are about the caller, the connection or the daemon,
// and not about the volume that was asked about. What libvirt stumbles over in a
// volume has many codes.
var notOfVolumes = []libvirt.ErrorNumber{
	libvirt.ErrNoStoragePool, libvirt.ErrNoMemory, libvirt.ErrNoConnect, libvirt.ErrInvalidConn, libvirt.ErrRPC,
	libvirt.ErrOperationDenied, libvirt.ErrAccessDenied, libvirt.ErrAuthFailed, libvirt.ErrAuthCancelled, libvirt.ErrAuthUnavailable,
	libvirt.ErrOperationTimeout, libvirt.ErrOperationAborted, libvirt.ErrNoSupport,
}

// ofVolumes tells whether an answer is about the volume that was asked about.
func ofVolumes(code libvirt.ErrorNumber) bool { return !slices.Contains(notOfVolumes, code) }

// ofDomains tells whether an answer is about the domain that was asked about: libvirt
// writes what it has in memory, so little goes wrong. RPC is what it says of a
// description that its protocol has no room for.
func ofDomains(code libvirt.ErrorNumber) bool {
	return code == libvirt.ErrInternalError || code == libvirt.ErrRPC
}
