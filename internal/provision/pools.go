package provision

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// poolOf is the pool that the file of a disk is in; found is false where it is in none.
func (p *Provisioner) poolOf(ctx context.Context, disk host.DomainDisk) (pool host.Pool, found bool, err error) {
	in := func(pools []host.Pool) bool {
		for _, candidate := range pools {
			if candidate.Path == "" || path.Clean(candidate.Path) != path.Dir(disk.Path) {
				continue
			}
			// Pools may share a directory. The library is always meant.
			if !found || candidate.Name == p.library.Pool() {
				pool, found = candidate, true
			}
		}
		return found
	}
	pools, err := p.inventory.Pools(ctx)
	if err != nil || in(pools) {
		return pool, found, err
	}
	p.inventory.ForgetPools() // it may be newer
	if pools, err = p.inventory.Pools(ctx); err == nil {
		in(pools)
	}
	return pool, found, err
}

// poolsOf names the pools that the volumes of a domain with those disks are in, the library's first.
func (p *Provisioner) poolsOf(ctx context.Context, disks []host.DomainDisk) ([]string, error) {
	names := []string{p.library.Pool()}
	for _, disk := range disks {
		if disk.Name == "" {
			continue // not novacron's
		}
		pool, found, err := p.poolOf(ctx, disk)
		if err != nil {
			return nil, err
		}
		if found && !slices.Contains(names, pool.Name) {
			names = append(names, pool.Name)
		}
	}
	return names, nil
}

// knownPools names all pools that instances may have volumes in.
func (p *Provisioner) knownPools() []string {
	names := append([]string{p.library.Pool()}, slices.Sorted(maps.Values(p.tiers))...)
	slices.Sort(names[1:])
	return slices.Compact(names)
}

// home is the pool that a drive belongs to.
func (p *Provisioner) home(ctx context.Context, drive catalog.Drive) (host.Pool, error) {
	name := p.library.Pool()
	if drive.Tier != "" {
		name = p.tiers[drive.Tier]
	}
	pools, err := p.inventory.Pools(ctx)
	if err != nil {
		return host.Pool{}, err
	}
	n := slices.IndexFunc(pools, func(pool host.Pool) bool { return pool.Name == name })
	if n < 0 {
		return host.Pool{}, fmt.Errorf("disk %q: the host %s has no storage pool %q", drive.Name, p.host.URI(), name)
	}
	return pools[n], nil
}

// poolWith is the pool that the file of a disk is in; none is an error.
func (p *Provisioner) poolWith(ctx context.Context, disk host.DomainDisk) (host.Pool, error) {
	pool, found, err := p.poolOf(ctx, disk)
	if err == nil && !found {
		err = fmt.Errorf("disk %q, %s, is in none of the storage pools of %s: define and start the pool that it was made in",
			disk.Name, disk.Path, p.host.URI())
	}
	return pool, err
}

// diskVolumeOf is the volume of a disk.
func (p *Provisioner) diskVolumeOf(ctx context.Context, disk host.DomainDisk) (host.Volume, error) {
	pool, err := p.poolWith(ctx, disk)
	if err != nil {
		return host.Volume{}, err
	}
	return p.host.Volume(ctx, pool.Name, path.Base(disk.Path))
}

// filePools are the types of pools whose volumes are files in a directory, which is where qcow2 images are at home.
var filePools = []string{"dir", "fs", "netfs"}

// checkTiers finds disks on tiers that the provider does not know, or whose pools the host cannot give.
func (p *Provisioner) checkTiers(ctx context.Context, b Blueprint) (finding.List, error) {
	var fs finding.List
	for _, drive := range b.Drives {
		if drive.Tier == "" {
			continue
		}
		at := finding.At("storage_profile").Name("disks").Key(drive.Name).Name("storage_tier")
		name, known := p.tiers[drive.Tier]
		if !known {
			fs.Add(at, "Storage tier not found", fmt.Sprintf("Disk %q should be on the tier %q, which the provider's "+
				"storage_tiers do not have. %s Name one of them, or add it there.", drive.Name, drive.Tier, there("They have", slices.Sorted(maps.Keys(p.tiers)))))
			continue
		}
		pools, err := p.inventory.Pools(ctx)
		if err != nil {
			return nil, err
		}
		names := make([]string, len(pools))
		for i, pool := range pools {
			names[i] = pool.Name
		}
		switch n := slices.Index(names, name); {
		case n < 0:
			fs.Add(at, "Storage pool not found", fmt.Sprintf("Disk %q should be on the tier %q, which the provider's "+
				"storage_tiers put into the pool %q. The host %s has no such pool. %s "+
				"Define the pool, or name another.", drive.Name, drive.Tier, name, p.host.URI(),
				there("It has", names)))
		case !pools[n].Active:
			fs.Add(at, "Storage pool is not active", fmt.Sprintf("Disk %q should be on the tier %q, in the pool %q, which is "+
				"not active on %s: start it with `virsh pool-start %s`.", drive.Name, drive.Tier, name, p.host.URI(), name))
		case !slices.Contains(filePools, pools[n].Type):
			fs.Add(at, "Unsupported storage pool type", fmt.Sprintf("Disk %q should be on the tier %q, in the pool %q on %s, "+
				"which is of type %s. Disks are files: a tier's pool must be a "+
				"directory (dir, fs or netfs).", drive.Name, drive.Tier, name, p.host.URI(), pools[n].Type))
		}
	}
	return fs, nil
}

// Homes names the pools that instances may have volumes in: the library's and those of the storage tiers.
func (p *Provisioner) Homes() []string {
	names := slices.Collect(maps.Values(p.tiers))
	names = append(names, p.library.Pool())
	slices.Sort(names)
	return slices.Compact(names)
}
