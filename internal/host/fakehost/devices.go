package fakehost

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// onGuest makes a request about a running domain.
func (h *driver) onGuest(ctx context.Context, method, uuid string, do func(*domain) error) error {
	return h.onDomain(ctx, method, uuid, func(d *domain) error {
		if d.live == nil {
			return host.ErrOperationInvalid
		}
		return do(d)
	})
}

// Hardware is host.Devices.Hardware.
func (h deviceRequests) Hardware(ctx context.Context, uuid string) (found host.Hardware, err error) {
	err = h.onDomain(ctx, "Hardware", uuid, func(d *domain) error {
		has := d.live
		if has == nil {
			has = d.hardware()
		}
		found = host.Hardware{
			Disks: slices.Clone(has.Disks), Interfaces: slices.Clone(has.Interfaces),
			Devices: slices.Clone(has.Devices),
		}
		return nil
	})
	return found, err
}

// PlugDisk is host.Devices.PlugDisk.
func (h deviceRequests) PlugDisk(ctx context.Context, uuid string, spec host.DiskSpec) error {
	return h.onGuest(ctx, "PlugDisk", uuid, func(d *domain) error {
		if h.at(spec.Path) == nil {
			return host.ErrInternal
		}
		d.live.Disks = append(d.live.Disks, diskOf(spec))
		take(d.live, host.DiskID(spec.Name))
		return nil
	})
}

// PlugInterface is host.Devices.PlugInterface.
func (h deviceRequests) PlugInterface(ctx context.Context, uuid string, spec host.InterfaceSpec) error {
	return h.onGuest(ctx, "PlugInterface", uuid, func(d *domain) error {
		nic := interfaceOf(spec)
		d.live.Interfaces = append(d.live.Interfaces, nic)
		take(d.live, host.InterfaceID(spec.Name))
		h.lease(d, nic)
		return nil
	})
}

// Reconnect is host.Devices.Reconnect.
func (h deviceRequests) Reconnect(ctx context.Context, uuid string, spec host.InterfaceSpec) error {
	return h.onGuest(ctx, "Reconnect", uuid, func(d *domain) error {
		d.live.Interfaces = connected(d.live.Interfaces, spec)
		return nil
	})
}

// LinkUp is host.Devices.LinkUp.
func (h deviceRequests) LinkUp(ctx context.Context, uuid, name string) error {
	return h.onGuest(ctx, "LinkUp", uuid, func(d *domain) error {
		for _, nic := range d.live.Interfaces {
			if nic.Name == name {
				h.lease(d, nic)
				return nil
			}
		}
		return fmt.Errorf("it has no interface %q", name)
	})
}

// EjectSeed is host.Devices.EjectSeed.
func (h deviceRequests) EjectSeed(ctx context.Context, uuid string) error {
	return h.onGuest(ctx, "EjectSeed", uuid, func(d *domain) error {
		for i, disk := range d.live.Disks {
			if disk.CDROM {
				d.live.Disks[i].Path = ""
				return nil
			}
		}
		return errors.New("it has no drive")
	})
}

// Unplug is host.Devices.Unplug: a guest releases the device at once, unless it ignores requests.
func (h deviceRequests) Unplug(ctx context.Context, uuid string, id host.DeviceID) error {
	return h.onGuest(ctx, "Unplug", uuid, func(d *domain) error {
		if h.Ignores {
			return nil
		}
		d.live.Disks, d.live.Interfaces = without(d.live.Disks, d.live.Interfaces, id)
		d.live.Devices = slices.DeleteFunc(d.live.Devices, func(device host.Device) bool { return device.ID == id })
		return nil
	})
}

// ResizeDomainDisk is host.Devices.ResizeDomainDisk.
func (h deviceRequests) ResizeDomainDisk(ctx context.Context, uuid, target string, size uint64) error {
	return h.onGuest(ctx, "ResizeDomainDisk", uuid, func(d *domain) error {
		for _, disk := range d.live.Disks {
			if v := h.at(disk.Path); disk.Target == target && v != nil {
				v.capacity = max(v.capacity, size)
				v.grow()
				return nil
			}
		}
		return host.ErrOperationInvalid
	})
}

// DiskUsers is host.Devices.DiskUsers.
func (h deviceRequests) DiskUsers(ctx context.Context, v host.Volume) (names []string, err error) {
	err = h.do(ctx, "DiskUsers", v.Name, func() error {
		for _, d := range h.domains {
			if d.live != nil && slices.ContainsFunc(d.live.Disks, func(disk host.DomainDisk) bool {
				return !disk.CDROM && disk.Is(v)
			}) {
				names = append(names, d.Name)
			}
		}
		slices.Sort(names)
		return nil
	})
	return names, err
}
