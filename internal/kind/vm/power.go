package vm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// start starts a guest for the first time.
func (b *build) start(ctx context.Context) (err error) {
	if b.Before.Leases, err = b.driver.networks.LeasesBefore(ctx, b.Configured()); err != nil {
		return err
	}
	return b.driver.startFailed(ctx, step.Completed(ctx, func(ctx context.Context) error {
		return b.driver.host.StartDomain(ctx, b.UUID)
	}))
}

// power starts and stops machines.
type power struct {
	host       host.Host
	networks   *network.Networks
	domainType func(context.Context) (string, error) // of new machines
}

// Start implements kind.Driver.
func (p *power) Start(ctx context.Context, i kind.Instance) (kind.Before, error) {
	state, err := p.host.DomainState(ctx, i.UUID)
	if err != nil {
		return kind.Before{}, err
	}
	if state == host.StateCrashed {
		if err := p.host.DestroyDomain(ctx, i.UUID); err != nil {
			return kind.Before{}, err
		}
	}
	var old network.OldLeases
	if state == host.StateShutoff || state == host.StateCrashed {
		saved, err := p.host.HasSavedState(ctx, i.UUID)
		if err == nil && !saved {
			old, err = p.networks.LeasesBefore(ctx, i.NICs)
		}
		if err != nil {
			return kind.Before{}, err
		}
	}
	return kind.Before{Leases: old}, p.startFailed(ctx, p.host.StartDomain(ctx, i.UUID))
}

// startFailed adds advice to the error of a guest that did not start, if QEMU may have ended
// because of KVM: then QEMU's own words are an assertion. libvirt uses the same code for many other
// errors.
func (p *power) startFailed(ctx context.Context, err error) error {
	if !errors.Is(err, host.ErrInternal) {
		return err
	}
	if domainType, unknown := p.domainType(ctx); unknown != nil || domainType != "kvm" {
		return err
	}
	return fmt.Errorf("%w. If QEMU ended with an assertion, or without a reason, KVM may be broken on "+
		"this host, as in virtual machines that are given it only in part: set domain_type = \"qemu\" in the "+
		"provider (or NOVACRON_DOMAIN_TYPE), which emulates the processor, or try another hardware_profile.cpu_type",
		err)
}

// Stop implements kind.Driver.
func (p *power) Stop(ctx context.Context, uuid string, grace time.Duration) error {
	return kind.Stop(ctx, p.host, uuid, grace, func(ctx context.Context) { p.askToShutDown(ctx, uuid) })
}

// Awaits implements kind.Driver.
func (p *power) Awaits(kind.Blueprint) []string { return []string{kind.WaitIP} }

// askToShutDown asks the guest agent, and presses the power button if there is none. The guest may
// hear neither, so it is watched and asked again.
func (p *power) askToShutDown(ctx context.Context, uuid string) {
	if p.host.ShutdownDomain(ctx, uuid, host.ShutdownAgent) != nil {
		_ = p.host.ShutdownDomain(ctx, uuid, host.ShutdownACPI)
	}
}
