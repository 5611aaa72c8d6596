package hypervisor

import (
	"encoding/xml"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// setDiskImage gives a disk another image, and leaves all else of it alone. What libvirt has noted of the chain behind
// the old image goes with that.
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
			e.edits = append(e.edits, edit{part.start, part.end, tag("driver", withAttr(part.attrs, "type", with.Format)) + "</driver>"})
		case "source":
			e.edits = append(e.edits, edit{part.start, part.end, tag("source", withAttr(nil, "file", with.Path)) + "</source>"})
		case "backingStore":
			e.edits = append(e.edits, edit{part.start, part.end, ""})
		}
	}
	if !driven { // the host must never find out a disk's format by itself
		text := tag("driver", []xml.Attr{{Name: xml.Name{Local: "name"}, Value: "qemu"}, {Name: xml.Name{Local: "type"}, Value: with.Format}})
		e.edits = append(e.edits, edit{disk.open, disk.open, text + "</driver>"})
	}
	return nil
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
