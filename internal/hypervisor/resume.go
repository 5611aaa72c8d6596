package hypervisor

import (
	"context"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// ResumeDomain lets a paused domain go on. One that is running already is left as it is.
func (h *Host) ResumeDomain(ctx context.Context, uuid string) error {
	return h.bring(ctx, "resuming", uuid, host.StateRunning, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainResume(ref)
	})
}
