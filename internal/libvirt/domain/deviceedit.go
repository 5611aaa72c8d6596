package domain

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
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
			e.drop(found)
		}
	}
	hardware, err := parseHardware(e.text)
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
		e.addDevice(text)
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
			text, err = editInterface(e.text[found.start:found.end], nic)
			e.edits = append(e.edits, edit{found.start, found.end, text})
		} else {
			element := interfaceDevice(nic)
			text, err = element.Marshal()
			e.addDevice(text)
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
func (e *editor) device(id host.DeviceID) (element, bool, error) {
	devices, ok := e.child("devices")
	if !ok {
		return element{}, false, nil
	}
	all, err := elements(e.text, devices.open, devices.shut)
	if err != nil {
		return element{}, false, err
	}
	for _, d := range all {
		inner, err := elements(e.text, d.open, d.shut)
		if err != nil {
			return element{}, false, err
		}
		for _, c := range inner {
			if c.name.Local == "alias" && slices.ContainsFunc(c.attrs, func(a xml.Attr) bool {
				return a.Name.Local == "name" && a.Value == string(id)
			}) {
				return d, true, nil
			}
		}
	}
	return element{}, false, nil
}

func (e *editor) addDevice(text string) {
	devices, ok := e.child("devices")
	if !ok || devices.open == devices.end {
		e.put("devices", "<devices>"+text+"</devices>")
		return
	}
	e.edits = append(e.edits, edit{devices.shut, devices.shut, text})
}

// addPorts adds PCI Express root ports. libvirt numbers and places them.
func (e *editor) addPorts(n int) {
	if n > 0 {
		e.addDevice(strings.Repeat("<controller type='pci' model='pcie-root-port'/>", n))
	}
}

// interfaceXML is the part of an interface's element that decides whether the interface stays in
// its slot.
type interfaceXML struct {
	Model struct {
		Type string `xml:"type,attr"`
	} `xml:"model"`
}

// editInterface connects an interface as the spec says and leaves the rest of its element
// unchanged. An empty model keeps the old one. A different model moves the interface to another
// address: the spec's, or one that libvirt chooses. drop lists elements to leave out.
func editInterface(text string, spec host.InterfaceSpec, drop ...string) (string, error) {
	var old interfaceXML
	if err := xml.Unmarshal([]byte(text), &old); err != nil {
		return "", fmt.Errorf("understanding the interface's XML: %w", err)
	}
	roots, err := elements(text, 0, len(text))
	if err != nil {
		return "", err
	}
	root := roots[0]
	inner, err := elements(text, root.open, root.shut)
	if err != nil {
		return "", err
	}
	kind, source := "network", tag("source", []xml.Attr{{Name: xml.Name{Local: "network"}, Value: spec.Network}})
	if spec.Network == "" {
		kind, source = "bridge", tag("source", []xml.Attr{{Name: xml.Name{Local: "bridge"}, Value: spec.Bridge}})
	}
	fresh := map[string]string{"source": source + "</source>", "vlan": "", "filterref": ""}
	if spec.VLAN > 0 {
		fresh["vlan"] = fmt.Sprintf("<vlan><tag id='%d'/></vlan>", spec.VLAN)
	}
	if spec.Filter != "" {
		fresh["filterref"] = tag("filterref", []xml.Attr{{Name: xml.Name{Local: "filter"}, Value: spec.Filter}})
		for _, ip := range spec.FilterIPs {
			fresh["filterref"] += "<parameter name='IP' value='" + escape(ip) + "'/>"
		}
		fresh["filterref"] += "</filterref>"
	}
	if spec.Model != "" && spec.Model != old.Model.Type {
		fresh["model"] = tag("model", []xml.Attr{{Name: xml.Name{Local: "type"}, Value: spec.Model}}) + "</model>"
		fresh["address"] = ""
		if spec.PCI != nil {
			fresh["address"] = addressElement(*spec.PCI)
		}
	}
	var b strings.Builder
	attrs := slices.Clone(root.attrs)
	for i := range attrs {
		if attrs[i].Name.Local == "type" {
			attrs[i].Value = kind
		}
	}
	b.WriteString(tag("interface", attrs))
	for _, c := range inner {
		if _, replaced := fresh[c.name.Local]; !replaced && !slices.Contains(drop, c.name.Local) {
			b.WriteString(text[c.start:c.end])
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
	parts, err := elements(e.text, disk.open, disk.shut)
	if err != nil {
		return err
	}
	driven := false
	for _, part := range parts {
		switch part.name.Local {
		case "driver":
			driven = true
			e.edits = append(e.edits, edit{
				part.start, part.end, tag("driver", withAttr(part.attrs, "type", with.Format)) + "</driver>",
			})
		case "source":
			e.edits = append(e.edits, edit{part.start, part.end, tag("source", withAttr(nil, "file", with.Path)) +
				"</source>"})
		case "backingStore":
			e.drop(part)
		}
	}
	if !driven { // the host must never detect a disk's format by itself
		text := tag("driver", []xml.Attr{
			{Name: xml.Name{Local: "name"}, Value: "qemu"},
			{Name: xml.Name{Local: "type"}, Value: with.Format},
		})
		e.edits = append(e.edits, edit{disk.open, disk.open, text + "</driver>"})
	}
	return nil
}

// attrOf is the value of an attribute, "" for none.
func attrOf(attrs []xml.Attr, name string) string {
	for _, a := range attrs {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// withAttr returns the attributes with one of them set.
func withAttr(attrs []xml.Attr, name, value string) []xml.Attr {
	all := make([]xml.Attr, 0, len(attrs)+1)
	for _, a := range attrs {
		if a.Name.Local != name {
			all = append(all, a)
		}
	}
	return append(all, xml.Attr{Name: xml.Name{Local: name}, Value: value})
}
