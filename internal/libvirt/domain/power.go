package domain

import (
	"context"
	"errors"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// StartDomain starts a domain. It leaves a running domain as it is.
func (p *Power) StartDomain(ctx context.Context, uuid string) error {
	return p.Bring(ctx, "starting", uuid, host.StateRunning, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainCreate(ref)
	})
}

// DestroyDomain powers a domain off. It leaves a domain that is off as it is.
func (p *Power) DestroyDomain(ctx context.Context, uuid string) error {
	return p.Bring(ctx, "powering off", uuid, host.StateShutoff, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainDestroyFlags(ref, libvirt.DomainDestroyDefault)
	})
}

// ShutdownDomain asks the guest to shut down and does not wait for it: see DomainState. It leaves a
// domain that is off as it is. With the mode ShutdownAgent, it returns host.ErrAgentUnresponsive if
// no agent answers.
func (p *MachinePower) ShutdownDomain(ctx context.Context, uuid string, mode host.ShutdownMode) error {
	switch mode {
	case host.ShutdownACPI:
	case host.ShutdownAgent:
		return p.shutdownByAgent(ctx, uuid)
	default:
		return virterr.Fail("shutting down", virterr.Domain(uuid), host.ErrUnsupported)
	}
	return p.Bring(ctx, "shutting down", uuid, host.StateShutoff, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainShutdownFlags(ref, libvirt.DomainShutdownAcpiPowerBtn)
	})
}

// Bring makes a request that leads to a state. libvirt refuses the request with OPERATION_INVALID
// if the domain is in that state already.
func (p *Power) Bring(
	ctx context.Context, op, uuid string, to host.State, fn func(*libvirt.Libvirt, libvirt.Domain) error,
) error {
	err := change(ctx, p.client, op, uuid, fn)
	return p.forgive(ctx, uuid, to, err)
}

func (p *Power) forgive(ctx context.Context, uuid string, to host.State, err error) error {
	if errors.Is(err, host.ErrOperationInvalid) {
		if state, stateErr := domainState(ctx, p.client, uuid); stateErr == nil && state == to {
			return nil
		}
	}
	return err
}

// DiscardSavedState removes the memory that a managed save has kept of a domain, so that the domain
// boots when it starts. It is not an error if there is none.
func (p *MachinePower) DiscardSavedState(ctx context.Context, uuid string) error {
	return change(ctx, p.client, "discarding the saved state of", uuid,
		func(l *libvirt.Libvirt, ref libvirt.Domain) error {
			saved, err := l.DomainHasManagedSaveImage(ref, 0)
			if err != nil || saved == 0 {
				return err
			}
			return l.DomainManagedSaveRemove(ref, 0)
		})
}

// HasSavedState reports whether a domain that is shut off would resume where its guest was: its
// disks are then in the state of a running guest.
func (p *MachinePower) HasSavedState(ctx context.Context, uuid string) (saved bool, err error) {
	err = query(ctx, p.client, "reading the state of", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		n, err := l.DomainHasManagedSaveImage(ref, 0)
		saved = n != 0
		return err
	})
	return saved, err
}

// ResumeDomain resumes a paused domain. It leaves a running domain as it is.
func (p *Power) ResumeDomain(ctx context.Context, uuid string) error {
	return p.Bring(ctx, "resuming", uuid, host.StateRunning, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainResume(ref)
	})
}

func (p *MachinePower) shutdownByAgent(ctx context.Context, uuid string) error {
	err := p.agents.call(ctx, "shutting down", uuid, 0, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainShutdownFlags(ref, libvirt.DomainShutdownGuestAgent)
	})
	return p.forgive(ctx, uuid, host.StateShutoff, err)
}
