package domain

import (
	"context"
	"errors"

	"github.com/digitalocean/go-libvirt"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// stateOf translates virDomainState (libvirt/libvirt-domain.h).
func stateOf(state int32) host.State {
	switch libvirt.DomainState(state) {
	case libvirt.DomainRunning, libvirt.DomainBlocked:
		return host.StateRunning
	case libvirt.DomainPaused:
		return host.StatePaused
	case libvirt.DomainShutdown:
		return host.StateShuttingDown
	case libvirt.DomainShutoff:
		return host.StateShutoff
	case libvirt.DomainCrashed:
		return host.StateCrashed
	case libvirt.DomainPmsuspended:
		return host.StatePMSuspended
	default:
		return host.StateUnknown
	}
}

// Domain returns a domain, or host.ErrNoDomain. It makes three requests at once.
func (ds *Domains) Domain(ctx context.Context, uuid string) (host.Domain, error) {
	ref, err := domainRef(uuid)
	if err != nil {
		return host.Domain{}, virterr.Fail("reading", virterr.Domain(uuid), err)
	}
	return ds.readDomain(ctx, virterr.Domain(uuid), ref)
}

// DomainWith returns a domain whose status is known, or host.ErrNoDomain. It makes one request.
func (ds *Domains) DomainWith(ctx context.Context, uuid string, status host.Status) (host.Domain, error) {
	ref, err := domainRef(uuid)
	if err != nil {
		return host.Domain{}, virterr.Fail("reading", virterr.Domain(uuid), err)
	}
	d, err := ds.readDefinition(ctx, virterr.Domain(uuid), ref)
	d.Status = status
	return d, err
}

// DomainByName returns a domain, or host.ErrNoDomain. It makes one request more than Domain.
func (ds *Domains) DomainByName(ctx context.Context, name string) (host.Domain, error) {
	ref, err := ds.lookupName(ctx, "reading", name)
	if err != nil {
		return host.Domain{}, err
	}
	return ds.readDomain(ctx, virterr.Domain(name), ref)
}

// Named reports whether a domain has that name, with one request.
func (ds *Domains) Named(ctx context.Context, name string) (bool, error) {
	_, err := ds.lookupName(ctx, "looking for", name)
	if errors.Is(err, host.ErrNoDomain) {
		return false, nil
	}
	return err == nil, err
}

func (ds *Domains) lookupName(ctx context.Context, op, name string) (libvirt.Domain, error) {
	return rpc.Ask(ctx, ds.client, op, virterr.Domain(name), func(l *libvirt.Libvirt) (libvirt.Domain, error) {
		return l.DomainLookupByName(name)
	})
}

func (ds *Domains) readDomain(ctx context.Context, object string, ref libvirt.Domain) (host.Domain, error) {
	var (
		d      host.Domain
		status host.Status
	)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		d, err = ds.readDefinition(ctx, object, ref)
		return err
	})
	group.Go(func() (err error) {
		status.State, err = readState(ctx, ds.client, object, ref)
		return err
	})
	group.Go(func() (err error) {
		status.Autostart, err = rpc.Ask(ctx, ds.client, "reading", object, func(l *libvirt.Libvirt) (bool, error) {
			v, err := l.DomainGetAutostart(ref)
			return v != 0, err
		})
		return err
	})
	if err := group.Wait(); err != nil {
		return host.Domain{}, err
	}
	d.Status = status
	return d, nil
}

func (ds *Domains) readDefinition(ctx context.Context, object string, ref libvirt.Domain) (host.Domain, error) {
	d, _, err := ds.readText(ctx, object, ref)
	return d, err
}

// readText also returns the definition in libvirt's own words.
func (ds *Domains) readText(ctx context.Context, object string, ref libvirt.Domain) (host.Domain, string, error) {
	text, err := rpc.Ask(ctx, ds.client, "reading", object, func(l *libvirt.Libvirt) (string, error) {
		return l.DomainGetXMLDesc(ref, libvirt.DomainXMLInactive)
	})
	if err != nil {
		return host.Domain{}, "", err
	}
	d, err := parseDomain(text)
	return d, text, virterr.Fail("reading", object, err)
}

// DomainState returns what a domain is doing, or host.ErrNoDomain, with one request.
func (ds *Domains) DomainState(ctx context.Context, uuid string) (host.State, error) {
	ref, err := domainRef(uuid)
	if err != nil {
		return host.StateUnknown, virterr.Fail("reading the state of", virterr.Domain(uuid), err)
	}
	return readState(ctx, ds.client, virterr.Domain(uuid), ref)
}

func (ds *Domains) listDomains(
	ctx context.Context, which libvirt.ConnectListAllDomainsFlags,
) ([]libvirt.Domain, error) {
	return rpc.Ask(ctx, ds.client, "listing", "domains", func(l *libvirt.Libvirt) ([]libvirt.Domain, error) {
		refs, _, err := l.ConnectListAllDomains(1, which)
		return refs, err
	})
}

// AllDomains returns all domains of the host, with two requests and one for each domain. It leaves
// out domains that vanish meanwhile, and lists those that cannot be described separately.
func (ds *Domains) AllDomains(ctx context.Context) ([]host.Domain, []host.Undescribed, error) {
	return ds.DomainsNamed(ctx, func(string) bool { return true })
}

// DomainsNamed returns the domains of the host whose names match, with two requests and one for
// each of these domains. It leaves out domains that vanish meanwhile, and lists those that cannot
// be described separately.
func (ds *Domains) DomainsNamed(
	ctx context.Context, match func(name string) bool,
) ([]host.Domain, []host.Undescribed, error) {
	listed, err := ds.listStatuses(ctx, libvirt.DomainStatsState, match)
	if err != nil {
		return nil, nil, err
	}
	called := func(l listedStatus) host.Undescribed { return host.Undescribed{Name: l.ref.Name} }
	return rpc.DescribeAll(ctx, listed, host.ErrNoDomain, ofDomains, called,
		func(ctx context.Context, l listedStatus) (host.Domain, error) {
			d, err := ds.readDefinition(ctx, virterr.Domain(l.ref.Name), l.ref)
			d.Status = l.Status
			return d, err
		})
}

// ofDomains reports whether an answer is about the requested domain: libvirt writes what it has in
// memory, so few errors are possible. It answers RPC if its protocol has no room for a description.
func ofDomains(code libvirt.ErrorNumber) bool {
	return code == libvirt.ErrInternalError || code == libvirt.ErrRPC
}
