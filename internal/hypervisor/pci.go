package hypervisor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// PCIAddress is where a PCI device of the host is.
type PCIAddress struct{ Domain, Bus, Slot, Function uint }

// String writes the address as lspci does: 0000:01:00.0.
func (a PCIAddress) String() string {
	return fmt.Sprintf("%04x:%02x:%02x.%x", a.Domain, a.Bus, a.Slot, a.Function)
}

// PCIDevice is a PCI device of the host.
type PCIDevice struct {
	Address PCIAddress
	Class   uint   // of the PCI Code and ID Assignment Specification: 0x030000 is a VGA card
	ID      string // "vendor:device", such as "10de:1eb8"
	Name    string // as the host's list of PCI ids has it; empty where it has none
	// Group are the devices that share the IOMMU group, itself among them; none where
	// the host has no IOMMU in use, and then nothing can be handed to a guest.
	Group []PCIAddress
}

// HostDevice is a PCI device of the host that a domain has for itself. libvirt takes
// it from the host's driver when the domain starts, and gives it back.
type HostDevice struct {
	Name    string // letters, digits, _ and -; empty for one that was added otherwise
	Address PCIAddress
}

func hostDevice(d HostDevice) libvirtxml.DomainHostdev {
	a := d.Address
	return libvirtxml.DomainHostdev{
		Managed: "yes",
		SubsysPCI: &libvirtxml.DomainHostdevSubsysPCI{Source: &libvirtxml.DomainHostdevSubsysPCISource{
			Address: &libvirtxml.DomainAddressPCI{Domain: &a.Domain, Bus: &a.Bus, Slot: &a.Slot, Function: &a.Function},
		}},
		Alias: &libvirtxml.DomainAlias{Name: string(HostDeviceID(d.Name))},
	}
}

// PCIDevices returns the PCI devices of the host by their addresses: one request for
// the list and one for each device.
func (h *Host) PCIDevices(ctx context.Context) ([]PCIDevice, error) {
	refs, err := rpc.Ask(ctx, h.Client, "listing", "PCI devices", func(l *libvirt.Libvirt) ([]libvirt.NodeDevice, error) {
		refs, _, err := l.ConnectListAllNodeDevices(1, uint32(libvirt.ConnectListNodeDevicesCapPciDev))
		return refs, err
	})
	if err != nil {
		return nil, err
	}
	devices, err := rpc.Gather(ctx, refs, virterr.ErrNoNodeDevice, func(ctx context.Context, ref libvirt.NodeDevice) (PCIDevice, error) {
		text, err := rpc.Ask(ctx, h.Client, "reading", "device "+ref.Name, func(l *libvirt.Libvirt) (string, error) {
			return l.NodeDeviceGetXMLDesc(ref.Name, 0)
		})
		if err != nil {
			return PCIDevice{}, err
		}
		d, err := parsePCIDevice(text)
		return d, virterr.Fail("reading", "device "+ref.Name, err)
	})
	slices.SortFunc(devices, func(a, b PCIDevice) int { return a.Address.Compare(b.Address) })
	return devices, err
}

// Compare orders addresses as lspci does.
func (a PCIAddress) Compare(b PCIAddress) int {
	return slices.Compare([]uint{a.Domain, a.Bus, a.Slot, a.Function}, []uint{b.Domain, b.Bus, b.Slot, b.Function})
}

// pciDoc is the part of a PCI device's XML that is read
// (https://libvirt.org/formatnode.html).
type pciDoc struct {
	Capability struct {
		Type     string `xml:"type,attr"`
		Class    string `xml:"class"`
		Domain   uint   `xml:"domain"`
		Bus      uint   `xml:"bus"`
		Slot     uint   `xml:"slot"`
		Function uint   `xml:"function"`
		Product  pciID  `xml:"product"`
		Vendor   pciID  `xml:"vendor"`
		Group    struct {
			Addresses []pciAddressDoc `xml:"address"`
		} `xml:"iommuGroup"`
	} `xml:"capability"`
}

type pciID struct {
	ID   string `xml:"id,attr"`
	Name string `xml:",chardata"`
}

type pciAddressDoc struct {
	Domain   string `xml:"domain,attr"`
	Bus      string `xml:"bus,attr"`
	Slot     string `xml:"slot,attr"`
	Function string `xml:"function,attr"`
}

// address reads numbers that libvirt writes as 0x1f.
func (doc pciAddressDoc) address() (PCIAddress, error) {
	var a PCIAddress
	for to, text := range map[*uint]string{&a.Domain: doc.Domain, &a.Bus: doc.Bus, &a.Slot: doc.Slot, &a.Function: doc.Function} {
		n, err := strconv.ParseUint(cmp.Or(text, "0"), 0, 32)
		if err != nil {
			return a, virterr.Misread("a PCI address", err)
		}
		*to = uint(n)
	}
	return a, nil
}

func parsePCIDevice(text string) (PCIDevice, error) {
	var doc pciDoc
	if err := virterr.Understand("the device's XML", text, &doc); err != nil {
		return PCIDevice{}, err
	}
	c := doc.Capability
	numbers := make([]uint64, 3)
	for i, text := range []string{cmp.Or(c.Class, "0"), c.Vendor.ID, c.Product.ID} { // older libvirts tell no class
		n, err := strconv.ParseUint(text, 0, 32)
		if err != nil {
			return PCIDevice{}, fmt.Errorf("understanding the device's XML: %w", err)
		}
		numbers[i] = n
	}
	d := PCIDevice{
		Address: PCIAddress{c.Domain, c.Bus, c.Slot, c.Function}, Class: uint(numbers[0]),
		ID: fmt.Sprintf("%04x:%04x", numbers[1], numbers[2]), Name: c.Product.Name,
	}
	for _, member := range c.Group.Addresses {
		a, err := member.address()
		if err != nil {
			return PCIDevice{}, err
		}
		d.Group = append(d.Group, a)
	}
	return d, nil
}
