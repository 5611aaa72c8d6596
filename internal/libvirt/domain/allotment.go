package domain

import (
	"context"
	"maps"
	"slices"

	"github.com/digitalocean/go-libvirt"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Allotments returns how much of the host each of its domains may take, running or not, also of
// domains that novacron did not create. It makes two requests at once, and two for each running domain and each
// domain whose driver lists no figures. It leaves out domains that vanish meanwhile. If the figures of a
// domain cannot be read, it returns an error that names the domain.
func (ds *Domains) Allotments(ctx context.Context) ([]host.Allotment, error) {
	if !ds.dialect.Figures {
		refs, err := ds.listDomains(ctx, 0)
		if err != nil {
			return nil, err
		}
		return rpc.Gather(ctx, refs, host.ErrNoDomain, ds.readAllotment)
	}
	var refs []libvirt.Domain
	var records []libvirt.DomainStatsRecord
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		refs, err = ds.listDomains(groupCtx, 0)
		return err
	})
	group.Go(func() (err error) {
		// Of running domains, libvirt would ask each QEMU, which takes longer than to read two definitions,
		// and as long as a QEMU hangs. The list has all domains, also one that starts or stops meanwhile.
		records, err = ds.stats(groupCtx, libvirt.DomainStatsVCPU|libvirt.DomainStatsBalloon,
			libvirt.ConnectGetAllDomainsStatsInactive)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	known := make(map[libvirt.UUID]host.Allotment, len(records))
	for _, r := range records {
		if a, complete := allotmentOf(r); complete {
			known[r.Dom.UUID] = a
		}
	}
	refs = slices.DeleteFunc(refs, func(ref libvirt.Domain) bool {
		_, is := known[ref.UUID]
		return is
	})
	read, err := rpc.Gather(ctx, refs, host.ErrNoDomain, ds.readAllotment)
	return slices.AppendSeq(read, maps.Values(known)), err
}

// allotmentOf reads the statistics of a domain that is off. It reports whether they say all.
func allotmentOf(r libvirt.DomainStatsRecord) (a host.Allotment, complete bool) {
	a = host.Allotment{UUID: rpc.FormatUUID(r.Dom.UUID), Name: r.Dom.Name}
	for _, p := range r.Params {
		switch value := p.Value.I.(type) {
		case uint32:
			if p.Field == libvirt.DomainStatsVCPUMaximum {
				a.VCPUs = uint64(value)
			}
		case uint64:
			if p.Field == libvirt.DomainStatsBalloonMaximum {
				a.Memory = value << 10 // KiB
			}
		}
	}
	return a, a.VCPUs > 0 && a.Memory > 0
}

// readAllotment reads what a domain has now, and what it will have by its definition.
func (ds *Domains) readAllotment(ctx context.Context, ref libvirt.Domain) (host.Allotment, error) {
	const op = "reading"
	object := virterr.Domain(ref.Name)
	a := host.Allotment{UUID: rpc.FormatUUID(ref.UUID), Name: ref.Name}
	for _, which := range []libvirt.DomainXMLFlags{0, libvirt.DomainXMLInactive} {
		text, err := rpc.Ask(ctx, ds.client, op, object, func(l *libvirt.Libvirt) (string, error) {
			return l.DomainGetXMLDesc(ref, which)
		})
		if err != nil {
			return a, err
		}
		vcpus, memory, err := parseAllotment(text)
		if err != nil {
			return a, virterr.Fail(op, object, err)
		}
		a.VCPUs, a.Memory = max(a.VCPUs, vcpus), max(a.Memory, memory)
	}
	return a, nil
}

// parseAllotment reads the most vCPUs and bytes of memory that a domain's XML gives it.
func parseAllotment(text string) (vcpus, memory uint64, err error) {
	var doc struct {
		Memory memoryDoc `xml:"memory"`
		VCPUs  uint64    `xml:"vcpu"`
	}
	if err := virterr.Understand("the domain's XML", text, &doc); err != nil {
		return 0, 0, err
	}
	memory, err = doc.Memory.bytes()
	return doc.VCPUs, memory, err
}
