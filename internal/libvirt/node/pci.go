package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/pci"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// PCIDevices returns the PCI devices of the host by their addresses: one request for the list and
// one for each device.
func (m *Node) PCIDevices(ctx context.Context) ([]host.PCIDevice, error) {
	refs, err := rpc.Ask(ctx, m.client, "listing", "PCI devices",
		func(l *libvirt.Libvirt) ([]libvirt.NodeDevice, error) {
			refs, _, err := l.ConnectListAllNodeDevices(1, uint32(libvirt.ConnectListNodeDevicesCapPciDev))
			return refs, err
		})
	if err != nil {
		return nil, err
	}
	devices, err := rpc.Gather(ctx, refs, host.ErrNoNodeDevice,
		func(ctx context.Context, ref libvirt.NodeDevice) (host.PCIDevice, error) {
			text, err := rpc.Ask(ctx, m.client, "reading", "device "+ref.Name,
				func(l *libvirt.Libvirt) (string, error) {
					return l.NodeDeviceGetXMLDesc(ref.Name, 0)
				})
			if err != nil {
				return host.PCIDevice{}, err
			}
			d, err := parsePCIDevice(text)
			return d, virterr.Fail("reading", "device "+ref.Name, err)
		})
	slices.SortFunc(devices, func(a, b host.PCIDevice) int { return a.Address.Compare(b.Address) })
	return devices, err
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
			Addresses []pci.AddressXML `xml:"address"`
		} `xml:"iommuGroup"`
	} `xml:"capability"`
}

type pciID struct {
	ID   string `xml:"id,attr"`
	Name string `xml:",chardata"`
}

func parsePCIDevice(text string) (host.PCIDevice, error) {
	var doc pciDoc
	if err := virterr.Understand("the device's XML", text, &doc); err != nil {
		return host.PCIDevice{}, err
	}
	c := doc.Capability
	numbers := make([]uint64, 3)
	for i, text := range []string{cmp.Or(c.Class, "0"), c.Vendor.ID, c.Product.ID} { // older libvirts report no class
		n, err := strconv.ParseUint(text, 0, 32)
		if err != nil {
			return host.PCIDevice{}, fmt.Errorf("understanding the device's XML: %w", err)
		}
		numbers[i] = n
	}
	d := host.PCIDevice{
		Address: host.PCIAddress{Domain: c.Domain, Bus: c.Bus, Slot: c.Slot, Function: c.Function},
		Class:   uint(numbers[0]),
		ID:      fmt.Sprintf("%04x:%04x", numbers[1], numbers[2]), Name: c.Product.Name,
	}
	for _, member := range c.Group.Addresses {
		a, err := member.Address()
		if err != nil {
			return host.PCIDevice{}, err
		}
		d.Group = append(d.Group, a)
	}
	return d, nil
}
