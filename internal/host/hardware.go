package host

import (
	"fmt"
	"slices"
	"strings"
)

// sparePorts is how many PCI Express root ports a definition keeps free for devices that are
// plugged in while the guest runs. Each port takes one device, and libvirt leaves one free, which
// is not enough for an interface and two disks. Every further port costs each guest: the firmware
// reserves I/O space per port, and that is enough for about a dozen.
const sparePorts = 4

// libvirt keeps aliases that begin with "ua-" unchanged
// (https://libvirt.org/formatdomain.html#devices). They must be unique in the domain, so each kind
// of device has a separate prefix.
const (
	diskAlias      = "ua-disk-"
	interfaceAlias = "ua-nic-"
	hostAlias      = "ua-host-"
)

// DeviceID names one of novacron's devices in a domain: it is the device's alias.
type DeviceID string

// DiskID returns the ID of the disk with that name.
func DiskID(name string) DeviceID { return DeviceID(diskAlias + name) }

// InterfaceID returns the ID of the network interface with that name.
func InterfaceID(name string) DeviceID { return DeviceID(interfaceAlias + name) }

// PassthroughID returns the ID of the host device with that name.
func PassthroughID(name string) DeviceID { return DeviceID(hostAlias + name) }

// String describes the device the way a user knows it.
func (id DeviceID) String() string {
	if name, ok := strings.CutPrefix(string(id), diskAlias); ok {
		return fmt.Sprintf("disk %q", name)
	}
	return fmt.Sprintf("interface %q", strings.TrimPrefix(string(id), interfaceAlias))
}

// Hardware is the devices of a running guest, or those that a domain that is off will have. They
// differ from the domain's definition if devices were changed in only one of the two.
type Hardware struct {
	Disks      []DomainDisk
	Interfaces []DomainInterface
	Devices    []Device // all of them, also disks, interfaces and the controllers of buses
}

// Device is a device of a guest, and its place on a bus.
type Device struct {
	ID    DeviceID    // empty for one that novacron did not add
	PCI   *PCIAddress // its address; nil if it is not a PCI device
	Model string      // of a controller that provides a bus
	// Bus is the number of the PCI bus that a controller provides and that devices can be plugged
	// into; -1 for all other devices.
	Bus int
}

// Has reports whether the guest has a device.
func (h Hardware) Has(id DeviceID) bool {
	return slices.ContainsFunc(h.Devices, func(d Device) bool { return d.ID == id })
}

// PCI returns a device's address in the guest, or nil if the guest does not have the device or it
// is not a PCI device.
func (h Hardware) PCI(id DeviceID) *PCIAddress {
	for _, d := range h.Devices {
		if d.PCI != nil && d.ID == id {
			return d.PCI
		}
	}
	return nil
}

// Slots counts the free PCI slots for devices to plug in.
type Slots struct {
	boundless    bool // the machine has no PCI, like those of s390x
	express      bool // PCI Express has separate slots
	Ports        int  // of PCI Express, for one device each
	Conventional int
}

// HasPCI reports whether the guest has a device at an address.
func (h Hardware) HasPCI(at PCIAddress) bool {
	return slices.ContainsFunc(h.Devices, func(d Device) bool { return d.PCI != nil && *d.PCI == at })
}

// conventionalCards are the values of InterfaceSpec.Model that are not PCI Express devices.
var conventionalCards = []string{"e1000", "rtl8139"}

// TakeFor takes a slot for an interface of that model, or for a virtio-blk disk. It returns false
// if none is left.
func (s *Slots) TakeFor(model string) bool {
	from := &s.Conventional
	if s.express && !slices.Contains(conventionalCards, model) {
		from = &s.Ports
	}
	if s.boundless {
		return true
	}
	*from--
	return *from >= 0
}

// Slots counts the free slots, including those of the devices that will be removed.
func (h Hardware) Slots(without ...DeviceID) Slots {
	taken := map[PCIAddress]bool{}
	for _, d := range h.Devices {
		if d.PCI != nil && !slices.Contains(without, d.ID) {
			taken[PCIAddress{Domain: d.PCI.Domain, Bus: d.PCI.Bus, Slot: d.PCI.Slot}] = true
		}
	}
	free := func(bus, first, last uint) (n int) {
		for slot := first; slot <= last; slot++ {
			if !taken[PCIAddress{Bus: bus, Slot: slot}] {
				n++
			}
		}
		return n
	}
	s := Slots{boundless: true}
	for _, d := range h.Devices {
		if d.Bus < 0 {
			continue
		}
		// https://libvirt.org/pci-hotplug.html says which devices each kind takes and which slots it has.
		bus := uint(d.Bus)
		switch d.Model {
		case "pci-root":
			s.boundless = false
			s.Conventional += free(bus, 2, 31) // slots 0 and 1 belong to the chip set, which is not a device in the XML
		case "pcie-root":
			s.boundless, s.express = false, true // nothing can be plugged into the root itself
		case "pcie-root-port", "pcie-switch-downstream-port":
			s.Ports += free(bus, 0, 0)
		case "pci-bridge", "pcie-to-pci-bridge":
			s.Conventional += free(bus, 1, 31)
		}
	}
	return s
}

// LackingPorts returns how many root ports a definition lacks to have the spare ones left after
// more devices are added.
func (h Hardware) LackingPorts(more int) int {
	s := h.Slots()
	if !s.express {
		return 0
	}
	return max(0, sparePorts+more-s.Ports)
}
