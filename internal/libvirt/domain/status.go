package domain

import (
	"context"
	"slices"
	"strings"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Statuses returns what all domains of the host are doing, by their UUIDs, with two requests.
func (ds *Domains) Statuses(ctx context.Context) (map[string]host.Status, error) {
	listed, err := ds.listStatuses(ctx, libvirt.DomainStatsState|libvirt.DomainStatsBlock,
		func(string) bool { return true })
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

// listStatuses lists the domains whose names match.
func (ds *Domains) listStatuses(
	ctx context.Context, which libvirt.DomainStatsTypes, match func(name string) bool,
) ([]listedStatus, error) {
	if !ds.dialect.Figures {
		return ds.listByState(ctx, match)
	}
	records, err := ds.stats(ctx, which, 0)
	if err != nil {
		return nil, err
	}
	autostart, err := ds.uuids(ctx, libvirt.ConnectListDomainsAutostart)
	if err != nil {
		return nil, err
	}
	records = slices.DeleteFunc(records, func(r libvirt.DomainStatsRecord) bool { return !match(r.Dom.Name) })
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

// uuids returns the domains of a list.
func (ds *Domains) uuids(
	ctx context.Context, which libvirt.ConnectListAllDomainsFlags,
) (map[libvirt.UUID]bool, error) {
	refs, err := ds.listDomains(ctx, which)
	all := make(map[libvirt.UUID]bool, len(refs))
	for _, ref := range refs {
		all[ref.UUID] = true
	}
	return all, err
}

// listByState lists the domains whose names match by their states, one state at a time, and asks for the
// state of those that are in no list because they have changed meanwhile. If none matches, that takes one
// request.
func (ds *Domains) listByState(ctx context.Context, match func(name string) bool) ([]listedStatus, error) {
	refs, err := ds.listDomains(ctx, 0)
	if err != nil {
		return nil, err
	}
	refs = slices.DeleteFunc(refs, func(ref libvirt.Domain) bool { return !match(ref.Name) })
	if len(refs) == 0 {
		return nil, nil
	}
	in, err := rpc.Gather(ctx, []libvirt.ConnectListAllDomainsFlags{
		libvirt.ConnectListDomainsAutostart, libvirt.ConnectListDomainsRunning, libvirt.ConnectListDomainsPaused,
		libvirt.ConnectListDomainsShutoff,
	}, host.ErrNoDomain, ds.uuids)
	if err != nil {
		return nil, err
	}
	return rpc.Gather(ctx, refs, host.ErrNoDomain,
		func(ctx context.Context, ref libvirt.Domain) (l listedStatus, err error) {
			l = listedStatus{ref, host.Status{Autostart: in[0][ref.UUID]}}
			switch {
			case in[1][ref.UUID]:
				l.State = host.StateRunning
			case in[2][ref.UUID]:
				l.State = host.StatePaused
			case in[3][ref.UUID]:
				l.State = host.StateShutoff
			default:
				l.State, err = readState(ctx, ds.client, virterr.Domain(ref.Name), ref)
			}
			return l, err
		})
}

// stats returns statistics of all domains, or of some, with one request.
func (ds *Domains) stats(
	ctx context.Context, which libvirt.DomainStatsTypes, of libvirt.ConnectGetAllDomainStatsFlags,
) ([]libvirt.DomainStatsRecord, error) {
	return rpc.Ask(ctx, ds.client, "listing", "domains", func(l *libvirt.Libvirt) ([]libvirt.DomainStatsRecord, error) {
		// Without this flag, a guest that is busy with another request would delay the answer about all
		// others.
		return l.ConnectGetAllDomainStats(nil, uint32(which), uint32(of|libvirt.ConnectGetAllDomainsStatsNowait))
	})
}

// sizesOf finds the sizes of disks in a domain's statistics, where disk number N has "block.N.name"
// and "block.N.capacity"
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

// liveDisks is the part of a domain's XML that says which storage its guest may write to
// (https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms).
type liveDisks struct {
	Disks []struct {
		ReadOnly *struct{} `xml:"readonly"`
		Source   struct {
			File   string `xml:"file,attr"`
			Dev    string `xml:"dev,attr"`
			Pool   string `xml:"pool,attr"`
			Volume string `xml:"volume,attr"`
		} `xml:"source"`
	} `xml:"devices>disk"`
	Filesystems []filesystemDoc `xml:"devices>filesystem"`
}

// writes reports whether the guest may write to a volume.
func (doc liveDisks) writes(v host.Volume) bool {
	for _, disk := range doc.Disks {
		from := disk.Source
		if disk.ReadOnly == nil && (v.Path != "" && (from.File == v.Path || from.Dev == v.Path) ||
			from.Pool == v.Pool && from.Volume == v.Name) {
			return true
		}
	}
	return slices.ContainsFunc(doc.Filesystems, func(doc filesystemDoc) bool {
		fs := doc.filesystem()
		return !fs.ReadOnly && v.Path != "" && fs.Source == v.Path
	})
}

// DiskUsers names the domains whose guests run, in any state, and may write to a volume. It looks
// at their running state, not their definitions. It makes one request, and one for each running
// domain.
func (ds *Domains) DiskUsers(ctx context.Context, v host.Volume) ([]string, error) {
	running, err := ds.listDomains(ctx, libvirt.ConnectListDomainsActive)
	if err != nil {
		return nil, err
	}
	users, err := rpc.Gather(ctx, running, host.ErrNoDomain,
		func(ctx context.Context, ref libvirt.Domain) (string, error) {
			text, err := rpc.Ask(ctx, ds.client, "reading", virterr.Domain(ref.Name),
				func(l *libvirt.Libvirt) (string, error) {
					return l.DomainGetXMLDesc(ref, 0)
				})
			if err != nil {
				return "", err
			}
			var doc liveDisks
			if err := virterr.Understand("the domain's XML", text, &doc); err != nil {
				return "", virterr.Fail("reading", virterr.Domain(ref.Name), err)
			}
			if doc.writes(v) {
				return ref.Name, nil
			}
			return "", nil
		})
	return slices.DeleteFunc(users, func(name string) bool { return name == "" }), err
}
