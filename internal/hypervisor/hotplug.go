package hypervisor

import (
	"context"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// What is plugged into a guest here, its definition does not have: see RedefineDomain. So a failure between the two
// leaves the old definition.

// PlugDisk plugs a disk into a running guest.
func (h *Host) PlugDisk(ctx context.Context, uuid string, spec host.DiskSpec) error {
	err := checkDisk(spec)
	var text string
	if err == nil {
		disk := diskDevice(spec)
		text, err = disk.Marshal()
	}
	if err != nil {
		return virterr.Fail("plugging in", "disk "+spec.Name, err)
	}
	return h.plug(ctx, uuid, host.DiskID(spec.Name), text)
}

// PlugInterface plugs a network interface into a running guest.
func (h *Host) PlugInterface(ctx context.Context, uuid string, spec host.InterfaceSpec) error {
	nic := interfaceDevice(spec)
	text, err := nic.Marshal()
	if err != nil {
		return virterr.Fail("plugging in", "interface "+spec.Name, err)
	}
	return h.plug(ctx, uuid, host.InterfaceID(spec.Name), text)
}

func (h *Host) plug(ctx context.Context, uuid string, id host.DeviceID, text string) error {
	return h.change(ctx, "plugging "+id.String()+" into", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainAttachDeviceFlags(ref, text, uint32(libvirt.DomainDeviceModifyLive))
	})
}

// Reconnect moves an interface of a running guest to the network or bridge of the spec, with its tag and filter. The
// guest goes on with the same card: model and MAC address stay.
func (h *Host) Reconnect(ctx context.Context, uuid string, spec host.InterfaceSpec) error {
	op := "reconnecting " + host.InterfaceID(spec.Name).String() + " of"
	text, err := h.liveXML(ctx, op, uuid)
	if err != nil {
		return err
	}
	if text, err = reconnected(text, spec); err != nil {
		return virterr.Fail(op, virterr.Domain(uuid), err)
	}
	return h.change(ctx, op, uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainUpdateDeviceFlags(ref, text, libvirt.DomainDeviceModifyLive)
	})
}

// reconnected is an interface's element of a domain's XML, connected as the spec says.
func reconnected(domain string, spec host.InterfaceSpec) (string, error) {
	e, err := newEditor(domain)
	if err != nil {
		return "", err
	}
	found, ok, err := e.device(host.InterfaceID(spec.Name))
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("the guest has no %s", host.InterfaceID(spec.Name))
	}
	spec.Model, spec.PCI = "", nil
	// Of a running guest, libvirt also tells what its network says of ports; the new network has its own.
	return editInterface(domain[found.start:found.end], spec, "virtualport")
}

// Unplug asks a running guest to let go of a device and does not wait for it: see Hardware.Has. A guest that is busy
// with booting may not hear. A device that the guest has not got is no error.
func (h *Host) Unplug(ctx context.Context, uuid string, id host.DeviceID) error {
	err := h.change(ctx, "unplugging "+id.String()+" from", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainDetachDeviceAlias(ref, string(id), uint32(libvirt.DomainAffectLive))
	})
	if virterr.HasCode(err, libvirt.ErrDeviceMissing) {
		return nil
	}
	return err
}
