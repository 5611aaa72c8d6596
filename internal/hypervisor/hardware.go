package hypervisor

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/digitalocean/go-libvirt"
)

// sparePorts is how many PCI Express root ports a definition keeps free for devices that are plugged in while the guest
// runs. Each takes one device, and libvirt leaves one free: not enough for an interface and two disks. More of them would
// cost each guest: the firmware reserves I/O space for every port, of which there is enough for about a dozen.
const sparePorts = 4

// DeviceID names one of novacron's devices in a domain.
type DeviceID string

// DiskID is the disk of that name.
func DiskID(name string) DeviceID { return DeviceID(diskAlias + name) }

// InterfaceID is the network interface of that name.
func InterfaceID(name string) DeviceID { return DeviceID(interfaceAlias + name) }

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
	devices    []deviceDoc
}

// Hardware reads what the guest of a running domain has, with one request.
func (h *Host) Hardware(ctx context.Context, uuid string) (Hardware, error) {
	text, err := h.liveXML(ctx, "reading the hardware of", uuid)
	if err != nil {
		return Hardware{}, err
	}
	hardware, err := ParseHardware(text)
	return hardware, fail("reading the hardware of", domainObject(uuid), err)
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

func (d deviceDoc) pci() (PCIAddress, bool) {
	if d.Address == nil || d.Address.Type != "pci" {
		return PCIAddress{}, false
	}
	a, err := d.Address.address()
	return a, err == nil
}

// ParseHardware reads the devices in a domain's XML.
func ParseHardware(text string) (Hardware, error) {
	var doc struct {
		Devices struct {
			All []deviceDoc `xml:",any"`
		} `xml:"devices"`
	}
	if err := understand("the domain's XML", text, &doc); err != nil {
		return Hardware{}, err
	}
	d, err := parseDomain(text)
	return Hardware{Disks: d.Disks, Interfaces: d.Interfaces, devices: doc.Devices.All}, err
}

// Has tells whether the guest has a device.
func (h Hardware) Has(id DeviceID) bool {
	return slices.ContainsFunc(h.devices, func(d deviceDoc) bool { return d.Alias.Name == string(id) })
}

// PCI is where the guest has a device; nil for one that it has not, or that is no PCI device.
func (h Hardware) PCI(id DeviceID) *PCIAddress {
	for _, d := range h.devices {
		if a, ok := d.pci(); ok && d.Alias.Name == string(id) {
			return &a
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
	for _, d := range h.devices {
		if a, ok := d.pci(); ok && !slices.Contains(without, DeviceID(d.Alias.Name)) {
			taken[PCIAddress{Domain: a.Domain, Bus: a.Bus, Slot: a.Slot}] = true
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
	for _, d := range h.devices {
		index, err := strconv.ParseUint(d.Index, 10, 8)
		if d.XMLName.Local != "controller" || d.Type != "pci" || err != nil || d.Target.Hotplug == "off" {
			continue
		}
		// What each kind takes, and which slots it has: https://libvirt.org/pci-hotplug.html
		bus := uint(index)
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

// lackingPorts is how many root ports a definition lacks for spare ones to be left after more devices are added.
func lackingPorts(h Hardware, more int) int {
	s := h.Slots()
	if !s.express {
		return 0
	}
	return max(0, sparePorts+more-s.Ports)
}
