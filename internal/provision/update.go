package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Change is what an instance shall become.
type Change struct {
	Description string
	Blueprint   *Blueprint // nil leaves machine and devices as they are
	// AllowRestart lets a running guest be restarted for a change that it does not take while it runs.
	AllowRestart bool
	Options
}

// Update changes an instance in place. A running guest gets and loses devices while it runs, and is shut down gracefully
// and started again for what it does not take otherwise; everything else leaves it alone. What can only be had by making
// another instance is not touched.
func (p *Provisioner) Update(ctx context.Context, uuid string, c Change) (Instance, error) {
	defer p.statuses.forget()
	instance, err := p.Read(ctx, uuid)
	if err != nil {
		return instance, err
	}
	if instance.Facts.Provision.Runner != "" { // which may have died, but a state has it
		p.unconfirmed.add(uuid)
	}
	var diff Diff
	if c.Blueprint != nil {
		var findings finding.List
		if diff, findings, err = p.Compare(ctx, instance, *c.Blueprint); err != nil {
			return instance, err
		} else if len(findings) > 0 {
			return instance, findings
		}
	}
	name := instance.Facts.Name
	if err := p.removeOldDisks(ctx, instance); err != nil {
		return instance, fmt.Errorf("removing what was the system disk of instance %q: %w", name, err)
	}
	// Planning has told, unless the instance has changed since.
	if diff.Restart() && instance.Running() && c.Running && !c.AllowRestart {
		return instance, finding.List{{Path: diff.Restarts[0].At, Summary: "Change requires a restart", Detail: fmt.Sprintf("Since it was planned, "+
			"instance %q has changed: it needs a restart now, which allow_restart = false forbids. Plan again.", name)}}
	}
	if err := p.redefine(ctx, instance, c, diff.Devices); err != nil {
		return instance, fmt.Errorf("changing instance %q: %w", name, err)
	}
	if c.Autostart != instance.Autostart {
		if err := p.host.SetAutostart(ctx, uuid, c.Autostart); err != nil {
			return instance, err
		}
	}
	running := instance.Running()
	if running && (diff.Restart() || !c.Running) {
		running = false
		if err := p.powerOff(ctx, uuid, shutdownTime(ctx)); err != nil {
			return instance, fmt.Errorf("stopping instance %q: %w", name, err)
		}
	} else if c.Running && instance.State == host.StatePaused { // a paused guest lets go of nothing
		if err := p.host.ResumeDomain(ctx, uuid); err != nil {
			return instance, fmt.Errorf("resuming instance %q: %w", name, err)
		}
	}
	if instance.renamed() && !running {
		if err := p.rename(ctx, instance); err != nil {
			return instance, fmt.Errorf("changing instance %q: %w", name, err)
		}
	}
	if err := p.changeDevices(ctx, instance, diff.Devices); err != nil {
		return instance, fmt.Errorf("changing the devices of instance %q: %w", name, err)
	}
	for _, growth := range diff.Grows {
		if err := p.growDisk(ctx, uuid, running, growth); err != nil {
			return instance, fmt.Errorf("growing disk %q of instance %q: %w", growth.Disk.Name, name, err)
		}
	}
	if c.Running && (diff.Restart() || !instance.Healthy()) {
		first := instance.Facts.Customized.Pending && !instance.Running()
		old, err := p.bringUp(ctx, instance)
		if err == nil && first {
			err = p.begin(ctx, uuid)
		}
		if err != nil {
			return instance, fmt.Errorf("starting instance %q: %w", name, err)
		}
		if err := p.awaitReady(ctx, instance, old, c.WaitFor, first); err != nil {
			return instance, err
		}
		if c.Blueprint != nil && slices.Contains(c.WaitFor, WaitCloudInit) {
			if err := p.clearSecretsLater(ctx, uuid, *c.Blueprint); err != nil {
				return instance, err
			}
		}
	}
	return p.settled(ctx, uuid, c.Blueprint)
}

// bringUp brings a guest that is off or crashed to running, and tells which leases it had before. One that runs is left as it
// is.
func (p *Provisioner) bringUp(ctx context.Context, i Instance) (network.OldLeases, error) {
	state, err := p.host.DomainState(ctx, i.UUID)
	if err != nil {
		return nil, err
	}
	if state == host.StateCrashed {
		if err := p.host.DestroyDomain(ctx, i.UUID); err != nil {
			return nil, err
		}
	}
	var old network.OldLeases
	if state == host.StateShutoff || state == host.StateCrashed {
		saved, err := p.host.HasSavedState(ctx, i.UUID)
		if err == nil && !saved {
			old, err = p.networks.LeasesBefore(ctx, i.NICs)
		}
		if err != nil {
			return nil, err
		}
	}
	return old, p.startFailed(ctx, p.host.StartDomain(ctx, i.UUID))
}

// begin notes that the guest has begun its first boot, of which this start hears, for better or worse.
func (p *Provisioner) begin(ctx context.Context, uuid string) error {
	return step.Completed(ctx, func(ctx context.Context) error {
		domain, err := p.host.DomainWith(ctx, uuid, host.Status{})
		if err != nil {
			return err
		}
		facts, err := p.factsOf(domain)
		if err != nil {
			return err
		}
		facts.Customized.Pending = false
		return p.writeFacts(ctx, uuid, facts)
	})
}

// clearSecretsLater clears the secrets of an instance that was made stopped, or that was not ready in time.
func (p *Provisioner) clearSecretsLater(ctx context.Context, uuid string, b Blueprint) error {
	instance, err := p.Read(ctx, uuid)
	if err != nil || !instance.Facts.SecretSeed {
		return err
	}
	if err := p.clearSecrets(ctx, &instance.Facts, instance, b); err != nil {
		return err
	}
	return p.writeFacts(ctx, uuid, instance.Facts)
}

// redefine writes what changed into the domain's definition, in one go, but for its devices.
func (p *Provisioner) redefine(ctx context.Context, i Instance, c Change, d Devices) error {
	facts := i.Facts
	description, exact := metadata.Described(c.Description)
	facts.Description = exact
	facts.Labels, facts.Protected = metadata.Pairs(c.Labels), c.DeletionProtection
	if i.Running() {
		facts.Customized.Pending = false // it was started for the first time by other means
	}
	if facts.Provision.Completed == nil { // its user takes it as it is
		completed := now()
		facts.Provision.Completed = &completed
	}
	if c.Blueprint != nil {
		facts.Addressing = addressing(i.NICs, c.Blueprint.NICs)
	}
	for _, disk := range d.AddDisks { // before the first volume is there: who removes the instance shall find it
		if disk.Pool != "" && !slices.Contains(facts.Pools, disk.Pool) {
			facts.Pools = append(slices.Clone(facts.Pools), disk.Pool)
		}
	}
	metadata, err := facts.Marshal()
	if err != nil {
		return err
	}
	change := host.DomainChange{Description: &description, Metadata: &metadata}
	if c.Blueprint != nil && !sameShape(i.Machine, c.Blueprint.Machine) {
		m := c.Blueprint.Machine
		change.Sockets, change.Cores, change.MemoryMiB = &m.Sockets, &m.Cores, &m.MemoryMiB
	}
	return p.host.RedefineDomain(ctx, i.UUID, change)
}

// writeFacts replaces the metadata alone.
func (p *Provisioner) writeFacts(ctx context.Context, uuid string, facts metadata.Facts) error {
	metadata, err := facts.Marshal()
	if err != nil {
		return err
	}
	return p.host.RedefineDomain(ctx, uuid, host.DomainChange{Metadata: &metadata})
}

// growDisk grows a disk through the guest's own QEMU while it runs, so that the guest sees it at once.
func (p *Provisioner) growDisk(ctx context.Context, uuid string, running bool, g Growth) error {
	if running {
		return p.host.ResizeDomainDisk(ctx, uuid, g.Disk.Target, g.Size)
	}
	return p.host.ResizeVolume(ctx, g.Volume.Pool, g.Volume.Name, g.Disk.Format, g.Size)
}

// shutdownTime is how long a guest that restarts may take to shut down: half of the time there is, the other half is for
// starting it again.
func shutdownTime(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return time.Minute
	}
	return time.Until(deadline) / 2
}
