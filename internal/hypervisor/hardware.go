package hypervisor

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
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

// HostDeviceID is the device of the host of that name.
func HostDeviceID(name string) DeviceID { return DeviceID(hostAlias + name) }

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

// Hardware reads what the guest of a running domain has, with one request.
func (h *Host) Hardware(ctx context.Context, uuid string) (Hardware, error) {
	text, err := h.liveXML(ctx, "reading the hardware of", uuid)
	if err != nil {
		return Hardware{}, err
	}
	hardware, err := ParseHardware(text)
	return hardware, virterr.Fail("reading the hardware of", virterr.Domain(uuid), err)
}

func (h *Host) liveXML(ctx context.Context, op, uuid string) (text string, err error) {
	err = h.query(ctx, op, uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		got, err := l.DomainGetXMLDesc(ref, 0)
		if err == nil {
			text = got
		}
		return err
	})
	return text, err
}

// deviceDoc is the part that all devices in a domain's XML have in common, and what controllers say of themselves.
type deviceDoc struct {
	XMLName xml.Name
	Type    string `xml:"type,attr"`
	Model   string `xml:"model,attr"`
	Index   string `xml:"index,attr"`
	Target  struct {
		Hotplug string `xml:"hotplug,attr"`
	} `xml:"target"`
	Alias   aliasDoc `xml:"alias"`
	Address *struct {
		Type string `xml:"type,attr"`
		pciAddressDoc
	} `xml:"address"`
}

func (d deviceDoc) device() Device {
	found := Device{ID: DeviceID(d.Alias.Name), Bus: -1}
	if d.Address != nil && d.Address.Type == "pci" {
		if a, err := d.Address.address(); err == nil {
			found.PCI = &a
		}
	}
	index, err := strconv.ParseUint(d.Index, 10, 8)
	if d.XMLName.Local == "controller" && d.Type == "pci" && err == nil && d.Target.Hotplug != "off" {
		found.Bus, found.Model = int(index), d.Model
	}
	return found
}

// ParseHardware reads the devices in a domain's XML.
func ParseHardware(text string) (Hardware, error) {
	var doc struct {
		Devices struct {
			All []deviceDoc `xml:",any"`
		} `xml:"devices"`
	}
	if err := virterr.Understand("the domain's XML", text, &doc); err != nil {
		return Hardware{}, err
	}
	d, err := parseDomain(text)
	hardware := Hardware{Disks: d.Disks, Interfaces: d.Interfaces}
	for _, doc := range doc.Devices.All {
		hardware.Devices = append(hardware.Devices, doc.device())
	}
	return hardware, err
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
