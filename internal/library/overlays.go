package library

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// A host lists what it cannot describe: files that vanished or turned into something else since their pool was looked at,
// and whatever it stumbles over. Most of it has nothing to do with the library, and must not be in its way.

// hanging is what the volumes of all pools tell of a base.
type hanging struct {
	overlays   []hypervisor.Volume      // that stand on it
	doubtful   []hypervisor.Undescribed // that may stand on it, and that the host cannot describe
	overlooked []hypervisor.Undescribed // that the host cannot describe, and that are nothing of novacron's
	unseen     []string                 // pools of files that are not active
}

// overlaysOn looks at the volumes of all pools of files: those of linked clones may be in any of them.
func (l *Library) overlaysOn(ctx context.Context, base catalog.Base) (hanging, error) {
	var h hanging
	if err := l.host.RefreshPool(ctx, l.pool); err != nil { // else those that were made without libvirt do not show
		return h, err
	}
	volume, err := l.host.Volume(ctx, l.pool, base.Volume)
	if errors.Is(err, hypervisor.ErrNoVolume) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	pools, err := l.host.Pools(ctx)
	if err != nil {
		return h, err
	}
	var undescribed []hypervisor.Undescribed
	for _, pool := range pools {
		if pool.Path == "" || strings.HasPrefix(pool.Path, "/dev/") {
			continue
		}
		volumes, not, err := l.host.Volumes(ctx, pool.Name, mayBeDisk)
		// Nothing can be said of a pool of somebody else's that is not active. Instances in it are known by their domains.
		gone := errors.Is(err, hypervisor.ErrPoolInactive) || errors.Is(err, hypervisor.ErrNoPool)
		if err != nil && (!gone || pool.Name == l.pool) {
			return h, err
		}
		if gone {
			h.unseen = append(h.unseen, pool.Name)
		}
		undescribed = append(undescribed, not...)
		h.overlays = append(h.overlays, slices.DeleteFunc(volumes, func(o hypervisor.Volume) bool {
			return o.Backing == nil || o.Backing.Path != volume.Path
		})...)
	}
	if len(h.overlays)+len(undescribed) == 0 {
		return h, nil
	}
	domains, _, err := l.host.AllDomains(ctx)
	if err != nil {
		return h, err
	}
	// What a guest writes to a raw disk of its own may look like anything.
	h.overlays = slices.DeleteFunc(h.overlays, func(o hypervisor.Volume) bool {
		return isDisk(domains, o, func(d hypervisor.DomainDisk) bool { return d.Format == "raw" })
	})
	for _, u := range undescribed {
		n := slices.IndexFunc(pools, func(p hypervisor.Pool) bool { return p.Name == u.Pool })
		v := hypervisor.Volume{Pool: u.Pool, Name: u.Name, Path: path.Join(pools[n].Path, u.Name)}
		if u.Pool == l.pool || strings.HasPrefix(u.Name, "nova.") || isDisk(domains, v, func(d hypervisor.DomainDisk) bool { return d.Format != "raw" }) {
			h.doubtful = append(h.doubtful, u)
		} else {
			h.overlooked = append(h.overlooked, u)
		}
	}
	return h, nil
}

// any tells whether something stands on the base, or may do.
func (h hanging) any() bool { return len(h.overlays)+len(h.doubtful) > 0 }

// mayBeDisk tells by a volume's name that it may be an image: documents, seeds and what guests write to their consoles are none.
func mayBeDisk(name string) bool {
	return !strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, "nova.seed.") && !strings.HasPrefix(name, "nova.console.")
}

// isDisk tells whether a volume is a disk of one of the domains that is as asked for.
func isDisk(domains []hypervisor.Domain, v hypervisor.Volume, as func(hypervisor.DomainDisk) bool) bool {
	return slices.ContainsFunc(domains, func(d hypervisor.Domain) bool {
		return slices.ContainsFunc(d.Disks, func(disk hypervisor.DomainDisk) bool { return disk.Is(v) && as(disk) })
	})
}

// weigh refuses the removal of a version on whose base something may hang that the host cannot describe, and tells what has
// nothing to do with it.
func (l *Library) weigh(id catalog.VersionID, found hanging, domains []hypervisor.Undescribed, tell func(overlooked string)) error {
	refused := func(u hypervisor.Undescribed, how, advice string) error {
		return fmt.Errorf("version %q cannot be removed: %s may stand on its image%s, and the host cannot describe it%s. %s Nothing was changed",
			id, l.nameOf(u), how, l.reason(u), advice)
	}
	for _, u := range found.doubtful {
		return refused(u, "", "See with virsh vol-dumpxml what is wrong with it; mend or remove it, and run virsh pool-refresh.")
	}
	for _, u := range domains {
		// Its disks have been looked at with all others, but for those in pools that cannot be looked into.
		if len(found.unseen) > 0 {
			return refused(u, " by a disk in a pool that is not active", fmt.Sprintf("See with virsh dumpxml what is wrong with it, or start the pools %s.",
				strings.Join(found.unseen, ", ")))
		}
	}
	for _, u := range slices.Concat(found.overlooked, domains) {
		tell(fmt.Sprintf("The host lists %s and cannot describe it%s. It cannot stand on the image of version %q, and was overlooked.",
			l.nameOf(u), l.reason(u), id))
	}
	return nil
}

// nameOf is what the library's user may be told of something that cannot be described: what is called as another tenant's has no
// name for them.
func (l *Library) nameOf(u hypervisor.Undescribed) string {
	switch {
	case !l.others(u):
		return u.String()
	case u.Pool != "":
		return "a volume of another tenant"
	}
	return "a domain that may be another tenant's"
}

// reason says why it cannot be described, if that may be told.
func (l *Library) reason(u hypervisor.Undescribed) string {
	if l.others(u) {
		return ""
	}
	return ": " + strings.ToValidUTF8(u.Err.Error(), "\uFFFD")
}

// others tells whether something is called as another tenant's: "nova.disk.TENANT.…", or "TENANT.NAME" of a domain.
func (l *Library) others(u hypervisor.Undescribed) bool {
	if u.Pool != "" {
		return l.othersVolume(u.Name)
	}
	tenant, _, dotted := strings.Cut(u.Name, ".")
	return dotted && tenant != l.me.Tenant
}
