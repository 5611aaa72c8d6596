package domain

import (
	"context"
	"reflect"
	"strings"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// UndefineDomain removes a domain's definition and what belongs to it: managed save image, metadata
// of snapshots and checkpoints, NVRAM. Disks stay. A running domain continues to run and vanishes
// when it stops.
func (ds *Domains) UndefineDomain(ctx context.Context, uuid string) error {
	return change(ctx, ds.client, "undefining", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainUndefineFlags(ref, ds.dialect.Undefine)
	})
}

// SetAutostart sets whether a domain starts with its host.
func (ds *Domains) SetAutostart(ctx context.Context, uuid string, autostart bool) error {
	return change(ctx, ds.client, "setting autostart of", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		var value int32
		if autostart {
			value = 1
		}
		return l.DomainSetAutostart(ref, value)
	})
}

// RenameDomain renames a domain that is off. It returns host.ErrExists if another domain has the
// name.
func (ds *Domains) RenameDomain(ctx context.Context, uuid, name string) error {
	err := change(ctx, ds.client, "renaming", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		_, err := l.DomainRename(ref, libvirt.OptString{name}, 0)
		return err
	})
	if err == nil {
		return nil
	}
	if other, lookup := ds.DomainByName(ctx, name); lookup == nil && other.UUID != uuid {
		return virterr.Fail("renaming", virterr.Domain(uuid), virterr.As(host.ErrExists, err))
	}
	return err
}

// RedefineDomain changes the named fields of a domain's definition and nothing else in it:
// additions by other tools stay. A running domain keeps its old definition until it is powered off.
// Concurrent changes of the same domain overwrite each other. It makes two requests, or one if only
// the metadata change.
func (ds *Domains) RedefineDomain(ctx context.Context, uuid string, change host.DomainChange) error {
	const op = "redefining"
	object := virterr.Domain(uuid)
	ref, err := domainRef(uuid)
	if err != nil {
		return virterr.Fail(op, object, err)
	}
	if text := change.Metadata; text != nil && reflect.DeepEqual(change, host.DomainChange{Metadata: text}) &&
		host.AnswerSize(*text) < surelyFits && !strings.Contains(*text, "xmlns:"+metadataPrefix+"=") {
		err := ds.setMetadata(ctx, op, object, ref, *text)
		// libvirt waits for a job of the domain, such as a migration, but only for so long.
		if !virterr.HasCode(err, libvirt.ErrOperationTimeout) {
			return err
		}
	}
	// Without the secure flag, the XML lacks passwords, and they would be lost.
	old, err := rpc.Ask(ctx, ds.client, op, object, func(l *libvirt.Libvirt) (string, error) {
		return l.DomainGetXMLDesc(ref, libvirt.DomainXMLInactive|libvirt.DomainXMLSecure)
	})
	if err != nil {
		return err
	}
	text, err := ds.dialect.edit(old, change)
	if err != nil {
		return virterr.Fail(op, object, err)
	}
	_, err = ds.defineXML(ctx, op, object, text, 0)
	return err
}

// surelyFits is how long metadata may be, in bytes, to be set without a look at the rest of the
// definition: that takes some KiB, and both have to fit into host.MaxDefinition.
const surelyFits = 256 << 10

// setMetadata replaces novacron's element in the metadata of a domain's definition, or removes it if
// text is empty. libvirt then writes the definition as it has it, which takes a fraction of defining
// the domain once more.
func (ds *Domains) setMetadata(ctx context.Context, op, object string, ref libvirt.Domain, text string) error {
	var element libvirt.OptString
	if text != "" {
		if _, err := parseMetadata(text); err != nil {
			return virterr.Fail(op, object, err)
		}
		element = libvirt.OptString{text}
	}
	_, err := rpc.Tell(ctx, ds.client, op, object, func(l *libvirt.Libvirt) (struct{}, error) {
		return struct{}{}, l.DomainSetMetadata(ref, int32(libvirt.DomainMetadataElement), element,
			libvirt.OptString{metadataPrefix}, libvirt.OptString{naming.InstanceNamespace}, libvirt.DomainAffectConfig)
	})
	if text == "" && virterr.HasCode(err, libvirt.ErrNoDomainMetadata) {
		return nil
	}
	return err
}
