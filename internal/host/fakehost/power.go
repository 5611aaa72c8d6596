package fakehost

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// StartDomain is host.Domains.StartDomain. It refuses a disk without a volume; a seed may be missing.
func (h machineRequests) StartDomain(ctx context.Context, uuid string) error {
	return h.onDomain(ctx, "StartDomain", uuid, func(d *domain) error {
		if d.live != nil {
			return nil
		}
		return h.start(d)
	})
}

// start starts a domain that is off.
func (h *state) start(d *domain) error {
	var files []string
	for _, disk := range d.Disks {
		if !disk.CDROM {
			files = append(files, disk.Path)
		}
	}
	for _, fs := range d.Filesystems {
		if fs.Source != "" {
			files = append(files, fs.Source)
		}
	}
	for _, file := range files {
		if h.at(file) == nil {
			return fmt.Errorf("%w: cannot access %s", host.ErrInternal, path.Base(file))
		}
	}
	d.State, d.saved = host.StateRunning, false
	h.powerOn(d)
	return nil
}

// hardware returns the devices in a domain's definition.
func (d *domain) hardware() *host.Hardware {
	has := &host.Hardware{Disks: slices.Clone(d.Disks), Interfaces: slices.Clone(d.Interfaces)}
	has.Devices = []host.Device{{Model: "pci-root"}}
	for _, disk := range d.Disks {
		if disk.Name != "" {
			take(has, host.DiskID(disk.Name))
		}
	}
	for _, nic := range d.Interfaces {
		if nic.Name != "" {
			take(has, host.InterfaceID(nic.Name))
		}
	}
	return has
}

func (h *state) powerOn(d *domain) {
	d.live, d.started, d.left = d.hardware(), d.allotment(), false
	d.mounted = slices.Clone(d.Filesystems)
	for _, nic := range d.Interfaces {
		if !d.down[nic.Name] {
			h.lease(d, nic)
		}
	}
	if v := h.at(d.console); v != nil && h.Console != nil {
		v.data = nil
		v.write(h.Console(d.Domain), 0)
	}
}

// take gives a device a free place on the PCI bus.
func take(has *host.Hardware, id host.DeviceID) {
	const first = 2 // the chip set has the slots before
	at := host.PCIAddress{Slot: first}
	for has.HasPCI(at) {
		at.Slot++
	}
	has.Devices = append(has.Devices, host.Device{ID: id, PCI: &at, Bus: -1})
}

// lease gives an address to an interface on a network.
func (h *state) lease(d *domain, nic host.DomainInterface) {
	if nic.Network == "" {
		return
	}
	h.leased++
	d.sent[nic.MAC] = 1
	d.leases = append(d.leases, host.Address{
		MAC: nic.MAC, IP: fmt.Sprintf("192.168.122.%d", h.leased%250+2), Prefix: 24, Interface: fmt.Sprintf("vnet%d",
			h.leased),
	})
}

func (d *domain) powerOff() {
	d.State, d.live, d.leases, d.halted = host.StateShutoff, nil, nil, false
}

// ResumeDomain is host.Domains.ResumeDomain.
func (h domainRequests) ResumeDomain(ctx context.Context, uuid string) error {
	return h.onDomain(ctx, "ResumeDomain", uuid, func(d *domain) error {
		if d.live == nil {
			return host.ErrOperationInvalid
		}
		d.State = host.StateRunning
		return nil
	})
}

// Pause pauses a guest, as `virsh suspend` does.
func (h *Host) Pause(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.find(uuid).State = host.StatePaused
}

// Crash ends a guest by an internal error. Its domain stays until it is powered off.
func (h *Host) Crash(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.find(uuid).State = host.StateCrashed
}

// ShutdownDomain is host.Domains.ShutdownDomain: a guest is off at once, unless it ignores
// requests.
func (h machineRequests) ShutdownDomain(ctx context.Context, uuid string, mode host.ShutdownMode) error {
	return h.onDomain(ctx, "ShutdownDomain", uuid, func(d *domain) error {
		switch {
		case mode != host.ShutdownACPI && mode != host.ShutdownAgent:
			return host.ErrUnsupported
		case d.live == nil:
			return nil
		case mode == host.ShutdownAgent && h.Agent == nil:
			return host.ErrAgentUnresponsive
		case !h.Ignores:
			d.powerOff()
		}
		return nil
	})
}

// DestroyDomain is host.Domains.DestroyDomain.
func (h domainRequests) DestroyDomain(ctx context.Context, uuid string) error {
	return h.onDomain(ctx, "DestroyDomain", uuid, func(d *domain) error {
		d.powerOff()
		return nil
	})
}

// Save powers a guest off and keeps its memory, as `virsh managedsave` does.
func (h *Host) Save(uuid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.find(uuid)
	d.powerOff()
	d.saved = true
}

// HasSavedState is host.Domains.HasSavedState.
func (h domainRequests) HasSavedState(ctx context.Context, uuid string) (saved bool, err error) {
	err = h.onDomain(ctx, "HasSavedState", uuid, func(d *domain) error {
		saved = d.saved
		return nil
	})
	return saved, err
}

// DiscardSavedState is host.Machines.DiscardSavedState.
func (h machineRequests) DiscardSavedState(ctx context.Context, uuid string) error {
	return h.onDomain(ctx, "DiscardSavedState", uuid, func(d *domain) error {
		d.saved = false
		return nil
	})
}

// Guests returns the UUIDs of all domains that are not off. It is no request.
func (h *Host) Guests() (uuids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.everything() {
		if d.live != nil {
			uuids = append(uuids, d.UUID)
		}
	}
	return uuids
}
