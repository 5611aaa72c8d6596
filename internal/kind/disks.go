package kind

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
)

// TakeVolumes removes the volumes that an instance of the same name has left that was removed without
// them, and has the undo of the build remove all of its own. Remains that the host does not know, such
// as rotated logs of a console, are removed with this instance if they are in one of its pools.
func (b *Build) TakeVolumes(ctx context.Context, v *volumes.Volumes) error {
	pools := b.Pools()
	if err := v.RemoveRemains(ctx, b.Tenant, b.Request.Name, slices.Concat(pools, b.Remains), b.Doubt); err != nil {
		return err
	}
	b.UndoLater(func(ctx context.Context) error { return v.RemoveAll(ctx, b.Tenant, b.Request.Name, pools) })
	return nil
}

// CreateOver creates a volume of an instance. If the domain has just claimed the instance's name, a
// create that is over requested any existing volume of that name, and the host created it late.
func (b *Build) CreateOver(
	ctx context.Context, v *volumes.Volumes, pool, name string, create func() error,
) error {
	if !b.Claimed {
		return create()
	}
	return v.Replace(ctx, pool, name, create)
}

// CreateVolume is CreateOver for an empty volume.
func (b *Build) CreateVolume(ctx context.Context, v *volumes.Volumes, pool string, spec host.VolumeSpec) error {
	return b.CreateOver(ctx, v, pool, spec.Name, func() error { return v.Create(ctx, pool, spec) })
}

// SizeOf is the size of a disk in bytes. For a disk that is in no pool any more, it is the size as last
// recorded.
func (i Instance) SizeOf(ctx context.Context, v *volumes.Volumes, disk host.DomainDisk) (uint64, error) {
	if size, known := i.Size(disk.Name); known {
		return size, nil
	}
	volume, err := v.Volume(ctx, disk)
	n := slices.IndexFunc(i.Facts.Sizes, func(left metadata.DiskSize) bool { return left.Disk == disk.Name })
	if err != nil && n >= 0 && !host.Unanswered(err) {
		return i.Facts.Sizes[n].Bytes, nil
	}
	return volume.Capacity, err
}

// RefuseShrinking reports a disk of that many bytes that would become smaller.
func (i Instance) RefuseShrinking(fs *finding.List, drive profile.Drive, has uint64) {
	if drive.Size >= has {
		return
	}
	fs.Add(finding.At("storage_profile").Name("disks").Key(drive.Name).Name("size_gb"), "Disk would shrink",
		fmt.Sprintf("Disk %q of instance %q has %.4g GiB and cannot shrink to %.4g: its file system would be cut off. "+
			"Set size_gb to at least %d, or create a new instance.", drive.Name, i.Facts.Name, GiB(has),
			GiB(drive.Size), int(math.Ceil(GiB(has)))))
}

// GiB is a number of bytes in GiB.
func GiB(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
