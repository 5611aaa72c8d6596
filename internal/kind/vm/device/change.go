// Package device is the disks and interfaces of a virtual machine: how they are described, how they
// differ from a blueprint, and how they come and go, also while the guest runs.
package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Host is what changing devices needs of a host.
type Host interface {
	host.Volumes
	host.Domains
	host.Devices
}

// Changer changes the devices of instances on one host.
type Changer struct {
	host    Host
	volumes *volumes.Volumes
}

// NewChanger creates the Changer of a host.
func NewChanger(h Host, v *volumes.Volumes) *Changer { return &Changer{host: h, volumes: v} }

// Change changes devices one after another, each in the guest if it runs, and then in its
// definition. So after a failure each device is either as it was or as requested, and the next
// change finds one that is in between.
func (c *Changer) Change(ctx context.Context, i kind.Instance, d kind.Devices) error {
	if d.None() {
		return nil
	}
	// Asked also if the guest was running before: it may have been shut down since.
	state, err := c.host.DomainState(ctx, i.UUID)
	if err != nil {
		return err
	}
	g := &guest{Changer: c, instance: i, live: state != host.StateShutoff && state != host.StateCrashed}
	if g.live {
		if err := g.unplug(ctx, unplugged(d)); err != nil {
			return err
		}
	}
	for _, disk := range d.DropDisks {
		if err := g.dropDisk(ctx, disk); err != nil {
			return fmt.Errorf("removing disk %q: %w", disk.Name, err)
		}
	}
	for _, name := range d.DropNICs {
		if err := g.define(ctx, host.DomainChange{RemoveDevice: host.InterfaceID(name)}); err != nil {
			return fmt.Errorf("removing interface %q: %w", name, err)
		}
	}
	for _, nic := range slices.Concat(d.AddNICs, d.Swaps) {
		if err := g.addNIC(ctx, nic); err != nil {
			return fmt.Errorf("adding interface %q: %w", nic.Name, err)
		}
	}
	for _, nic := range d.Reconnects {
		if err := g.reconnect(ctx, nic); err != nil {
			return fmt.Errorf("connecting interface %q: %w", nic.Name, err)
		}
	}
	for _, disk := range d.AddDisks {
		if err := g.addDisk(ctx, disk); err != nil {
			return fmt.Errorf("adding disk %q: %w", disk.Spec.Name, err)
		}
	}
	return nil
}

// guest is one instance whose devices change.
type guest struct {
	*Changer
	instance kind.Instance
	live     bool // it runs
}

func (g *guest) define(ctx context.Context, change host.DomainChange) error {
	return step.Completed(ctx, func(ctx context.Context) error {
		return g.host.RedefineDomain(ctx, g.instance.UUID, change)
	})
}

// UnplugError reports that a running guest kept devices that it was asked to release.
type UnplugError struct {
	Instance string
	Devices  []host.DeviceID
	Waited   time.Duration
	Err      error // the host's response to the request; nil for none
}

func (e *UnplugError) Error() string {
	names := make([]string, len(e.Devices))
	for n, id := range e.Devices {
		names[n] = id.String()
	}
	text := fmt.Sprintf("the guest of instance %q did not let go of %s within %s",
		e.Instance, strings.Join(names, ", "), e.Waited.Round(time.Second))
	if e.Err != nil {
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	return text + ". Nothing of it was deleted. A guest can release a device only once its system runs, and only if " +
		"that supports PCI hot-plug: apply again when it does. Or set power_state = \"stopped\", apply, and " +
		"start it again."
}

func (e *UnplugError) Unwrap() error { return e.Err }

// unplug has the guest release devices, for at most half of the available time.
func (g *guest) unplug(ctx context.Context, ids []host.DeviceID) error {
	var asked time.Time
	var refused error
	for started, grace := time.Now(), kind.HalfTime(ctx); ; {
		live, err := g.host.Hardware(ctx, g.instance.UUID)
		if err != nil {
			return err
		}
		var left []host.DeviceID
		for _, id := range ids {
			if live.Has(id) {
				left = append(left, id)
			}
		}
		if len(left) == 0 {
			return nil
		}
		if first := asked.IsZero(); time.Since(asked) >= kind.Nudge {
			asked = time.Now()
			for _, id := range left {
				// A later request is refused while the guest is working on it.
				if err := g.host.Unplug(ctx, g.instance.UUID, id); first {
					refused = errors.Join(refused, err)
				}
			}
		}
		if waited := time.Since(started); waited >= grace {
			return &UnplugError{Instance: g.instance.Facts.Name, Devices: left, Waited: waited, Err: refused}
		}
		if err := kind.Pause(ctx, kind.Poll); err != nil {
			return err
		}
	}
}
