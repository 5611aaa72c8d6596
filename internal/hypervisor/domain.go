package hypervisor

import (
	"context"
	"slices"
	"strings"

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
func (h *Host) Domain(ctx context.Context, uuid string) (host.Domain, error) {
	ref, err := domainRef(uuid)
	if err != nil {
		return host.Domain{}, virterr.Fail("reading", virterr.Domain(uuid), err)
	}
	return h.readDomain(ctx, virterr.Domain(uuid), ref)
}

// DomainWith returns a domain whose status is known, or host.ErrNoDomain. It makes
// one request.
func (h *Host) DomainWith(ctx context.Context, uuid string, status host.Status) (host.Domain, error) {
	ref, err := domainRef(uuid)
	if err != nil {
		return host.Domain{}, virterr.Fail("reading", virterr.Domain(uuid), err)
	}
	d, err := h.readDefinition(ctx, virterr.Domain(uuid), ref)
	d.Status = status
	return d, err
}

// DomainByName returns a domain, or host.ErrNoDomain. It makes one request more than
// Domain.
func (h *Host) DomainByName(ctx context.Context, name string) (host.Domain, error) {
	ref, err := h.lookupName(ctx, "reading", name)
	if err != nil {
		return host.Domain{}, err
	}
	return h.readDomain(ctx, virterr.Domain(name), ref)
}

func (h *Host) lookupName(ctx context.Context, op, name string) (libvirt.Domain, error) {
	return rpc.Ask(ctx, h.Client, op, virterr.Domain(name), func(l *libvirt.Libvirt) (libvirt.Domain, error) {
		return l.DomainLookupByName(name)
	})
}

func (h *Host) readDomain(ctx context.Context, object string, ref libvirt.Domain) (host.Domain, error) {
	var (
		d      host.Domain
		status host.Status
	)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		d, err = h.readDefinition(ctx, object, ref)
		return err
	})
	group.Go(func() (err error) {
		status.State, err = h.readState(ctx, object, ref)
		return err
	})
	group.Go(func() (err error) {
		status.Autostart, err = rpc.Ask(ctx, h.Client, "reading", object, func(l *libvirt.Libvirt) (bool, error) {
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

func (h *Host) readDefinition(ctx context.Context, object string, ref libvirt.Domain) (host.Domain, error) {
	d, _, err := h.readText(ctx, object, ref)
	return d, err
}

// readText returns the definition also as libvirt writes it.
func (h *Host) readText(ctx context.Context, object string, ref libvirt.Domain) (host.Domain, string, error) {
	text, err := rpc.Ask(ctx, h.Client, "reading", object, func(l *libvirt.Libvirt) (string, error) {
		return l.DomainGetXMLDesc(ref, libvirt.DomainXMLInactive)
	})
	if err != nil {
		return host.Domain{}, "", err
	}
	d, err := parseDomain(text)
	return d, text, virterr.Fail("reading", object, err)
}

func (h *Host) readState(ctx context.Context, object string, ref libvirt.Domain) (host.State, error) {
	return rpc.Ask(ctx, h.Client, "reading the state of", object, func(l *libvirt.Libvirt) (host.State, error) {
		state, _, err := l.DomainGetState(ref, 0)
		return stateOf(state), err
	})
}

// DomainState returns what a domain is doing, or host.ErrNoDomain, with one request.
func (h *Host) DomainState(ctx context.Context, uuid string) (host.State, error) {
	ref, err := domainRef(uuid)
	if err != nil {
		return host.StateUnknown, virterr.Fail("reading the state of", virterr.Domain(uuid), err)
	}
	return h.readState(ctx, virterr.Domain(uuid), ref)
}

// Domains names all domains of the host, with one request.
func (h *Host) Domains(ctx context.Context) ([]host.DomainRef, error) {
	found, err := h.listDomains(ctx, 0)
	refs := make([]host.DomainRef, len(found))
	for i, ref := range found {
		refs[i] = host.DomainRef{UUID: rpc.FormatUUID(ref.UUID), Name: ref.Name}
	}
	return refs, err
}

func (h *Host) listDomains(ctx context.Context, which libvirt.ConnectListAllDomainsFlags) ([]libvirt.Domain, error) {
	return rpc.Ask(ctx, h.Client, "listing", "domains", func(l *libvirt.Libvirt) ([]libvirt.Domain, error) {
		refs, _, err := l.ConnectListAllDomains(1, which)
		return refs, err
	})
}

// AllDomains returns all domains of the host: two requests, and one for each
// domain. A domain that vanishes meanwhile is left out, and those that cannot be
// described are told of.
func (h *Host) AllDomains(ctx context.Context) ([]host.Domain, []host.Undescribed, error) {
	return h.DomainsNamed(ctx, func(string) bool { return true })
}

// DomainsNamed returns the domains of the host whose names match: two requests,
// and one for each of these domains. A domain that vanishes meanwhile is left out,
// and those that cannot be described are told of.
func (h *Host) DomainsNamed(ctx context.Context, match func(name string) bool) ([]host.Domain, []host.Undescribed, error) {
	listed, err := h.listStatuses(ctx, libvirt.DomainStatsState)
	if err != nil {
		return nil, nil, err
	}
	listed = slices.DeleteFunc(listed, func(l listedStatus) bool { return !match(l.ref.Name) })
	called := func(l listedStatus) host.Undescribed { return host.Undescribed{Name: l.ref.Name} }
	return rpc.DescribeAll(ctx, listed, host.ErrNoDomain, ofDomains, called, func(ctx context.Context, l listedStatus) (host.Domain, error) {
		d, err := h.readDefinition(ctx, virterr.Domain(l.ref.Name), l.ref)
		d.Status = l.Status
		return d, err
	})
}

// Statuses tells of all domains of the host, by their UUIDs, what they are
// doing, with two requests.
func (h *Host) Statuses(ctx context.Context) (map[string]host.Status, error) {
	listed, err := h.listStatuses(ctx, libvirt.DomainStatsState|libvirt.DomainStatsBlock)
	statuses := make(map[string]host.Status, len(listed))
	for _, l := range listed {
		statuses[rpc.FormatUUID(l.ref.UUID)] = l.Status
	}
	return statuses, err
}

type listedStatus struct {
	ref libvirt.Domain
	host.Status
}

func (h *Host) listStatuses(ctx context.Context, which libvirt.DomainStatsTypes) ([]listedStatus, error) {
	records, err := rpc.Ask(ctx, h.Client, "listing", "domains", func(l *libvirt.Libvirt) ([]libvirt.DomainStatsRecord, error) {
		// A guest that is busy with another request would keep the answer about all others waiting.
		return l.ConnectGetAllDomainStats(nil, uint32(which), uint32(libvirt.ConnectGetAllDomainsStatsNowait))
	})
	if err != nil {
		return nil, err
	}
	starting, err := h.listDomains(ctx, libvirt.ConnectListDomainsAutostart)
	if err != nil {
		return nil, err
	}
	autostart := make(map[libvirt.UUID]bool, len(starting))
	for _, ref := range starting {
		autostart[ref.UUID] = true
	}
	listed := make([]listedStatus, len(records))
	for i, r := range records {
		listed[i] = listedStatus{r.Dom, host.Status{Autostart: autostart[r.Dom.UUID], Sizes: sizesOf(r.Params)}}
		for _, p := range r.Params {
			if state, ok := p.Value.I.(int32); ok && p.Field == libvirt.DomainStatsStateState {
				listed[i].State = stateOf(state)
			}
		}
	}
	return listed, nil
}

// sizesOf finds the sizes of disks in a domain's statistics, where each is a number's "block.N.name" and "block.N.capacity"
// (https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectGetAllDomainStats).
func sizesOf(stats []libvirt.TypedParam) map[string]uint64 {
	targets, sizes := map[string]string{}, map[string]uint64{}
	for _, p := range stats {
		number, isBlock := strings.CutPrefix(p.Field, libvirt.DomainStatsBlockPrefix)
		if !isBlock {
			continue
		}
		if n, ok := strings.CutSuffix(number, libvirt.DomainStatsBlockSuffixName); ok {
			targets[n], _ = p.Value.I.(string)
		} else if n, ok := strings.CutSuffix(number, libvirt.DomainStatsBlockSuffixCapacity); ok && targets[n] != "" {
			sizes[targets[n]], _ = p.Value.I.(uint64)
		}
	}
	return sizes
}
