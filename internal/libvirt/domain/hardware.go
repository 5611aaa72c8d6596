package domain

import (
	"encoding/xml"
	"strconv"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/pci"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// deviceDoc is the part that all devices in a domain's XML have in common, and what controllers say
// about themselves.
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
		pci.AddressXML
	} `xml:"address"`
}

func (d deviceDoc) device() host.Device {
	found := host.Device{ID: host.DeviceID(d.Alias.Name), Bus: -1}
	if d.Address != nil && d.Address.Type == "pci" {
		if a, err := d.Address.Address(); err == nil {
			found.PCI = &a
		}
	}
	index, err := strconv.ParseUint(d.Index, 10, 8)
	if d.XMLName.Local == "controller" && d.Type == "pci" && err == nil && d.Target.Hotplug != "off" {
		found.Bus, found.Model = int(index), d.Model
	}
	return found
}

// parseHardware parses the devices in a domain's XML.
func parseHardware(text string) (host.Hardware, error) {
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
