package domain

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
)

// changeDevices adds, changes and removes the devices that a change names.
func (e *editor) changeDevices(change host.DomainChange) error {
	if change.AddDisk == nil && change.SetInterface == nil && change.RemoveDevice == "" {
		return nil
	}
	if change.RemoveDevice != "" {
		found, ok, err := e.device(change.RemoveDevice)
		if err != nil {
			return err
		}
		if ok {
			e.Drop(found)
		}
	}
	hardware, err := parseHardware(e.Text)
	if err != nil {
		return err
	}
	more := 0
	if disk := change.AddDisk; disk != nil && !hardware.Has(host.DiskID(disk.Name)) {
		if err := checkDisk(*disk); err != nil {
			return err
		}
		disk := *disk
		disk.PCI = unlessTaken(hardware, disk.PCI)
		element := diskDevice(disk)
		text, err := element.Marshal()
		if err != nil {
			return err
		}
		e.AddDevice(text)
		more++
	}
	if nic := change.SetInterface; nic != nil {
		if err := CheckInterface(*nic); err != nil {
			return err
		}
		nic := *nic
		nic.PCI = unlessTaken(hardware, nic.PCI)
		found, ok, err := e.device(host.InterfaceID(nic.Name))
		if err != nil {
			return err
		}
		var text string
		if ok {
			text, err = EditInterface(e.Text[found.Start:found.End], nic)
			e.Replace(found.Start, found.End, text)
		} else {
			element := interfaceDevice(nic)
			text, err = element.Marshal()
			e.AddDevice(text)
		}
		if err != nil {
			return err
		}
		more++
	}
	if more > 0 {
		e.addPorts(hardware.LackingPorts(more))
	}
	return nil
}

// unlessTaken returns the address, or nil if another device of the definition has it; nil leaves
// the choice to libvirt.
func unlessTaken(h host.Hardware, at *host.PCIAddress) *host.PCIAddress {
	if at == nil || h.HasPCI(*at) {
		return nil
	}
	return at
}

// device finds one of novacron's devices.
func (e *editor) device(id host.DeviceID) (domainxml.Element, bool, error) {
	devices, ok := e.Child("devices")
	if !ok {
		return domainxml.Element{}, false, nil
	}
	all, err := domainxml.Elements(e.Text, devices.Open, devices.Shut)
	if err != nil {
		return domainxml.Element{}, false, err
	}
	for _, d := range all {
		inner, err := domainxml.Elements(e.Text, d.Open, d.Shut)
		if err != nil {
			return domainxml.Element{}, false, err
		}
		for _, c := range inner {
			if c.Name.Local == "alias" && slices.ContainsFunc(c.Attrs, func(a xml.Attr) bool {
				return a.Name.Local == "name" && a.Value == string(id)
			}) {
				return d, true, nil
			}
		}
	}
	return domainxml.Element{}, false, nil
}

// addPorts adds PCI Express root ports. libvirt numbers and places them.
func (e *editor) addPorts(n int) {
	if n > 0 {
		e.AddDevice(strings.Repeat("<controller type='pci' model='pcie-root-port'/>", n))
	}
}

// interfaceXML is the part of an interface's element that decides whether the interface stays in
// its slot.
type interfaceXML struct {
	Model struct {
		Type string `xml:"type,attr"`
	} `xml:"model"`
}

// EditInterface connects an interface as the spec says and leaves the rest of its element
// unchanged. An empty model keeps the old one. A different model moves the interface to another
// address: the spec's, or one that libvirt chooses. drop lists elements to leave out.
func EditInterface(text string, spec host.InterfaceSpec, drop ...string) (string, error) {
	var old interfaceXML
	if err := xml.Unmarshal([]byte(text), &old); err != nil {
		return "", fmt.Errorf("understanding the interface's XML: %w", err)
	}
	roots, err := domainxml.Elements(text, 0, len(text))
	if err != nil {
		return "", err
	}
	root := roots[0]
	inner, err := domainxml.Elements(text, root.Open, root.Shut)
	if err != nil {
		return "", err
	}
	kind, source := "network", domainxml.Tag("source", domainxml.WithAttr(nil, "network", spec.Network))
	if spec.Network == "" {
		kind, source = "bridge", domainxml.Tag("source", domainxml.WithAttr(nil, "bridge", spec.Bridge))
	}
	fresh := map[string]string{"source": source + "</source>", "vlan": "", "filterref": ""}
	if spec.VLAN > 0 {
		fresh["vlan"] = fmt.Sprintf("<vlan><tag id='%d'/></vlan>", spec.VLAN)
	}
	if spec.Filter != "" {
		fresh["filterref"] = domainxml.Tag("filterref", domainxml.WithAttr(nil, "filter", spec.Filter))
		for _, ip := range spec.FilterIPs {
			fresh["filterref"] += "<parameter name='IP' value='" + domainxml.Escape(ip) + "'/>"
		}
		fresh["filterref"] += "</filterref>"
	}
	if spec.Model != "" && spec.Model != old.Model.Type {
		fresh["model"] = domainxml.Tag("model", domainxml.WithAttr(nil, "type", spec.Model)) + "</model>"
		fresh["address"] = ""
		if spec.PCI != nil {
			fresh["address"] = addressElement(*spec.PCI)
		}
	}
	var b strings.Builder
	attrs := slices.Clone(root.Attrs)
	for i := range attrs {
		if attrs[i].Name.Local == "type" {
			attrs[i].Value = kind
		}
	}
	b.WriteString(domainxml.Tag("interface", attrs))
	for _, c := range inner {
		if _, replaced := fresh[c.Name.Local]; !replaced && !slices.Contains(drop, c.Name.Local) {
			b.WriteString(text[c.Start:c.End])
		}
	}
	for _, name := range []string{"source", "vlan", "filterref", "model", "address"} {
		b.WriteString(fresh[name])
	}
	b.WriteString("</interface>")
	return b.String(), nil
}

// addressElement returns the address in the form of a domain's device.
func addressElement(a host.PCIAddress) string {
	return fmt.Sprintf("<address type='pci' domain='%d' bus='%d' slot='%d' function='%d'/>",
		a.Domain, a.Bus, a.Slot, a.Function)
}

// deviceAddress returns nil for a nil address.
func deviceAddress(a *host.PCIAddress) *libvirtxml.DomainAddress {
	if a == nil {
		return nil
	}
	return &libvirtxml.DomainAddress{
		PCI: &libvirtxml.DomainAddressPCI{Domain: &a.Domain, Bus: &a.Bus, Slot: &a.Slot, Function: &a.Function},
	}
}

// setDiskImage gives a disk another image and leaves the rest of the disk unchanged. It removes
// what libvirt has noted of the chain behind the old image.
func (e *editor) setDiskImage(with host.DiskImage) error {
	disk, ok, err := e.device(host.DiskID(with.Name))
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the domain has no %s", host.DiskID(with.Name))
	}
	parts, err := domainxml.Elements(e.Text, disk.Open, disk.Shut)
	if err != nil {
		return err
	}
	driven := false
	for _, part := range parts {
		switch part.Name.Local {
		case "driver":
			driven = true
			driver := domainxml.Tag("driver", domainxml.WithAttr(part.Attrs, "type", with.Format))
			e.Replace(part.Start, part.End, driver+"</driver>")
		case "source":
			e.Replace(part.Start, part.End, domainxml.Tag("source", domainxml.WithAttr(nil, "file", with.Path))+
				"</source>")
		case "backingStore":
			e.Drop(part)
		}
	}
	if !driven { // the host must never detect a disk's format by itself
		text := domainxml.Tag("driver", []xml.Attr{
			{Name: xml.Name{Local: "name"}, Value: "qemu"},
			{Name: xml.Name{Local: "type"}, Value: with.Format},
		})
		e.Replace(disk.Open, disk.Open, text+"</driver>")
	}
	return nil
}
