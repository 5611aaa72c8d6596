package imagestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// versionsOn names a tenant's versions that use a base; it only counts those of other tenants and
// catalogs.
func versionsOn(b catalog.Base, tenant string) []string {
	own := slices.DeleteFunc(slices.Clone(b.Versions), func(id string) bool {
		return !catalog.IsVersionOf(tenant, id)
	})
	if others := len(b.Versions) - len(own); others > 0 {
		own = append(own, fmt.Sprintf("%d of other tenants or catalogs", others))
	}
	return own
}

// InUseError says that a version cannot be removed because something stands on its base image.
type InUseError struct {
	Version catalog.VersionID
	// Users are "tenant/name" of the tenant's own instances, or "volume NAME", with " on HOST" if there
	// are several hosts.
	Users   []string
	Others  int      // how many instances and volumes of other tenants need the image besides
	Built   []string // ids of the tenant's own versions that hold only what differs from it
	BuiltBy int      // how many such versions other tenants have besides
}

// InUse reports whether anything stands on the base.
func (e *InUseError) InUse() bool { return len(e.Users)+e.Others+len(e.Built)+e.BuiltBy > 0 }

func (e *InUseError) Error() string {
	var reasons []string
	if len(e.Built)+e.BuiltBy > 0 {
		reasons = append(reasons, fmt.Sprintf("these versions have its image for their parent_version, and hold only "+
			"what differs from it: %s. Destroy them first", finding.AndOthers(e.Built, e.BuiltBy)))
	}
	if len(e.Users)+e.Others > 0 {
		reasons = append(reasons, fmt.Sprintf("these instances or volumes need its base image: %s. Destroy "+
			"them first, or replace them by another version or by full clones (strategy = \"clone\")",
			finding.AndOthers(e.Users, e.Others)))
	}
	return fmt.Sprintf("version %q cannot be removed: %s. Nothing was changed.",
		e.Version, strings.Join(reasons, "; and "))
}

// Users names what stands on a version's base: the version's own instances and, if no other version
// keeps the base, every overlay on it and on the disks of its warm snapshots, including overlays that
// others created. The snapshots themselves do not count. It only counts what belongs to another
// tenant. It returns an error if something that the host cannot describe may
// stand on the base; it passes to tell everything else that the host cannot describe.
func (st *Store) Users(ctx context.Context, v catalog.Version, tell func(overlooked string)) (*InUseError, error) {
	in := &InUseError{Version: v.ID}
	domains, undescribed, err := st.domains(ctx, v)
	if err != nil {
		return nil, err
	}
	instances, known, err := st.instancesOf(ctx, v, domains, in)
	if err != nil {
		return nil, err
	}
	base, err := st.Base(ctx, v.Digest)
	if errors.Is(err, catalog.ErrNotFound) {
		return in, nil
	}
	if err != nil || len(base.Versions) > 1 {
		return in, err
	}
	if slices.ContainsFunc(base.Above(), func(name string) bool { return !naming.IsWarm(name) }) {
		bases, err := st.bases.List(ctx, "")
		if err != nil {
			return nil, err
		}
		in.addBuilt(base, bases, st.tenant)
	}
	return in, st.addOverlays(ctx, in, base, sighted{instances, known, undescribed}, tell)
}

// domains are the domains of the host that may have the image of a version. Machines may be removed from a
// host that does not say which containers it has.
func (st *Store) domains(
	ctx context.Context, v catalog.Version,
) (all []host.Domain, undescribed []host.Undescribed, err error) {
	if v.Root == nil { // it is no image of containers
		return host.AllDomains(ctx, st.host)
	}
	return st.usage.Domains(ctx)
}

// CopyUsers is Users for a version whose image has its origin in the pool of another host. Only what
// stands on this pool's image counts, and only if the image lists the version: what else is built on
// the image stays when the version leaves it. If the pool does not have the image, nothing stands on it, and no
// domain is read. CopyUsers does not create the pool.
func (st *Store) CopyUsers(ctx context.Context, v catalog.Version, tell func(overlooked string)) (*InUseError, error) {
	in := &InUseError{Version: v.ID}
	there, err := st.there(ctx)
	if err != nil || !there {
		return in, err
	}
	rec, err := st.bases.Get(ctx, catalog.BaseKey(v.Digest))
	if err != nil {
		return in, catalog.IgnoreNotFound(err)
	}
	domains, undescribed, err := st.domains(ctx, v)
	if err != nil {
		return nil, err
	}
	instances, known, err := st.instancesOf(ctx, v, domains, in)
	if err != nil {
		return nil, err
	}
	base := rec.Value
	if base.State != catalog.BaseReady || len(base.Versions) > 1 || !slices.Contains(base.Versions, v.ID.String()) {
		return in, nil
	}
	return in, st.addOverlays(ctx, in, base, sighted{instances, known, undescribed}, tell)
}

// there reports whether the pool exists.
func (st *Store) there(ctx context.Context) (bool, error) {
	_, err := st.host.Pool(ctx, st.poolName)
	if errors.Is(err, host.ErrNoPool) {
		return false, nil
	}
	return err == nil, err
}

// sighted is what was seen of a host's domains.
type sighted struct {
	instances   []usage.Instance
	known       []string // paths of disks that count already
	undescribed []host.Undescribed
}

// instancesOf adds the version's instances among the domains that hold its image. It returns all
// instances, and the disks of those that it added.
func (st *Store) instancesOf(
	ctx context.Context, v catalog.Version, domains []host.Domain, in *InUseError,
) (instances []usage.Instance, known []string, err error) {
	made, err := st.usage.Made(ctx)
	if err != nil {
		return nil, nil, err
	}
	if instances, err = st.usage.InstancesAmong(domains); err != nil {
		return nil, nil, err
	}
	for _, i := range instances {
		if !made(i, v.ID.Template) || !strategy.HoldsBase(i.Strategy) || i.Version != v.ID.Version {
			continue
		}
		if i.Tenant == st.tenant {
			in.Users = append(in.Users, i.String())
		} else {
			in.Others++
		}
		for _, disk := range i.Domain.Disks {
			known = append(known, disk.Path)
		}
	}
	return instances, known, nil
}

// addOverlays adds the overlays on a base, and on the disks of its warm snapshots, that do not count
// already. It returns an error if something may stand on the base that the host cannot describe.
func (st *Store) addOverlays(
	ctx context.Context, in *InUseError, base catalog.Base, seen sighted, tell func(overlooked string),
) error {
	snapshots, err := st.snapshotsOf(ctx, base.Digest)
	if err != nil {
		return err
	}
	found, err := st.usage.DependentsOf(ctx, append(warmDisks(snapshots), base.Volume)...)
	if err != nil {
		return err
	}
	for _, o := range found.Overlays {
		switch {
		case slices.Contains(seen.known, o.Path) || o.Pool == st.poolName && slices.Contains(base.Children, o.Name):
		case st.usage.Foreign(seen.instances, o.Path), naming.OtherTenant(st.tenant, o.Name):
			in.Others++
		default:
			in.Users = append(in.Users, st.usage.On("volume "+strings.ToValidUTF8(o.Name, "\uFFFD")))
		}
	}
	if in.InUse() {
		return nil
	}
	return st.usage.CheckUndescribed(in.Version, found, seen.undescribed, tell)
}

// Add adds what keeps the version's image on another host.
func (e *InUseError) Add(other *InUseError) {
	e.Users = append(e.Users, other.Users...)
	e.Others, e.BuiltBy = e.Others+other.Others, e.BuiltBy+other.BuiltBy
	e.Built = append(e.Built, other.Built...)
}

// addBuilt adds the versions whose images stand on a base; bases are all of the pool. It names those
// of the tenant, and counts the others. The disks of warm snapshots are no versions.
func (e *InUseError) addBuilt(base catalog.Base, bases []catalog.Record[catalog.Base], tenant string) {
	children := slices.DeleteFunc(base.Above(), naming.IsWarm)
	for _, b := range bases {
		if !slices.Contains(children, b.Value.Volume) {
			continue
		}
		children = without(children, b.Value.Volume)
		for _, user := range b.Value.Versions {
			if catalog.IsVersionOf(tenant, user) {
				e.Built = append(e.Built, user)
			} else {
				e.BuiltBy++
			}
		}
	}
	slices.Sort(e.Built)
	if len(children) > 0 {
		e.Built = append(e.Built, "one that is being registered")
	}
}
