package device

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// dropDisk deletes the volume first: as long as the definition has the disk, the next change knows
// that there is something to do.
func (g *guest) dropDisk(ctx context.Context, disk host.DomainDisk) error {
	volume := path.Base(disk.Path)
	// A foreign file in its place is not the instance's to delete.
	if strings.HasPrefix(volume, naming.InstancePrefixes(g.instance.Facts.Tenant, g.instance.Facts.Name)[0]) {
		pool, err := g.volumes.With(ctx, disk)
		if err != nil {
			return err
		}
		err = step.Completed(ctx, func(ctx context.Context) error { return g.volumes.Remove(ctx, pool.Name, volume) })
		if err != nil {
			return err
		}
	}
	return g.define(ctx, host.DomainChange{RemoveDevice: host.DiskID(disk.Name)})
}

// addDisk creates the volume if there is none, and attaches it. It removes a volume that it has
// created in vain.
func (g *guest) addDisk(ctx context.Context, disk kind.NewDisk) (err error) {
	name, id, plugged := path.Base(disk.Spec.Path), host.DiskID(disk.Spec.Name), false
	if g.live {
		live, err := g.host.Hardware(ctx, g.instance.UUID)
		if err != nil {
			return err
		}
		plugged = live.Has(id)
	}
	switch {
	case disk.Pool == "": // the definition has the disk
	case disk.Has == 0:
		spec := host.VolumeSpec{Name: name, Format: disk.Spec.Format, Capacity: disk.Size}
		create := func(ctx context.Context) error {
			_, err := g.host.CreateVolume(ctx, disk.Pool, spec)
			return err
		}
		if err := step.Uninterrupted(ctx, create); err != nil {
			return err
		}
		defer func() {
			// If an answer was lost, the guest or the definition may have the disk; the next change finds
			// out.
			if err != nil && !step.MayBeDone(err) {
				err = errors.Join(err, g.withdraw(ctx, disk))
			}
		}()
	case disk.Has < disk.Size && plugged:
		err := step.Completed(ctx, func(ctx context.Context) error {
			return g.host.ResizeDomainDisk(ctx, g.instance.UUID, disk.Spec.Target, disk.Size)
		})
		if err != nil {
			return err
		}
	case disk.Has < disk.Size:
		err := step.Completed(ctx, func(ctx context.Context) error {
			return g.host.ResizeVolume(ctx, disk.Pool, name, disk.Spec.Format, disk.Size)
		})
		if err != nil {
			return err
		}
	}
	disk.Spec.PCI, err = g.plug(ctx, id, func(ctx context.Context) error {
		return g.host.PlugDisk(ctx, g.instance.UUID, disk.Spec)
	})
	if err != nil {
		return err
	}
	return g.define(ctx, host.DomainChange{AddDisk: &disk.Spec})
}

// withdraw removes the volume of a disk that could not be added, unless the guest or the definition
// has it.
func (g *guest) withdraw(ctx context.Context, disk kind.NewDisk) error {
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	if g.live {
		live, err := g.host.Hardware(ctx, g.instance.UUID)
		if err != nil || live.Has(host.DiskID(disk.Spec.Name)) {
			return err
		}
	}
	domain, err := g.host.DomainWith(ctx, g.instance.UUID, host.Status{})
	if err != nil || slices.ContainsFunc(domain.Disks, func(d host.DomainDisk) bool {
		return d.Path == disk.Spec.Path
	}) {
		return err
	}
	return g.host.DeleteVolume(ctx, disk.Pool, path.Base(disk.Spec.Path))
}

// plug plugs a device into the guest, if it runs and does not have the device, and returns the
// device's place in the guest.
func (g *guest) plug(ctx context.Context, id host.DeviceID, do func(context.Context) error) (*host.PCIAddress, error) {
	if !g.live {
		return nil, nil
	}
	live, err := g.host.Hardware(ctx, g.instance.UUID)
	if err != nil {
		return nil, err
	}
	if !live.Has(id) {
		if err := step.Completed(ctx, do); err != nil {
			return nil, err
		}
		if live, err = g.host.Hardware(ctx, g.instance.UUID); err != nil {
			return nil, err
		}
	}
	return live.PCI(id), nil
}

// addNIC plugs a card in. A card that an interrupted change has left keeps its MAC address, unless
// another is requested.
func (g *guest) addNIC(ctx context.Context, nic profile.NIC) error {
	id := host.InterfaceID(nic.Name)
	if g.live {
		mac, err := g.leftMAC(ctx, nic)
		if err != nil {
			return err
		}
		if mac != "" {
			nic.MAC = mac
			return g.reconnect(ctx, nic)
		}
	}
	if nic.MAC == "" {
		nic.MAC = kind.RandomMAC()
	}
	spec := InterfaceSpecs([]profile.NIC{nic})[0]
	at, err := g.plug(ctx, id, func(ctx context.Context) error {
		return g.host.PlugInterface(ctx, g.instance.UUID, spec)
	})
	if err != nil {
		return err
	}
	spec.PCI = at
	return g.define(ctx, host.DomainChange{SetInterface: &spec})
}

// leftMAC is the MAC address of a card that the guest has already, "" if it has none. A card that
// does not match the request is unplugged.
func (g *guest) leftMAC(ctx context.Context, nic profile.NIC) (string, error) {
	live, err := g.host.Hardware(ctx, g.instance.UUID)
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
		return "", g.unplug(ctx, []host.DeviceID{host.InterfaceID(nic.Name)})
	}
	return "", nil
}

// reconnect connects a card that the guest has as requested.
func (g *guest) reconnect(ctx context.Context, nic profile.NIC) error {
	spec := InterfaceSpecs([]profile.NIC{nic})[0]
	if g.live {
		err := step.Completed(ctx, func(ctx context.Context) error {
			return g.host.Reconnect(ctx, g.instance.UUID, spec)
		})
		if err != nil {
			return err
		}
		live, err := g.host.Hardware(ctx, g.instance.UUID)
		if err != nil {
			return err
		}
		spec.PCI = live.PCI(host.InterfaceID(nic.Name))
	}
	return g.define(ctx, host.DomainChange{SetInterface: &spec})
}
