package hypervisor

import (
	"encoding/xml"
	"fmt"
)

// DiskImage is what a disk of a domain is to be kept in.
type DiskImage struct {
	Target       string // of the disk: vda, sda, …
	Path, Format string
}

// setDiskImage gives a disk another image, and leaves all else of it alone. What libvirt has noted of the chain behind
// the old image goes with that.
func (e *editor) setDiskImage(with DiskImage) error {
	disk, err := e.disk(with.Target)
	if err != nil {
		return err
	}
	parts, err := elements(e.text, disk.open, disk.shut)
	if err != nil {
		return err
	}
	for _, part := range parts {
		switch part.name.Local {
		case "driver":
			e.edits = append(e.edits, edit{part.start, part.end, tag("driver", withAttr(part.attrs, "type", with.Format)) + "</driver>"})
		case "source":
			e.edits = append(e.edits, edit{part.start, part.end, tag("source", withAttr(nil, "file", with.Path)) + "</source>"})
		case "backingStore":
			e.edits = append(e.edits, edit{part.start, part.end, ""})
		}
	}
	return nil
}

// disk finds the disk with that target.
func (e *editor) disk(target string) (element, error) {
	devices, ok := e.child("devices")
	if ok {
		found, err := elements(e.text, devices.open, devices.shut)
		if err != nil {
			return element{}, err
		}
		for _, d := range found {
			if d.name.Local != "disk" {
				continue
			}
			parts, err := elements(e.text, d.open, d.shut)
			if err != nil {
				return element{}, err
			}
			for _, part := range parts {
				if part.name.Local == "target" && attrOf(part, "dev") == target {
					return d, nil
				}
			}
		}
	}
	return element{}, fmt.Errorf("the domain has no disk %q", target)
}

func attrOf(e element, name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// withAttr sets an attribute among others.
func withAttr(attrs []xml.Attr, name, value string) []xml.Attr {
	all := make([]xml.Attr, 0, len(attrs)+1)
	for _, a := range attrs {
		if a.Name.Local != name {
			all = append(all, a)
		}
	}
	return append(all, xml.Attr{Name: xml.Name{Local: name}, Value: value})
}
