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

// DefineDomain defines a domain without starting it. If another domain has the name or UUID, it
// returns host.ErrExists. If the UUID is empty, the host chooses one.
func (ds *Domains) DefineDomain(ctx context.Context, spec host.DomainSpec) (host.Domain, error) {
	const op = "defining"
	object := virterr.Domain(spec.Name)
	text, err := renderDomain(spec)
	if err != nil {
		return host.Domain{}, virterr.Fail(op, object, err)
	}
	// libvirt silently redefines a domain with the same name and UUID.
	if spec.UUID != "" {
		if err := ds.refuseTaken(ctx, op, spec); err != nil {
			return host.Domain{}, err
		}
	}
	ref, err := ds.defineXML(ctx, op, object, text, libvirt.DomainDefineValidate)
	if virterr.HasCode(err, libvirt.ErrOperationFailed) {
		// This code can mean that the name is taken, among other things.
		if _, lookup := ds.lookupName(ctx, op, spec.Name); lookup == nil {
			return host.Domain{}, virterr.Fail(op, object, virterr.As(host.ErrExists, errors.Unwrap(err)))
		}
	}
	if err != nil {
		return host.Domain{}, err
	}
	d, text, err := ds.readText(ctx, object, ref)
	d.State = host.StateShutoff
	if err != nil {
		return d, err
	}
	return d, ds.withSparePorts(ctx, op, object, text)
}

func (ds *Domains) refuseTaken(ctx context.Context, op string, spec host.DomainSpec) error {
	ref, err := domainRef(spec.UUID)
	if err != nil {
		return virterr.Fail(op, virterr.Domain(spec.Name), err)
	}
	taken, err := rpc.Ask(ctx, ds.client, op, virterr.Domain(spec.Name),
		func(l *libvirt.Libvirt) (libvirt.Domain, error) {
			return l.DomainLookupByUUID(ref.UUID)
		})
	switch {
	case errors.Is(err, host.ErrNoDomain):
		return nil
	case err != nil:
		return err
	default:
		return virterr.Fail(op, virterr.Domain(spec.Name), &takenError{uuid: spec.UUID, name: taken.Name})
	}
}

// takenError says which domain has a UUID.
type takenError struct{ uuid, name string }

func (e *takenError) Error() string {
	return "a domain " + e.name + " with UUID " + e.uuid + " exists already"
}
func (e *takenError) Unwrap() error { return host.ErrExists }

// withSparePorts adds root ports to the definition of a domain that was just defined, if its
// machine supports them and has too few.
func (ds *Domains) withSparePorts(ctx context.Context, op, object, text string) error {
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
	_, err = ds.defineXML(ctx, op, object, e.result(), 0)
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
