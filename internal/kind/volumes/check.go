package volumes

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// filePools are the types of pools whose volumes are files in a directory, which is where qcow2
// images belong.
var filePools = []string{"dir", "fs", "netfs"}

// CheckTiers reports disks on tiers that the provider does not know, or whose pools the host cannot
// provide.
func (v *Volumes) CheckTiers(ctx context.Context, drives []profile.Drive) (finding.List, error) {
	var fs finding.List
	for _, drive := range drives {
		if drive.Tier == "" {
			continue
		}
		at := finding.At("storage_profile").Name("disks").Key(drive.Name).Name("storage_tier")
		name, known := v.tiers[drive.Tier]
		if !known {
			fs.Add(at, "Storage tier not found", fmt.Sprintf("Disk %q should be on the tier %q, which the provider's "+
				"storage_tiers do not have. %s Name one of them, or add it there.", drive.Name, drive.Tier,
				finding.Available("They have", slices.Sorted(maps.Keys(v.tiers)))))
			continue
		}
		pools, err := v.inventory.Pools(ctx)
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
				"Define the pool, or name another.", drive.Name, drive.Tier, name, v.host.URI(),
				finding.Available("It has", names)))
		case !pools[n].Active:
			fs.Add(at, "Storage pool is not active",
				fmt.Sprintf("Disk %q should be on the tier %q, in the pool %q, which is "+
					"not active on %s: start it with `virsh pool-start %s`.", drive.Name, drive.Tier, name,
					v.host.URI(), name))
		case !slices.Contains(filePools, pools[n].Type):
			fs.Add(at, "Unsupported storage pool type",
				fmt.Sprintf("Disk %q should be on the tier %q, in the pool %q on %s, "+
					"which is of type %s. Disks are files: a tier's pool must be a "+
					"directory (dir, fs or netfs).", drive.Name, drive.Tier, name, v.host.URI(), pools[n].Type))
		}
	}
	return fs, nil
}
