package host

import (
	"fmt"
	"slices"
	"strings"
)

// sparePorts is how many PCI Express root ports a definition keeps free for devices that are plugged in while the guest
// runs. Each takes one device, and libvirt leaves one free: not enough for an interface and two disks. More of them would
// cost each guest: the firmware reserves I/O space for every port, of which there is enough for about a dozen.
const sparePorts = 4

// libvirt keeps the aliases that begin with "ua-" as the user gave them (https://libvirt.org/formatdomain.html#devices).
// They must be unique in the domain, so that each kind of device has a prefix of its own.
const (
	diskAlias      = "ua-disk-"
	interfaceAlias = "ua-nic-"
	hostAlias      = "ua-host-"
)

// DeviceID names one of novacron's devices in a domain: it is the device's alias.
type DeviceID string

// DiskID is the disk of that name.
func DiskID(name string) DeviceID { return DeviceID(diskAlias + name) }

// InterfaceID is the network interface of that name.
func InterfaceID(name string) DeviceID { return DeviceID(interfaceAlias + name) }

// PassthroughID is the device of the host of that name.
func PassthroughID(name string) DeviceID { return DeviceID(hostAlias + name) }

// String is the device as a user knows it.
func (id DeviceID) String() string {
	if name, ok := strings.CutPrefix(string(id), diskAlias); ok {
		return fmt.Sprintf("disk %q", name)
	}
	return fmt.Sprintf("interface %q", strings.TrimPrefix(string(id), interfaceAlias))
}

// Hardware is what a guest has now, which differs from its definition where devices were only changed in one of the two.
type Hardware struct {
	Disks      []DomainDisk
	Interfaces []DomainInterface
	Devices    []Device
}

// Device is any device of a guest, as far as it takes a place on a bus.
type Device struct {
	ID    DeviceID    // empty for one that novacron did not add
	PCI   *PCIAddress // where it is; nil for one that is no PCI device
	Model string      // of a controller that makes a bus
	// Bus is the number of the PCI bus that a controller makes, and into which devices can be plugged; -1 for all others.
	Bus int
}

// Has tells whether the guest has a device.
func (h Hardware) Has(id DeviceID) bool {
	return slices.ContainsFunc(h.Devices, func(d Device) bool { return d.ID == id })
}

// PCI is where the guest has a device; nil for one that it has not, or that is no PCI device.
func (h Hardware) PCI(id DeviceID) *PCIAddress {
	for _, d := range h.Devices {
		if d.PCI != nil && d.ID == id {
			return d.PCI
		}
	}
	return nil
}

// Slots are the PCI slots that are free for devices which are plugged in.
type Slots struct {
	boundless    bool // the machine has no PCI, such as those of s390x
	express      bool // PCI Express has slots of its own
	Ports        int  // of PCI Express, for one device each
	Conventional int
}

// HasPCI tells whether the guest has a device at an address.
func (h Hardware) HasPCI(at PCIAddress) bool {
	return slices.ContainsFunc(h.Devices, func(d Device) bool { return d.PCI != nil && *d.PCI == at })
}

// conventionalCards are those of InterfaceSpec.Model that are no PCI Express devices.
var conventionalCards = []string{"e1000", "rtl8139"}

// TakeFor takes a slot for an interface of that model, or for a disk of virtio-blk. It is false when none is left.
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

// Slots counts the free slots, with those that the devices to go will leave.
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
		// What each kind takes, and which slots it has: https://libvirt.org/pci-hotplug.html
		bus := uint(d.Bus)
		switch d.Model {
		case "pci-root":
			s.boundless = false
			s.Conventional += free(bus, 2, 31) // 0 and 1 are the chip set's, which is no device of the XML
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

// LackingPorts is how many root ports a definition lacks for spare ones to be left after more devices are added.
func (h Hardware) LackingPorts(more int) int {
	s := h.Slots()
	if !s.express {
		return 0
	}
	return max(0, sparePorts+more-s.Ports)
}
