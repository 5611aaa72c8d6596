package domain

import (
	"context"
	"errors"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// The methods below change a running guest but not its definition: see RedefineDomain. So if a
// failure happens between the two, the old definition stays.

// PlugDisk plugs a disk into a running guest.
func (d *Devices) PlugDisk(ctx context.Context, uuid string, spec host.DiskSpec) error {
	err := checkDisk(spec)
	var text string
	if err == nil {
		disk := diskDevice(spec)
		text, err = disk.Marshal()
	}
	if err != nil {
		return virterr.Fail("plugging in", "disk "+spec.Name, err)
	}
	return d.plug(ctx, uuid, host.DiskID(spec.Name), text)
}

// PlugInterface plugs a network interface into a running guest.
func (d *Devices) PlugInterface(ctx context.Context, uuid string, spec host.InterfaceSpec) error {
	nic := interfaceDevice(spec)
	text, err := nic.Marshal()
	if err != nil {
		return virterr.Fail("plugging in", "interface "+spec.Name, err)
	}
	return d.plug(ctx, uuid, host.InterfaceID(spec.Name), text)
}

func (d *Devices) plug(ctx context.Context, uuid string, id host.DeviceID, text string) error {
	return change(ctx, d.client, "plugging "+id.String()+" into", uuid,
		func(l *libvirt.Libvirt, ref libvirt.Domain) error {
			return l.DomainAttachDeviceFlags(ref, text, uint32(libvirt.DomainDeviceModifyLive))
		})
}

// Reconnect moves an interface of a running guest to the network or bridge of the spec, with its
// tag and filter. The guest keeps the same card: model and MAC address stay.
func (d *Devices) Reconnect(ctx context.Context, uuid string, spec host.InterfaceSpec) error {
	op := "reconnecting " + host.InterfaceID(spec.Name).String() + " of"
	return d.update(ctx, op, uuid, 0, func(e *editor) (string, error) { return e.reconnected(spec) })
}

// reconnected returns an interface's element, connected as the spec says.
func (e *editor) reconnected(spec host.InterfaceSpec) (string, error) {
	found, ok, err := e.device(host.InterfaceID(spec.Name))
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("the guest has no %s", host.InterfaceID(spec.Name))
	}
	spec.Model, spec.PCI = "", nil
	// For a running guest, libvirt also reports the port settings of its network; the new network has
	// its own.
	return EditInterface(e.Text[found.Start:found.End], spec, "virtualport")
}

// LinkUp gives an interface of a running guest, defined with LinkDown, its carrier.
func (d *Devices) LinkUp(ctx context.Context, uuid, name string) error {
	id := host.InterfaceID(name)
	return d.update(ctx, "connecting "+id.String()+" of", uuid, 0, func(e *editor) (string, error) {
		found, ok, err := e.device(id)
		if err != nil {
			return "", err
		}
		if !ok {
			return "", fmt.Errorf("the guest has no %s", id)
		}
		return e.Without(found, "link")
	})
}

// EjectSeed takes the medium out of the drive for the seed of a running guest, even if the guest has
// locked it. The definition keeps the medium.
func (d *Devices) EjectSeed(ctx context.Context, uuid string) error {
	// Without force, libvirt waits five seconds for a guest that has locked the tray, and gives up.
	const force = libvirt.DomainDeviceModifyForce
	return d.update(ctx, "ejecting the seed of", uuid, force, func(e *editor) (text string, err error) {
		more := e.EachDevice("disk", func(drive domainxml.Element, _ []domainxml.Element) {
			if isDrive(drive) {
				text, err = e.Without(drive, "source", "backingStore")
			}
		})
		if err == nil && text == "" {
			err = errors.New("the guest has no drive for a seed")
		}
		return text, errors.Join(err, more)
	})
}

// update changes a device of a running guest. edit returns the element of the device, as it is to be,
// from the XML of the guest.
func (d *Devices) update(
	ctx context.Context, op, uuid string, flags libvirt.DomainDeviceModifyFlags, edit func(*editor) (string, error),
) error {
	text, err := liveXML(ctx, d.client, op, uuid)
	if err != nil {
		return err
	}
	e, err := newEditor(text)
	if err == nil {
		text, err = edit(e)
	}
	if err != nil {
		return virterr.Fail(op, virterr.Domain(uuid), err)
	}
	return change(ctx, d.client, op, uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainUpdateDeviceFlags(ref, text, libvirt.DomainDeviceModifyLive|flags)
	})
}

// Unplug asks a running guest to release a device and does not wait for it: see Hardware.Has. A
// guest that is busy with booting may miss the request. It is not an error if the guest does not
// have the device.
func (d *Devices) Unplug(ctx context.Context, uuid string, id host.DeviceID) error {
	err := change(ctx, d.client, "unplugging "+id.String()+" from", uuid,
		func(l *libvirt.Libvirt, ref libvirt.Domain) error {
			return l.DomainDetachDeviceAlias(ref, string(id), uint32(libvirt.DomainAffectLive))
		})
	if err == nil || virterr.HasCode(err, libvirt.ErrDeviceMissing) {
		return nil
	}
	// libvirt has no separate code for an alias that no device has.
	if errors.Is(err, host.ErrInternal) {
		if live, unknown := d.Hardware(ctx, uuid); unknown == nil && !live.Has(id) {
			return nil
		}
	}
	return err
}

// ResizeDomainDisk grows a disk of a running domain, named by its target ("vda"), to a number of
// bytes; the guest sees it at once. If the domain is not running, it returns
// host.ErrOperationInvalid: use ResizeVolume.
func (d *Devices) ResizeDomainDisk(ctx context.Context, uuid, target string, bytes uint64) error {
	return change(ctx, d.client, "resizing disk "+target+" of", uuid,
		func(l *libvirt.Libvirt, ref libvirt.Domain) error {
			return l.DomainBlockResize(ref, target, bytes, libvirt.DomainBlockResizeBytes)
		})
}

// Hardware reads the devices of a running domain's guest, or those that a domain that is off will
// have: its disks, its interfaces, and the PCI addresses and buses of all devices. It makes one
// request.
func (d *Devices) Hardware(ctx context.Context, uuid string) (host.Hardware, error) {
	text, err := liveXML(ctx, d.client, "reading the hardware of", uuid)
	if err != nil {
		return host.Hardware{}, err
	}
	hardware, err := parseHardware(text)
	return hardware, virterr.Fail("reading the hardware of", virterr.Domain(uuid), err)
}
