package domain

import (
	"cmp"
	"context"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Definition returns the whole definition of a domain, or host.ErrNoDomain. If the domain runs, it is
// the definition for its next start. It makes one request.
func (ds *Domains) Definition(ctx context.Context, uuid string) (string, error) {
	const op = "reading"
	object := virterr.Domain(uuid)
	ref, err := domainRef(uuid)
	if err != nil {
		return "", virterr.Fail(op, object, err)
	}
	return rpc.Ask(ctx, ds.client, op, object, func(l *libvirt.Libvirt) (string, error) {
		return l.DomainGetXMLDesc(ref, libvirt.DomainXMLInactive|libvirt.DomainXMLSecure)
	})
}

// DefineRelocated defines a domain by the definition that another host has given of it; see
// host.Relocator.
func (ds *Domains) DefineRelocated(
	ctx context.Context, definition string, r host.Relocation,
) (host.Domain, error) {
	text, err := ds.dialect.relocated(definition, r)
	if err != nil {
		return host.Domain{}, virterr.Fail("defining", virterr.Domain(r.Name), err)
	}
	d, _, err := ds.DefineNew(ctx, r.Name, r.UUID, text)
	return d, err
}

// relocated is a definition as another host takes it. libvirt fills in again what is left out.
func (d Dialect) relocated(definition string, r host.Relocation) (string, error) {
	e, err := newEditor(definition)
	if err != nil {
		return "", err
	}
	if err := cmp.Or(e.setMetadata(r.Metadata), d.Relocate(e.Editor, r.Files)); err != nil {
		return "", err
	}
	return e.Result(), nil
}

// relocateMachine takes out the paths of emulator and firmware.
func relocateMachine(x *domainxml.Editor, files map[string]string) error {
	e := &editor{x}
	return cmp.Or(e.dropFirmwareFiles(), DropEmulator(x), e.moveDisks(files), e.moveLogs(files))
}

// dropFirmwareFiles takes out the paths of a firmware that libvirt chooses by itself, and of its
// variables.
func (e *editor) dropFirmwareFiles() error {
	os, ok := e.Child("os")
	if !ok || os.Open == os.End {
		return nil
	}
	parts, err := domainxml.Elements(e.Text, os.Open, os.Shut)
	if err != nil {
		return err
	}
	chosen := domainxml.Attr(os.Attrs, "firmware") != ""
	for _, part := range parts {
		switch part.Name.Local {
		case "loader", "nvram":
			if !chosen {
				return fmt.Errorf("its firmware is a file of its host, %s", e.Text[part.Start:part.End])
			}
			e.Drop(part)
		case "kernel", "initrd":
			return fmt.Errorf("its kernel is a file of its host, %s", e.Text[part.Start:part.End])
		}
	}
	return nil
}

// DropEmulator takes out the path of the emulator.
func DropEmulator(e *domainxml.Editor) error {
	return e.EachDevice("emulator", func(emulator domainxml.Element, _ []domainxml.Element) { e.Drop(emulator) })
}

// moveDisks replaces the files of disks and media. What they stand on is in the files.
func (e *editor) moveDisks(files map[string]string) error {
	var failed error
	err := e.EachDevice("disk", func(_ domainxml.Element, parts []domainxml.Element) {
		for _, part := range parts {
			switch part.Name.Local {
			case "backingStore":
				e.Drop(part)
			case "source":
				if err := e.moveSource(part, files); err != nil {
					failed = err
				}
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// moveSource replaces the file of a disk's source.
func (e *editor) moveSource(source domainxml.Element, files map[string]string) error {
	path, named := files[domainxml.Attr(source.Attrs, "file")]
	if !named {
		return fmt.Errorf("nothing says where the disk of %s is now", e.Text[source.Start:source.End])
	}
	with := domainxml.Tag("source", domainxml.WithAttr(source.Attrs, "file", path))
	if source.Open == source.End { // a self-closing tag
		e.Replace(source.Start, source.End, with+"</source>")
	} else {
		e.Replace(source.Start, source.Open, with)
	}
	return nil
}

// moveLogs replaces the logs of consoles.
func (e *editor) moveLogs(files map[string]string) error {
	return e.eachLog(func(log domainxml.Element) {
		if path, named := files[domainxml.Attr(log.Attrs, "file")]; named {
			e.moveLog(log, path)
		} else {
			e.Drop(log)
		}
	})
}
