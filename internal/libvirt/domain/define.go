package domain

import (
	"context"
	"errors"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// DefineDomain defines a domain without starting it. If another domain has the name or the UUID, it
// returns host.ErrExists. If the UUID is empty, the host chooses one. It makes two requests: libvirt
// silently redefines a domain that has both, so a UUID has to be a new one.
func (ds *Machines) DefineDomain(ctx context.Context, spec host.DomainSpec) (host.Domain, error) {
	const op = "defining"
	object := virterr.Domain(spec.Name)
	text, err := renderDomain(spec)
	if err != nil {
		return host.Domain{}, virterr.Fail(op, object, err)
	}
	d, text, err := ds.DefineNew(ctx, spec.Name, spec.UUID, text)
	if err != nil {
		return host.Domain{}, err
	}
	if err := ds.withSparePorts(ctx, op, object, text); err != nil {
		return host.Domain{}, ds.Undefined(ctx, d.UUID, err)
	}
	return d, nil
}

// DefineNew defines a domain that is new, and reads the definition that libvirt has made of it.
func (ds *Domains) DefineNew(ctx context.Context, name, uuid, text string) (host.Domain, string, error) {
	const op = "defining"
	object := virterr.Domain(name)
	ref, err := ds.defineXML(ctx, op, object, text, ds.validate)
	if virterr.HasCode(err, libvirt.ErrOperationFailed) && ds.taken(ctx, op, name, uuid) {
		return host.Domain{}, "", virterr.Fail(op, object, virterr.As(host.ErrExists, errors.Unwrap(err)))
	}
	if err != nil {
		return host.Domain{}, "", err
	}
	d, text, err := ds.readText(ctx, object, ref)
	if err != nil {
		return host.Domain{}, "", ds.Undefined(ctx, rpc.FormatUUID(ref.UUID), err)
	}
	d.State = host.StateShutoff
	return d, text, nil
}

// Undefined removes a domain that was just defined: to a caller, an error means that there is no
// domain. It returns that error.
func (ds *Domains) Undefined(ctx context.Context, uuid string, err error) error {
	return errors.Join(err, ds.UndefineDomain(ctx, uuid))
}

// taken reports whether another domain has the name or the UUID of a domain that libvirt did not
// define, for a reason that its code leaves open.
func (ds *Domains) taken(ctx context.Context, op, name, uuid string) bool {
	if _, err := ds.lookupName(ctx, op, name); err == nil {
		return true
	}
	ref, err := domainRef(uuid)
	if err != nil {
		return false
	}
	_, err = rpc.Ask(ctx, ds.client, op, virterr.Domain(name), func(l *libvirt.Libvirt) (libvirt.Domain, error) {
		return l.DomainLookupByUUID(ref.UUID)
	})
	return err == nil
}

// withSparePorts adds root ports to the definition of a domain that was just defined, if its
// machine supports them and has too few.
func (ds *Machines) withSparePorts(ctx context.Context, op, object, text string) error {
	hardware, err := parseHardware(text)
	if err != nil {
		return virterr.Fail(op, object, err)
	}
	n := hardware.LackingPorts(0)
	if n == 0 {
		return nil
	}
	e, err := newEditor(text)
	if err != nil {
		return virterr.Fail(op, object, err)
	}
	e.addPorts(n)
	_, err = ds.defineXML(ctx, op, object, e.Result(), 0)
	return err
}

// defineXML defines a domain, unless its definition is longer than MaxDefinition.
func (ds *Domains) defineXML(
	ctx context.Context, op, object, text string, flags libvirt.DomainDefineFlags,
) (libvirt.Domain, error) {
	if size := host.AnswerSize(text); size > host.MaxDefinition {
		return libvirt.Domain{}, virterr.Fail(op, object,
			fmt.Errorf("%w: its definition with the metadata has %d bytes, and %d is the most",
				host.ErrTooLarge, size, host.MaxDefinition))
	}
	return rpc.Tell(ctx, ds.client, op, object, func(l *libvirt.Libvirt) (libvirt.Domain, error) {
		return l.DomainDefineXMLFlags(text, flags)
	})
}
