package usage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// A host lists files that it cannot describe: files that vanished or turned into something else
// since their pool was looked at, and anything else that it fails on. Most of them have nothing to
// do with the library, and must not block it.

// Dependents describes what stands on a base, or on the disk of a warm snapshot, according to the
// volumes of all pools.
type Dependents struct {
	Overlays   []host.Volume      // that stand on it
	doubtful   []host.Undescribed // that may stand on it, and that the host cannot describe
	overlooked []host.Undescribed // that the host cannot describe, and that are not novacron's
	unseen     []string           // pools of files that are not active
	hidden     []host.Domain      // that have disks in those pools
	unknown    []host.Undescribed // domains that the host cannot describe: they may have disks in those pools
}

// dependentsOf is DependentsOf on this host alone.
func (use *Usage) dependentsOf(ctx context.Context, names ...string) (Dependents, error) {
	if err := use.Host.RefreshPool(ctx, use.Pool); err != nil { // else volumes created without libvirt do not show
		return Dependents{}, err
	}
	var files []string
	for _, name := range names {
		volume, err := use.Host.Volume(ctx, use.Pool, name)
		if err == nil {
			files = append(files, volume.Path)
		} else if !errors.Is(err, host.ErrNoVolume) {
			return Dependents{}, err
		}
	}
	if len(files) == 0 {
		return Dependents{}, nil
	}
	pools, err := use.Host.Pools(ctx)
	if err != nil {
		return Dependents{}, err
	}
	seen := sighting{dirs: map[string]string{}}
	for _, pool := range pools {
		if pool.Path == "" || strings.HasPrefix(pool.Path, "/dev/") {
			continue
		}
		volumes, not, err := use.Host.Volumes(ctx, pool.Name, mayStandOnOthers)
		// The volumes of another owner's pool that is not active cannot be listed. Instances in it
		// are known by their domains.
		gone := errors.Is(err, host.ErrPoolInactive) || errors.Is(err, host.ErrNoPool)
		if err != nil && (!gone || pool.Name == use.Pool) {
			return Dependents{}, err
		}
		if gone {
			seen.unseen = append(seen.unseen, pool.Name)
		}
		seen.dirs[pool.Name] = pool.Path
		seen.volumes, seen.undescribed = append(seen.volumes, volumes...), append(seen.undescribed, not...)
	}
	if len(seen.on(files...))+len(seen.undescribed)+len(seen.unseen) == 0 {
		return Dependents{}, nil
	}
	if seen.domains, seen.unknown, err = use.Domains(ctx); err != nil {
		return Dependents{}, err
	}
	return use.sort(seen, files...), nil
}

// mayStandOnOthers reports whether a volume of that name may be an overlay.
func mayStandOnOthers(name string) bool { return naming.MayBeImage(name) || naming.IsWarmDisk(name) }

// sighting is what a host has of files that may be disks, and of domains that may have them.
type sighting struct {
	dirs        map[string]string // of the pools, by their names
	volumes     []host.Volume
	undescribed []host.Undescribed // volumes
	unseen      []string           // pools that are not active
	domains     []host.Domain
	unknown     []host.Undescribed // domains
}

// sort sorts what a host has by whether it stands on one of the files, or may do so.
func (use *Usage) sort(s sighting, files ...string) Dependents {
	h := Dependents{unseen: s.unseen, hidden: s.hidden(), unknown: s.unknown}
	for _, o := range s.on(files...) {
		if !s.raw(o) {
			h.Overlays = append(h.Overlays, o)
		}
	}
	for _, u := range s.undescribed {
		// Names that are not UTF-8 are replaced in the same way in domains and in volumes.
		name := strings.ToValidUTF8(u.Name, "\uFFFD")
		v := host.Volume{Pool: u.Pool, Name: name, Path: path.Join(s.dirs[u.Pool], name)}
		// A volume above it has guessed its format if the header does not name it. A domain that
		// cannot be described may have any of these volumes as a disk.
		above := slices.ContainsFunc(s.on(v.Path), func(o host.Volume) bool { return !s.raw(o) })
		if above || u.Pool == use.Pool || naming.IsOwn(u.Name) || len(s.unknown) > 0 || isDisk(s.domains, v, notRaw) {
			h.doubtful = append(h.doubtful, u)
		} else {
			h.overlooked = append(h.overlooked, u)
		}
	}
	return h
}

// on returns the volumes that say that they stand on one of the files.
func (s sighting) on(files ...string) (found []host.Volume) {
	for _, v := range s.volumes {
		if v.Backing != nil && slices.ContainsFunc(files, func(file string) bool {
			return path.Clean(v.Backing.Path) == path.Clean(file) // a relative name may go up first
		}) {
			found = append(found, v)
		}
	}
	return found
}

// hidden returns the domains that have disks in pools that are not active.
func (s sighting) hidden() []host.Domain {
	var dirs []string
	for _, pool := range s.unseen {
		dirs = append(dirs, path.Clean(s.dirs[pool]))
	}
	return slices.DeleteFunc(slices.Clone(s.domains), func(d host.Domain) bool {
		return !slices.ContainsFunc(d.Disks, func(disk host.DomainDisk) bool {
			return slices.Contains(dirs, path.Dir(disk.Path)) || slices.Contains(s.unseen, disk.Pool)
		})
	})
}

// raw reports whether a volume is read as a raw disk, and as nothing else: a guest may write
// anything to its raw disk, so that it looks like any format, but it stands on nothing.
func (s sighting) raw(v host.Volume) bool {
	return s.guests(v) && !slices.ContainsFunc(s.on(v.Path), func(above host.Volume) bool {
		return above.Backing.Format != "raw" && !s.guests(above)
	})
}

// guests reports whether domains have a volume as a disk, and all of them as a raw one.
func (s sighting) guests(v host.Volume) bool {
	return isDisk(s.domains, v, func(d host.DomainDisk) bool { return !notRaw(d) }) && !isDisk(s.domains, v, notRaw)
}

func notRaw(d host.DomainDisk) bool { return d.Format != "raw" }

// Any reports whether something stands on the base, or may do so.
func (h Dependents) Any() bool { return len(h.Overlays) > 0 || h.Doubtful() }

// Doubtful reports whether something may stand on the base that the host cannot describe.
func (h Dependents) Doubtful() bool {
	return len(h.doubtful) > 0 || len(h.unseen) > 0 && len(h.unknown) > 0
}

// Hidden returns the instances that have disks in pools that are not active: what these disks stand
// on is not known.
func (use *Usage) Hidden(h Dependents) ([]Instance, error) { return use.InstancesAmong(h.hidden) }

// isDisk reports whether one of the domains has a volume as a disk that satisfies as.
func isDisk(domains []host.Domain, v host.Volume, as func(host.DomainDisk) bool) bool {
	return slices.ContainsFunc(domains, func(d host.Domain) bool {
		return slices.ContainsFunc(d.Disks, func(disk host.DomainDisk) bool { return disk.Is(v) && as(disk) })
	})
}

// CheckUndescribed returns an error, which refuses the removal of a version, if something that the
// host cannot describe may stand on its base. Otherwise it passes to tell, one by one, the things
// that cannot be described but cannot stand on the base.
func (use *Usage) CheckUndescribed(
	id catalog.VersionID, found Dependents, domains []host.Undescribed, tell func(overlooked string),
) error {
	refused := func(u host.Undescribed, how, advice string) error {
		return fmt.Errorf("version %q cannot be removed: %s may stand on its image%s, and the host cannot describe "+
			"it%s. %s Nothing was changed",
			id, use.NameOf(u), how, use.Reason(u), advice)
	}
	for _, u := range found.doubtful {
		return refused(u, "", "See with virsh vol-dumpxml what is wrong with it; repair or remove it, and run virsh "+
			"pool-refresh.")
	}
	for _, u := range domains {
		// Its disks have been looked at with all others, except those in pools that cannot be
		// looked into.
		if len(found.unseen) > 0 {
			return refused(u, " by a disk in a pool that is not active",
				fmt.Sprintf("See with virsh dumpxml what is wrong with it, or start the pools %s.",
					strings.Join(found.unseen, ", ")))
		}
	}
	for _, u := range slices.Concat(found.overlooked, domains) {
		tell(fmt.Sprintf("The host lists %s but cannot describe it%s. It cannot stand on the image of version "+
			"%q, and was skipped.",
			use.NameOf(u), use.Reason(u), id))
	}
	return nil
}

// NameOf is what may be disclosed to the library's user about something that cannot be described:
// it does not name things that are named like another tenant's.
func (use *Usage) NameOf(u host.Undescribed) string {
	switch {
	case !use.others(u):
		return u.String()
	case u.Pool != "":
		return "a volume of another tenant"
	}
	return "a domain that may be another tenant's"
}

// Reason says why it cannot be described, if that may be disclosed.
func (use *Usage) Reason(u host.Undescribed) string {
	if use.others(u) {
		return ""
	}
	return ": " + strings.ToValidUTF8(u.Err.Error(), "\uFFFD")
}

// others reports whether something is named like another tenant's: "nova.disk.TENANT.…", or
// "TENANT.NAME" for a domain.
func (use *Usage) others(u host.Undescribed) bool {
	if u.Pool != "" {
		return naming.OtherTenant(use.Tenant, u.Name)
	}
	tenant, _, dotted := strings.Cut(u.Name, ".")
	return dotted && tenant != use.Tenant
}
