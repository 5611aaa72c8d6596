package hypervisor

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/digitalocean/go-libvirt"
)

// domainRef addresses a domain. Drivers go by the UUID alone (qemu_domain.c,
// qemuDomainObjFromDomain); the name only appears in libvirt's messages, so
// that nothing needs to be looked up.
func domainRef(uuid string) (libvirt.Domain, error) {
	bare := strings.ReplaceAll(uuid, "-", "")
	parsed, err := hex.DecodeString(bare)
	if err != nil || len(parsed) != libvirt.UUIDBuflen {
		return libvirt.Domain{}, fmt.Errorf("%q is not a UUID", uuid)
	}
	return libvirt.Domain{Name: uuid, UUID: libvirt.UUID(parsed), ID: -1}, nil
}
