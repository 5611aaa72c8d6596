package domain

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
)

// withIdentity gives the definition of a guest whose memory was saved another identity. Everything
// else stays as it is, in libvirt's own words: QEMU refuses memory of another machine, and takes
// that of another processor without a word.
func withIdentity(saved string, id host.Identity) (string, error) {
	e, err := newEditor(saved)
	if err != nil {
		return "", err
	}
	e.Set("name", nil, id.Name)
	e.Set("uuid", nil, id.UUID)
	e.SetText("description", id.Description)
	if err := e.setMetadata(id.Metadata); err != nil {
		return "", err
	}
	if _, has := e.Child("genid"); has {
		e.Set("genid", nil, id.GenID)
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
	return e.Result(), nil
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
	e.Put("cpu", text)
	return e.Result(), nil
}

// setSeed puts a medium into the drive for the seed, or takes it out.
func (e *editor) setSeed(path string) error {
	return e.EachDevice("disk", func(drive domainxml.Element, parts []domainxml.Element) {
		if !isDrive(drive) {
			return
		}
		for _, part := range parts {
			if part.Name.Local == "source" || part.Name.Local == "backingStore" {
				e.Drop(part)
			}
		}
		if path != "" {
			source := domainxml.Tag("source", []xml.Attr{
				{Name: xml.Name{Local: "file"}, Value: path},
				{Name: xml.Name{Local: "startupPolicy"}, Value: "optional"},
			})
			e.Replace(drive.Shut, drive.Shut, source+"</source>")
		}
	})
}

// isDrive reports whether a disk is a drive for media.
func isDrive(disk domainxml.Element) bool {
	return domainxml.Attr(disk.Attrs, "device") == "cdrom"
}

// setConsoleLog changes where the log of the serial console is.
func (e *editor) setConsoleLog(path string) error {
	return e.eachLog(func(log domainxml.Element) { e.moveLog(log, path) })
}

// eachLog passes on the logs of consoles. libvirt describes the serial console twice.
func (e *editor) eachLog(do func(log domainxml.Element)) error {
	for _, kind := range []string{"serial", "console"} {
		err := e.EachDevice(kind, func(_ domainxml.Element, parts []domainxml.Element) {
			for _, part := range parts {
				if part.Name.Local == "log" {
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
func (e *editor) moveLog(log domainxml.Element, path string) {
	with := domainxml.Tag("log", domainxml.WithAttr(log.Attrs, "file", path)) + "</log>"
	e.Replace(log.Start, log.End, with)
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
	text, err := EditInterface(e.Text[found.Start:found.End], spec, "mac")
	if err != nil {
		return err
	}
	mac := domainxml.Tag("mac", domainxml.WithAttr(nil, "address", spec.MAC)) + "</mac>"
	roots, err := domainxml.Elements(text, 0, len(text))
	if err != nil {
		return err
	}
	e.Replace(found.Start, found.End, text[:roots[0].Open]+mac+text[roots[0].Open:])
	return nil
}
