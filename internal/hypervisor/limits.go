package hypervisor

import (
	"context"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// defineXML defines a domain, unless its definition is longer than MaxDefinition.
func (h *Host) defineXML(ctx context.Context, op, object, text string, flags libvirt.DomainDefineFlags) (libvirt.Domain, error) {
	if size := host.AnswerSize(text); size > host.MaxDefinition {
		return libvirt.Domain{}, virterr.Fail(op, object, fmt.Errorf("%w: its definition with the metadata has %d bytes, and %d is the most", host.ErrTooLarge, size, host.MaxDefinition))
	}
	return rpc.Tell(ctx, h.Client, op, object, func(l *libvirt.Libvirt) (libvirt.Domain, error) {
		return l.DomainDefineXMLFlags(text, flags)
	})
}
