package hypervisor

import (
	"context"
	"encoding/xml"
	"strconv"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Hardware reads what the guest of a running domain has, with one request.
func (h *Host) Hardware(ctx context.Context, uuid string) (host.Hardware, error) {
	text, err := h.liveXML(ctx, "reading the hardware of", uuid)
	if err != nil {
		return host.Hardware{}, err
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

func (d deviceDoc) device() host.Device {
	found := host.Device{ID: host.DeviceID(d.Alias.Name), Bus: -1}
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
func ParseHardware(text string) (host.Hardware, error) {
	var doc struct {
		Devices struct {
			All []deviceDoc `xml:",any"`
		} `xml:"devices"`
	}
	if err := virterr.Understand("the domain's XML", text, &doc); err != nil {
		return host.Hardware{}, err
	}
	d, err := parseDomain(text)
	hardware := host.Hardware{Disks: d.Disks, Interfaces: d.Interfaces}
	for _, doc := range doc.Devices.All {
		hardware.Devices = append(hardware.Devices, doc.device())
	}
	return hardware, err
}
