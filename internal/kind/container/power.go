package container

import (
	"context"
	"errors"
	"path"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Start implements kind.Driver. What the container reported before is cleared first, because it would
// be taken for what it reports now.
func (d *Driver) Start(ctx context.Context, i kind.Instance) (kind.Before, error) {
	state, err := d.containers.DomainState(ctx, i.UUID)
	if err != nil {
		return kind.Before{}, err
	}
	if state == host.StateCrashed {
		if err := d.containers.DestroyDomain(ctx, i.UUID); err != nil {
			return kind.Before{}, err
		}
		state = host.StateShutoff
	}
	var before kind.Before
	if state == host.StateShutoff {
		if noteOf(i).System {
			if before.Leases, err = d.networks.LeasesBefore(ctx, i.NICs); err != nil {
				return before, err
			}
		}
		status := naming.Status(i.Facts.Tenant, i.Facts.Name)
		if err := d.host.WriteVolume(ctx, d.volumes.Pool(), status, make([]byte, initd.StatusSize)); err != nil {
			return before, err
		}
	}
	if state == host.StateShutoff {
		if err := d.provide(ctx, i.UUID, definedOf(i).program); err != nil {
			return before, err
		}
	}
	return before, d.run(ctx, i.UUID, definedOf(i).program)
}

// run starts a container. If it does not start, its nova-init may have been removed just now.
func (d *Driver) run(ctx context.Context, uuid, program string) error {
	err := d.containers.StartDomain(ctx, uuid)
	if err == nil || ctx.Err() != nil || host.Unanswered(err) || host.Driverless(err) ||
		errors.Is(err, host.ErrNoDomain) {
		return err
	}
	pool, found, lost := d.poolOf(ctx, program)
	if lost != nil || !found {
		return err
	}
	if stands, lost := d.inits.stands(ctx, pool.Name, path.Base(program)); stands || lost != nil {
		return err
	}
	if lost := d.provide(ctx, uuid, program); lost != nil {
		return errors.Join(err, lost)
	}
	return d.containers.StartDomain(ctx, uuid)
}

// Stop implements kind.Driver. nova-init stops an application as its settings say, within their own
// time; the image's own init shuts a system down.
func (d *Driver) Stop(ctx context.Context, uuid string, grace time.Duration) error {
	facts := sync.OnceValue(func() metadata.Facts { return d.facts(ctx, uuid) })
	return kind.Stop(ctx, d.containers, uuid, grace, func(ctx context.Context) {
		mode, f := host.ShutdownSignal, facts()
		if f.Container != nil && f.Container.System {
			mode = host.ShutdownInit
		}
		err := d.containers.ShutdownDomain(ctx, uuid, mode) // it is watched, and asked again
		if errors.Is(err, host.ErrOperationInvalid) && mode == host.ShutdownSignal && f.Container != nil {
			_ = d.halt(ctx, f) // the same
		}
	})
}

// facts are those of a container; none if they cannot be read.
func (d *Driver) facts(ctx context.Context, uuid string) (f metadata.Facts) {
	if domain, err := d.containers.DomainWith(ctx, uuid, host.Status{}); err == nil {
		f, _ = metadata.Parse(domain.Metadata)
	}
	return f
}

// halt asks nova-init to stop by what it is told. libvirt does not know process 1 of a container if it
// has missed its controller's first message, which happens when several containers start at once
// (virLXCMonitorNew in src/lxc/lxc_monitor.c listens before it knows the messages). Then libvirt sends
// no signal.
func (d *Driver) halt(ctx context.Context, f metadata.Facts) error {
	i := kind.Instance{Facts: f}
	status, err := d.status(ctx, i)
	if err != nil {
		return err
	}
	return d.retell(ctx, i, func(c *initd.Config) { c.Halt = status.Started })
}
