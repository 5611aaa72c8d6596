package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// kinds are the drivers of the kinds of instances on a host.
type kinds []kind.Driver

// of is the driver for a type of template; "" is the first.
func (k kinds) of(name string) (kind.Driver, error) {
	var names []string
	for _, d := range k {
		if name == "" || d.Type() == name {
			return d, nil
		}
		names = append(names, d.Type())
	}
	return nil, fmt.Errorf("unknown type %q: this version of the provider has %s", name, strings.Join(names, ", "))
}

// find asks the connections of all kinds for a domain until one has it. It returns host.ErrNoDomain
// if none does.
func (k kinds) find(ask func(host.Domains) (host.Domain, error)) (kind.Driver, host.Domain, error) {
	err := host.ErrNoDomain
	for _, d := range k {
		var domain host.Domain
		if domain, err = ask(d.Domains()); !errors.Is(err, host.ErrNoDomain) {
			return d, domain, err
		}
	}
	return nil, host.Domain{}, err
}

// named is the domain with that name. The name is the claim to an instance's name on all
// connections of a host.
func (k kinds) named(ctx context.Context, name string) (kind.Driver, host.Domain, error) {
	return k.find(func(d host.Domains) (host.Domain, error) { return d.DomainByName(ctx, name) })
}

// names are the names of all domains on all connections of a host, but those that the host cannot use.
func (k kinds) names(ctx context.Context) (names []string, err error) {
	for _, d := range k {
		_, _, err = d.Domains().DomainsNamed(ctx, func(name string) bool {
			names = append(names, name)
			return false
		})
		if err != nil && !host.Driverless(err) {
			return nil, err
		}
	}
	return names, nil
}

// byUUID is the domain with that UUID.
func (k kinds) byUUID(ctx context.Context, uuid string) (kind.Driver, host.Domain, error) {
	return k.find(func(d host.Domains) (host.Domain, error) { return d.Domain(ctx, uuid) })
}

// definition is the domain with that UUID, without its state.
func (k kinds) definition(ctx context.Context, uuid string) (kind.Driver, host.Domain, error) {
	return k.find(func(d host.Domains) (host.Domain, error) { return d.DomainWith(ctx, uuid, host.Status{}) })
}
