package domain

import (
	"context"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
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
	text, err := relocated(definition, r)
	if err != nil {
		return host.Domain{}, virterr.Fail("defining", virterr.Domain(r.Name), err)
	}
	d, _, err := ds.DefineNew(ctx, r.Name, r.UUID, text)
	return d, err
}

// relocated is a definition as another host takes it. libvirt fills in again what is left out.
func relocated(definition string, r host.Relocation) (string, error) {
	e, err := newEditor(definition)
	if err != nil {
		return "", err
	}
	for _, step := range []func() error{
		func() error { return e.setMetadata(r.Metadata) },
		e.dropFirmwareFiles,
		e.dropEmulator,
		func() error { return e.moveDisks(r.Files) },
		func() error { return e.moveLogs(r.Files) },
	} {
		if err := step(); err != nil {
			return "", err
		}
	}
	return e.result(), nil
}

// dropFirmwareFiles takes out the paths of a firmware that libvirt chooses by itself, and of its
// variables.
func (e *editor) dropFirmwareFiles() error {
	os, ok := e.child("os")
	if !ok || os.open == os.end {
		return nil
	}
	parts, err := elements(e.text, os.open, os.shut)
	if err != nil {
		return err
	}
	chosen := attrOf(os.attrs, "firmware") != ""
	for _, part := range parts {
		switch part.name.Local {
		case "loader", "nvram":
			if !chosen {
				return fmt.Errorf("its firmware is a file of its host, %s", e.text[part.start:part.end])
			}
			e.drop(part)
		case "kernel", "initrd":
			return fmt.Errorf("its kernel is a file of its host, %s", e.text[part.start:part.end])
		}
	}
	return nil
}

// dropEmulator takes out the path of the emulator.
func (e *editor) dropEmulator() error {
	return e.eachDevice("emulator", func(emulator element, _ []element) { e.drop(emulator) })
}

// moveDisks replaces the files of disks and media. What they stand on is in the files.
func (e *editor) moveDisks(files map[string]string) error {
	var failed error
	err := e.eachDevice("disk", func(_ element, parts []element) {
		for _, part := range parts {
			switch part.name.Local {
			case "backingStore":
				e.drop(part)
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
func (e *editor) moveSource(source element, files map[string]string) error {
	path, named := files[attrOf(source.attrs, "file")]
	if !named {
		return fmt.Errorf("nothing says where the disk of %s is now", e.text[source.start:source.end])
	}
	with := tag("source", withAttr(source.attrs, "file", path))
	if source.open == source.end { // a self-closing tag
		e.edits = append(e.edits, edit{source.start, source.end, with + "</source>"})
	} else {
		e.edits = append(e.edits, edit{source.start, source.open, with})
	}
	return nil
}

// moveLogs replaces the logs of consoles.
func (e *editor) moveLogs(files map[string]string) error {
	return e.eachLog(func(log element) {
		if path, named := files[attrOf(log.attrs, "file")]; named {
			e.moveLog(log, path)
		} else {
			e.drop(log)
		}
	})
}
