package provision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// changeDevices changes devices one after another, each in the guest, where that runs, and then in
// its definition. So after a failure each is either as it was or as it shall be, and what is
// between the two the next change finds.
func (p *Provisioner) changeDevices(ctx context.Context, i Instance, d Devices) error {
	if d.none() {
		return nil
	}
	c := &deviceChange{Provisioner: p, instance: i}
	// Also where the guest was running before: it was shut down since.
	state, err := p.host.DomainState(ctx, i.UUID)
	if err != nil {
		return err
	}
	c.live = state != host.StateShutoff && state != host.StateCrashed
	if c.live {
		if err := c.unplug(ctx, d.unplugged()); err != nil {
			return err
		}
	}
	for _, disk := range d.DropDisks {
		if err := c.dropDisk(ctx, disk); err != nil {
			return fmt.Errorf("removing disk %q: %w", disk.Name, err)
		}
	}
	for _, name := range d.DropNICs {
		if err := c.define(ctx, host.DomainChange{RemoveDevice: host.InterfaceID(name)}); err != nil {
			return fmt.Errorf("removing interface %q: %w", name, err)
		}
	}
	for _, nic := range slices.Concat(d.AddNICs, d.Swaps) {
		if err := c.addNIC(ctx, nic); err != nil {
			return fmt.Errorf("adding interface %q: %w", nic.Name, err)
		}
	}
	for _, nic := range d.Reconnects {
		if err := c.reconnect(ctx, nic); err != nil {
			return fmt.Errorf("connecting interface %q: %w", nic.Name, err)
		}
	}
	for _, disk := range d.AddDisks {
		if err := c.addDisk(ctx, disk); err != nil {
			return fmt.Errorf("adding disk %q: %w", disk.Spec.Name, err)
		}
	}
	return nil
}

// deviceChange changes the devices of one instance.
type deviceChange struct {
	*Provisioner
	instance Instance
	live     bool // the guest runs
}

func (c *deviceChange) define(ctx context.Context, change host.DomainChange) error {
	return step.Completed(ctx, func(ctx context.Context) error { return c.host.RedefineDomain(ctx, c.instance.UUID, change) })
}

// UnplugError says that a running guest kept devices that it was asked to let go of.
type UnplugError struct {
	Instance string
	Devices  []host.DeviceID
	Waited   time.Duration
	Err      error // what the host said to the request; nil for nothing
}

func (e *UnplugError) Error() string {
	names := make([]string, len(e.Devices))
	for n, id := range e.Devices {
		names[n] = id.String()
	}
	text := fmt.Sprintf("the guest of instance %q did not let go of %s within %s", e.Instance, strings.Join(names, ", "), e.Waited.Round(time.Second))
	if e.Err != nil {
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	return text + ". Nothing of it was deleted. A guest can release a device only once its system runs, and only if that " +
		"supports PCI hot-plug: apply again when it does. Or set power_state = \"stopped\", apply, and start it again."
}

func (e *UnplugError) Unwrap() error { return e.Err }

// unplug has the guest let go of devices, for at most half of the time there is.
func (c *deviceChange) unplug(ctx context.Context, ids []host.DeviceID) error {
	var asked time.Time
	var refused error
	for started, grace := time.Now(), shutdownTime(ctx); ; {
		live, err := c.host.Hardware(ctx, c.instance.UUID)
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
		if first := asked.IsZero(); time.Since(asked) >= nudge {
			asked = time.Now()
			for _, id := range left {
				// Later it is refused as long as the guest is at it.
				if err := c.host.Unplug(ctx, c.instance.UUID, id); first {
					refused = errors.Join(refused, err)
				}
			}
		}
		if waited := time.Since(started); waited >= grace {
			return &UnplugError{Instance: c.instance.Facts.Name, Devices: left, Waited: waited, Err: refused}
		}
		if err := pause(ctx, pollMin); err != nil {
			return err
		}
	}
}

// dropDisk deletes the volume first: as long as the definition has the disk, it is known that there
// is something to do.
func (c *deviceChange) dropDisk(ctx context.Context, disk host.DomainDisk) error {
	volume := path.Base(disk.Path)
	// A file that somebody else has put in its place is not the instance's to delete.
	if strings.HasPrefix(volume, naming.InstancePrefixes(c.instance.Facts.Tenant, c.instance.Facts.Name)[0]) {
		pool, err := c.volumes.With(ctx, disk)
		if err != nil {
			return err
		}
		err = step.Completed(ctx, func(ctx context.Context) error { return c.volumes.Remove(ctx, pool.Name, volume) })
		if err != nil {
			return err
		}
	}
	return c.define(ctx, host.DomainChange{RemoveDevice: host.DiskID(disk.Name)})
}

// addDisk makes the volume, where there is none, and attaches it. A volume that was made for
// nothing is removed.
func (c *deviceChange) addDisk(ctx context.Context, disk NewDisk) (err error) {
	name, id, plugged := path.Base(disk.Spec.Path), host.DiskID(disk.Spec.Name), false
	if c.live {
		live, err := c.host.Hardware(ctx, c.instance.UUID)
		if err != nil {
			return err
		}
		plugged = live.Has(id)
	}
	switch {
	case disk.Pool == "": // the definition has it
	case disk.Has == 0:
		spec := host.VolumeSpec{Name: name, Format: disk.Spec.Format, Capacity: disk.Size}
		err := step.Uninterrupted(ctx, func(ctx context.Context) error {
			_, err := c.host.CreateVolume(ctx, disk.Pool, spec)
			return err
		})
		if err != nil {
			return err
		}
		defer func() {
			// If an answer was lost, the guest or the definition may have the disk; the next change finds
			// out.
			if err != nil && !step.MayBeDone(err) {
				err = errors.Join(err, c.withdraw(ctx, disk))
			}
		}()
	case disk.Has < disk.Size && plugged:
		err := step.Completed(ctx, func(ctx context.Context) error {
			return c.host.ResizeDomainDisk(ctx, c.instance.UUID, disk.Spec.Target, disk.Size)
		})
		if err != nil {
			return err
		}
	case disk.Has < disk.Size:
		err := step.Completed(ctx, func(ctx context.Context) error {
			return c.host.ResizeVolume(ctx, disk.Pool, name, disk.Spec.Format, disk.Size)
		})
		if err != nil {
			return err
		}
	}
	disk.Spec.PCI, err = c.plug(ctx, id, func(ctx context.Context) error {
		return c.host.PlugDisk(ctx, c.instance.UUID, disk.Spec)
	})
	if err != nil {
		return err
	}
	return c.define(ctx, host.DomainChange{AddDisk: &disk.Spec})
}

// withdraw removes the volume of a disk that could not be added, unless the guest or the definition
// has it.
func (c *deviceChange) withdraw(ctx context.Context, disk NewDisk) error {
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	if c.live {
		live, err := c.host.Hardware(ctx, c.instance.UUID)
		if err != nil || live.Has(host.DiskID(disk.Spec.Name)) {
			return err
		}
	}
	domain, err := c.host.DomainWith(ctx, c.instance.UUID, host.Status{})
	if err != nil || slices.ContainsFunc(domain.Disks, func(d host.DomainDisk) bool { return d.Path == disk.Spec.Path }) {
		return err
	}
	return c.host.DeleteVolume(ctx, disk.Pool, path.Base(disk.Spec.Path))
}

// plug plugs a device into the guest, where that runs and has it not, and tells where the guest has
// it.
func (c *deviceChange) plug(ctx context.Context, id host.DeviceID, do func(context.Context) error) (*host.PCIAddress, error) {
	if !c.live {
		return nil, nil
	}
	live, err := c.host.Hardware(ctx, c.instance.UUID)
	if err != nil {
		return nil, err
	}
	if !live.Has(id) {
		if err := step.Completed(ctx, do); err != nil {
			return nil, err
		}
		if live, err = c.host.Hardware(ctx, c.instance.UUID); err != nil {
			return nil, err
		}
	}
	return live.PCI(id), nil
}

// addNIC plugs a card in. One that a change which was cut off has left keeps its MAC address,
// unless another is asked for.
func (c *deviceChange) addNIC(ctx context.Context, nic profile.NIC) error {
	id := host.InterfaceID(nic.Name)
	if c.live {
		mac, err := c.leftMAC(ctx, nic)
		if err != nil {
			return err
		}
		if mac != "" {
			nic.MAC = mac
			return c.reconnect(ctx, nic)
		}
	}
	if nic.MAC == "" {
		nic.MAC = randomMAC()
	}
	spec := interfaceSpecs([]profile.NIC{nic})[0]
	at, err := c.plug(ctx, id, func(ctx context.Context) error { return c.host.PlugInterface(ctx, c.instance.UUID, spec) })
	if err != nil {
		return err
	}
	spec.PCI = at
	return c.define(ctx, host.DomainChange{SetInterface: &spec})
}

// leftMAC is the MAC address of a card that the guest has already, "" where it has none. One that
// is not what is asked for is unplugged.
func (c *deviceChange) leftMAC(ctx context.Context, nic profile.NIC) (string, error) {
	live, err := c.host.Hardware(ctx, c.instance.UUID)
	if err != nil {
		return "", err
	}
	for _, h := range live.Interfaces {
		if h.Name != nic.Name {
			continue
		}
		if h.Model == nic.Model && (nic.MAC == "" || strings.EqualFold(h.MAC, nic.MAC)) {
			return h.MAC, nil
		}
		return "", c.unplug(ctx, []host.DeviceID{host.InterfaceID(nic.Name)})
	}
	return "", nil
}

// reconnect connects a card that the guest has as it shall be connected.
func (c *deviceChange) reconnect(ctx context.Context, nic profile.NIC) error {
	spec := interfaceSpecs([]profile.NIC{nic})[0]
	if c.live {
		err := step.Completed(ctx, func(ctx context.Context) error { return c.host.Reconnect(ctx, c.instance.UUID, spec) })
		if err != nil {
			return err
		}
		live, err := c.host.Hardware(ctx, c.instance.UUID)
		if err != nil {
			return err
		}
		spec.PCI = live.PCI(host.InterfaceID(nic.Name))
	}
	return c.define(ctx, host.DomainChange{SetInterface: &spec})
}
