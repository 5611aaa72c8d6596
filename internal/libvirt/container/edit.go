package container

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domain"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
)

// dialect is how containers differ from other domains. The driver lists no figures, and takes no flags
// when it removes a definition.
var dialect = domain.Dialect{Change: change, Relocate: relocate}

// change changes vCPUs, filesystems and interfaces.
func change(e *domainxml.Editor, c host.DomainChange) error {
	if c.AddDisk != nil || c.Disk != nil || c.RemoveDevice != "" || c.Cores != nil && *c.Cores != 1 {
		return fmt.Errorf("%w: a container has no disks, no named devices, and one core a socket", host.ErrUnsupported)
	}
	if c.Sockets != nil {
		if err := setVCPUs(e, *c.Sockets); err != nil {
			return err
		}
	}
	if err := changeFilesystems(e, c.SetFilesystems, c.RemoveFilesystem); err != nil {
		return err
	}
	return changeInterfaces(e, c.SetInterface, c.RemoveInterface)
}

// setVCPUs changes the number of vCPUs and the processors' time.
func setVCPUs(e *domainxml.Editor, n int) error {
	if n < 1 {
		return fmt.Errorf("%d vCPUs: must be at least 1", n)
	}
	vcpu, _ := e.Child("vcpu")
	e.Set("vcpu", vcpu.Attrs, strconv.Itoa(n))
	limits := fmt.Sprintf("<period>%d</period><quota>%d</quota>", period, quota(n))
	tune, has := e.Child("cputune")
	if !has || tune.Open == tune.End {
		e.Put("cputune", "<cputune>"+limits+"</cputune>")
		return nil
	}
	parts, err := domainxml.Elements(e.Text, tune.Open, tune.Shut)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if part.Name.Local == "period" || part.Name.Local == "quota" {
			e.Drop(part)
		}
	}
	e.Replace(tune.Shut, tune.Shut, limits)
	return nil
}

// changeFilesystems replaces or adds filesystems, and removes another.
func changeFilesystems(e *domainxml.Editor, set []host.Filesystem, remove string) error {
	texts := make([]string, len(set))
	for i, fs := range set {
		if err := checkFilesystem(fs); err != nil {
			return err
		}
		device := filesystemDevice(fs)
		var err error
		if texts[i], err = device.Marshal(); err != nil {
			return err
		}
	}
	err := e.EachDevice("filesystem", func(fs domainxml.Element, parts []domainxml.Element) {
		target := attrIn(parts, "target", "dir")
		i := slices.IndexFunc(set, func(s host.Filesystem) bool { return s.Target == target })
		switch {
		case i >= 0:
			e.Replace(fs.Start, fs.End, texts[i])
			texts[i] = ""
		case remove != "" && target == remove:
			e.Drop(fs)
		}
	})
	if err != nil {
		return err
	}
	for _, text := range texts {
		if text != "" {
			e.AddDevice(text)
		}
	}
	return nil
}

// changeInterfaces connects or adds an interface, and removes another.
func changeInterfaces(e *domainxml.Editor, set *host.InterfaceSpec, remove string) error {
	if set != nil {
		if err := checkInterface(*set); err != nil {
			return err
		}
	}
	var failed error
	var devices []string
	found := false
	err := e.EachDevice("interface", func(nic domainxml.Element, parts []domainxml.Element) {
		mac := attrIn(parts, "mac", "address")
		devices = append(devices, attrIn(parts, "guest", "dev"))
		switch {
		case set != nil && strings.EqualFold(mac, set.MAC):
			text, err := connected(e.Text[nic.Start:nic.End], *set)
			e.Replace(nic.Start, nic.End, text)
			found, failed = true, err
		case remove != "" && strings.EqualFold(mac, remove):
			e.Drop(nic)
		}
	})
	if err != nil || failed != nil || set == nil || found {
		return cmp.Or(err, failed)
	}
	n := 0
	for slices.Contains(devices, deviceName(n)) {
		n++
	}
	device := interfaceDevice(*set, deviceName(n))
	text, err := device.Marshal()
	e.AddDevice(text)
	return err
}

// connected is the element of an interface, connected as the spec says.
func connected(text string, spec host.InterfaceSpec) (string, error) {
	text, err := domain.EditInterface(text, spec, "target")
	if err != nil || spec.Filter == "" {
		return text, err
	}
	const end = "</interface>"
	target := domainxml.Tag("target", domainxml.WithAttr(nil, "dev", hostDevice(spec.MAC)))
	return strings.TrimSuffix(text, end) + target + "</target>" + end, nil
}

// attrIn is an attribute of one of the elements in a device; "" for none.
func attrIn(parts []domainxml.Element, name, attr string) string {
	for _, part := range parts {
		if part.Name.Local == name {
			return domainxml.Attr(part.Attrs, attr)
		}
	}
	return ""
}

// relocate replaces the sources of filesystems.
func relocate(e *domainxml.Editor, files map[string]string) error {
	var failed error
	err := e.EachDevice("filesystem", func(_ domainxml.Element, parts []domainxml.Element) {
		for _, part := range parts {
			if part.Name.Local == "source" {
				failed = cmp.Or(failed, moveSource(e, part, files))
			}
		}
	})
	return cmp.Or(err, failed, domain.DropEmulator(e))
}

// moveSource replaces the file of a filesystem; one of memory has none.
func moveSource(e *domainxml.Editor, source domainxml.Element, files map[string]string) error {
	for _, name := range []string{"file", "dir", "dev"} {
		old := domainxml.Attr(source.Attrs, name)
		if old == "" {
			continue
		}
		path, named := files[old]
		if !named {
			return fmt.Errorf("nothing says where the file of %s is now", e.Text[source.Start:source.End])
		}
		with := domainxml.Tag("source", domainxml.WithAttr(source.Attrs, name, path))
		e.Replace(source.Start, source.End, with+"</source>")
	}
	return nil
}
