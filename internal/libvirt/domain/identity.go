package domain

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// withIdentity gives the definition of a guest whose memory was saved another identity. Everything
// else stays as it is, in libvirt's own words: QEMU refuses memory of another machine, and takes
// that of another processor without a word.
func withIdentity(saved string, id host.Identity) (string, error) {
	e, err := newEditor(saved)
	if err != nil {
		return "", err
	}
	e.set("name", nil, id.Name)
	e.set("uuid", nil, id.UUID)
	e.setText("description", id.Description)
	if err := e.setMetadata(id.Metadata); err != nil {
		return "", err
	}
	if _, has := e.child("genid"); has {
		e.set("genid", nil, id.GenID)
	}
	hardware, err := parseDomain(saved)
	if err != nil {
		return "", err
	}
	if hardware.Firmware != "" {
		return "", errors.New("guests with EFI would share the file with the variables of their firmware")
	}
	for _, disk := range hardware.Disks {
		path, named := id.Disks[disk.Name]
		switch {
		case disk.CDROM:
		case !named: // also one that is not novacron's: all guests that are resumed would share it
			return "", fmt.Errorf("the memory needs a disk %q", disk.Name)
		default:
			if err := e.setDiskImage(host.DiskImage{Name: disk.Name, Path: path, Format: disk.Format}); err != nil {
				return "", err
			}
		}
	}
	for _, nic := range hardware.Interfaces {
		n := slices.IndexFunc(id.Interfaces, func(spec host.InterfaceSpec) bool { return spec.Name == nic.Name })
		if n < 0 {
			return "", fmt.Errorf("the memory needs an interface %q", nic.Name)
		}
		if err := e.setCard(id.Interfaces[n]); err != nil {
			return "", err
		}
	}
	if err := e.setSeed(id.Seed); err != nil {
		return "", err
	}
	if err := e.setConsoleLog(id.ConsoleLog); err != nil {
		return "", err
	}
	return e.result(), nil
}

// withCPU gives a definition the processor of that type. libvirt describes that of a running guest by
// what it has made of it: host-model becomes a model with a list of features.
func withCPU(definition, cpu string) (string, error) {
	e, err := newEditor(definition)
	if err != nil {
		return "", err
	}
	d, err := parseDomain(definition)
	if err != nil {
		return "", err
	}
	element := domainCPU(host.DomainSpec{Type: d.Type, CPU: cpu, Sockets: d.Sockets, Cores: d.Cores})
	text, err := element.Marshal()
	if err != nil {
		return "", err
	}
	e.put("cpu", text)
	return e.result(), nil
}

// setSeed puts a medium into the drive for the seed, or takes it out.
func (e *editor) setSeed(path string) error {
	return e.eachDevice("disk", func(drive element, parts []element) {
		if !isDrive(drive) {
			return
		}
		for _, part := range parts {
			if part.name.Local == "source" || part.name.Local == "backingStore" {
				e.drop(part)
			}
		}
		if path != "" {
			source := tag("source", []xml.Attr{
				{Name: xml.Name{Local: "file"}, Value: path},
				{Name: xml.Name{Local: "startupPolicy"}, Value: "optional"},
			})
			e.edits = append(e.edits, edit{drive.shut, drive.shut, source + "</source>"})
		}
	})
}

// isDrive reports whether a disk is a drive for media.
func isDrive(disk element) bool {
	return attrOf(disk.attrs, "device") == "cdrom"
}

// without returns the text of a device, without its elements of these names.
func (e *editor) without(device element, names ...string) (string, error) {
	parts, err := elements(e.text, device.open, device.shut)
	if err != nil {
		return "", err
	}
	text, from := "", device.start
	for _, part := range parts {
		if slices.Contains(names, part.name.Local) {
			text += e.text[from:part.start]
			from = part.end
		}
	}
	return text + e.text[from:device.end], nil
}

// setConsoleLog changes where the log of the serial console is.
func (e *editor) setConsoleLog(path string) error {
	return e.eachLog(func(log element) { e.moveLog(log, path) })
}

// eachLog passes on the logs of consoles. libvirt describes the serial console twice.
func (e *editor) eachLog(do func(log element)) error {
	for _, kind := range []string{"serial", "console"} {
		err := e.eachDevice(kind, func(_ element, parts []element) {
			for _, part := range parts {
				if part.name.Local == "log" {
					do(part)
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// moveLog replaces the file of a log.
func (e *editor) moveLog(log element, path string) {
	with := tag("log", withAttr(log.attrs, "file", path)) + "</log>"
	e.edits = append(e.edits, edit{log.start, log.end, with})
}

// eachDevice passes on the devices of a kind, with their elements.
func (e *editor) eachDevice(kind string, do func(device element, parts []element)) error {
	devices, ok := e.child("devices")
	if !ok {
		return nil
	}
	all, err := elements(e.text, devices.open, devices.shut)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.name.Local != kind {
			continue
		}
		parts, err := elements(e.text, d.open, d.shut)
		if err != nil {
			return err
		}
		do(d, parts)
	}
	return nil
}

// setCard connects an interface as the spec says, with its MAC address. The model stays.
func (e *editor) setCard(spec host.InterfaceSpec) error {
	if err := CheckInterface(spec); err != nil {
		return err
	}
	found, ok, err := e.device(host.InterfaceID(spec.Name))
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the domain has no %s", host.InterfaceID(spec.Name))
	}
	spec.Model = ""
	text, err := editInterface(e.text[found.start:found.end], spec, "mac")
	if err != nil {
		return err
	}
	mac := tag("mac", []xml.Attr{{Name: xml.Name{Local: "address"}, Value: spec.MAC}}) + "</mac>"
	roots, err := elements(text, 0, len(text))
	if err != nil {
		return err
	}
	e.edits = append(e.edits, edit{found.start, found.end, text[:roots[0].open] + mac + text[roots[0].open:]})
	return nil
}
