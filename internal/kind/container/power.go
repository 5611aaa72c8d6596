package container

import (
	"context"
	"errors"
	"path"
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
		if err := d.clear(ctx, i); err != nil {
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

// clear clears what a container has reported. The log of a system whose first boot comes again has the
// report of an earlier one: nova-init empties a log that begins with a zero.
func (d *Driver) clear(ctx context.Context, i kind.Instance) error {
	pool, tenant, name := d.volumes.Pool(), i.Facts.Tenant, i.Facts.Name
	err := d.host.WriteVolume(ctx, pool, naming.Status(tenant, name), make([]byte, initd.StatusSize))
	if err != nil || !noteOf(i).System || !i.Facts.Customized.Pending {
		return err
	}
	err = d.host.WriteVolume(ctx, pool, naming.Log(tenant, name), []byte{0})
	if errors.Is(err, host.ErrNoVolume) {
		return nil
	}
	return err
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
	var f metadata.Facts
	return kind.Stop(ctx, d.containers, uuid, grace, func(ctx context.Context) {
		if f.Container == nil {
			f = d.facts(ctx, uuid)
		}
		mode := host.ShutdownSignal
		if f.Container != nil && f.Container.System {
			mode = host.ShutdownInit
		}
		// It is watched, and asked again.
		err := d.containers.ShutdownDomain(ctx, uuid, mode)
		if errors.Is(err, host.ErrOperationInvalid) && mode == host.ShutdownSignal && f.Container != nil {
			_ = d.halt(ctx, uuid, f)
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
// no signal. It may not notice the container's end, either.
func (d *Driver) halt(ctx context.Context, uuid string, f metadata.Facts) error {
	i := kind.Instance{Facts: f}
	status, err := d.status(ctx, i)
	if err != nil {
		return err
	}
	if hasEnded(status) {
		return d.containers.DestroyDomain(ctx, uuid)
	}
	return d.retell(ctx, i, func(c *initd.Config) { c.Halt = status.Started })
}
