// Package volumes manages the volumes of instances: in the library's pool, and in the pools of the
// storage tiers.
package volumes

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
)

// Host is what this package needs of a host.
type Host interface {
	URI() string
	RefreshPool(ctx context.Context, name string) error
	host.Volumes
}

// Volumes are the volumes of the instances of one host.
type Volumes struct {
	host      Host
	inventory *inventory.Inventory
	pool      string
	tiers     map[string]string
	names     *coalesce.Answers[string, []string]   // of the volumes of pools, for RemoveRemains
	all       coalesce.CallsByKey[string, []string] // names of the volumes of pools, for List
}

// namesAge is how old the names of a pool's volumes may be when remains of an instance are looked
// for. Instances that are created together share them.
const namesAge = time.Second

// New creates the Volumes of a host. pool is the library's, and tiers are the names of the storage
// tiers' pools.
func New(h Host, i *inventory.Inventory, pool string, tiers map[string]string) *Volumes {
	return &Volumes{
		host: h, inventory: i, pool: pool, tiers: tiers, names: coalesce.NewAnswers[string, []string](namesAge),
	}
}

// Pool is the name of the library's pool, which has the seeds and consoles of instances.
func (v *Volumes) Pool() string { return v.pool }

// TierPool is the name of the pool of a tier; "" is the library's.
func (v *Volumes) TierPool(tier string) string {
	if tier == "" {
		return v.pool
	}
	return v.tiers[tier]
}

// Of is the pool that the file of a disk is in; found is false if it is in none.
func (v *Volumes) Of(ctx context.Context, disk host.DomainDisk) (pool host.Pool, found bool, err error) {
	in := func(pools []host.Pool) bool {
		for _, candidate := range pools {
			if candidate.Path == "" || path.Clean(candidate.Path) != path.Dir(disk.Path) {
				continue
			}
			// Pools may share a directory. Then it is always the library's that is meant.
			if !found || candidate.Name == v.pool {
				pool, found = candidate, true
			}
		}
		return found
	}
	pools, err := v.inventory.Pools(ctx)
	if err != nil || in(pools) {
		return pool, found, err
	}
	v.inventory.ForgetPools() // the disk's pool may be newer
	if pools, err = v.inventory.Pools(ctx); err == nil {
		in(pools)
	}
	return pool, found, err
}

// Disks are the disks of a domain, and those of a container, without the image that it shares.
func Disks(d host.Domain) []host.DomainDisk {
	disks := slices.Clone(d.Disks)
	for _, f := range d.Filesystems {
		if f.Kind == host.FilesystemImage && !f.ReadOnly {
			disks = append(disks, host.DomainDisk{
				Name: path.Base(f.Source), Target: f.Target, Path: f.Source, Format: "raw",
			})
		}
	}
	return disks
}

// PoolsOf names the pools that the volumes of a domain with those disks are in, the library's
// first.
func (v *Volumes) PoolsOf(ctx context.Context, disks []host.DomainDisk) ([]string, error) {
	names := []string{v.pool}
	for _, disk := range disks {
		if disk.Name == "" {
			continue // not novacron's
		}
		pool, found, err := v.Of(ctx, disk)
		if err != nil {
			return nil, err
		}
		if found && !slices.Contains(names, pool.Name) {
			names = append(names, pool.Name)
		}
	}
	return names, nil
}

// Home is the pool that a drive belongs to.
func (v *Volumes) Home(ctx context.Context, drive profile.Drive) (host.Pool, error) {
	name := v.TierPool(drive.Tier)
	pools, err := v.inventory.Pools(ctx)
	if err != nil {
		return host.Pool{}, err
	}
	n := slices.IndexFunc(pools, func(pool host.Pool) bool { return pool.Name == name })
	if n < 0 {
		return host.Pool{}, fmt.Errorf("disk %q: the host %s has no storage pool %q", drive.Name, v.host.URI(), name)
	}
	return pools[n], nil
}

// With is the pool that the file of a disk is in. It is an error if there is none.
func (v *Volumes) With(ctx context.Context, disk host.DomainDisk) (host.Pool, error) {
	pool, found, err := v.Of(ctx, disk)
	if err == nil && !found {
		err = fmt.Errorf("disk %q, %s, is in none of the storage pools of %s: define and start the pool that "+
			"it was made in",
			disk.Name, disk.Path, v.host.URI())
	}
	return pool, err
}

// Volume is the volume of a disk.
func (v *Volumes) Volume(ctx context.Context, disk host.DomainDisk) (host.Volume, error) {
	pool, err := v.With(ctx, disk)
	if err != nil {
		return host.Volume{}, err
	}
	return v.host.Volume(ctx, pool.Name, path.Base(disk.Path))
}

// Tier is the tier that a disk is on: the usual one if that is in the same pool, "" for the
// library's pool and for pools that belong to no tier.
func (v *Volumes) Tier(ctx context.Context, disk host.DomainDisk, usual string) (string, error) {
	pools, err := v.inventory.Pools(ctx)
	if err != nil {
		return "", err
	}
	home := path.Dir(disk.Path)
	in := func(name string) bool {
		n := slices.IndexFunc(pools, func(pool host.Pool) bool { return pool.Name == name })
		return n >= 0 && pools[n].Path != "" && path.Clean(pools[n].Path) == home
	}
	if usual != "" && in(v.tiers[usual]) {
		return usual, nil
	}
	if in(v.pool) {
		return "", nil
	}
	for _, tier := range slices.Sorted(maps.Keys(v.tiers)) {
		if in(v.tiers[tier]) {
			return tier, nil
		}
	}
	return "", nil
}

// Homes names the pools that instances may have volumes in: the library's and those of the storage
// tiers.
func (v *Volumes) Homes() []string {
	names := slices.Collect(maps.Values(v.tiers))
	names = append(names, v.pool)
	slices.Sort(names)
	return slices.Compact(names)
}
