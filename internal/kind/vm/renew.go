package vm

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// seedLimit is how many bytes of a seed are kept for the undo; a seed is some hundred KiB.
const seedLimit = 64 << 20

// build is a machine that is being created, or given another system disk.
type build struct {
	*kind.Build
	driver *Driver
}

// Stages implements kind.Driver.
func (d *Driver) Stages(of *kind.Build) []kind.Stage {
	b := &build{of, d}
	stages := []kind.Stage{{Name: "disks", Do: b.makeDisks}, {Name: "seed", Do: b.makeSeed}}
	switch {
	case b.Resume != nil:
		stages = append(stages, b.resumeStages()...)
	case b.Request.Running:
		stages = append(stages, kind.Stage{Name: "start", Do: b.start})
	}
	return stages
}

// Renew implements kind.Driver.
func (d *Driver) Renew(of *kind.Build, before kind.Instance) []kind.Stage {
	b := &build{of, d}
	return []kind.Stage{
		{Name: "disks", Do: func(ctx context.Context) error { return b.makeSystemDisk(ctx, before) }},
		{Name: "shutdown", Do: func(ctx context.Context) error { return b.ShutDown(ctx, d, before) }},
		{Name: "seed", Do: func(ctx context.Context) error { return b.replaceSeed(ctx, before) }},
	}
}

// Swap implements kind.Driver.
func (d *Driver) Swap(ctx context.Context, b *kind.Build, metadata string) error {
	if err := d.host.DiscardSavedState(ctx, b.UUID); err != nil { // it belongs to the old disk
		return err
	}
	change := host.DomainChange{Metadata: &metadata, Disk: &b.Disk}
	return step.Certainly(ctx, func(ctx context.Context) error { return d.host.RedefineDomain(ctx, b.UUID, change) })
}

// makeSystemDisk creates the new system disk beside the old one, under its own name.
func (b *build) makeSystemDisk(ctx context.Context, before kind.Instance) error {
	system, home := b.Blueprint.Drives[0], b.Homes[0]
	volume := b.renewedVolume(system)
	b.Disk = host.DiskImage{Name: before.Disks[0].Name, Path: home.Path + "/" + volume, Format: b.diskFormat(system)}
	// Remains of a dead try. The definition names the new disk only once it is the instance's.
	remove := func(ctx context.Context) error { return b.driver.volumes.Remove(ctx, home.Name, volume) }
	if err := remove(ctx); err != nil {
		return err
	}
	b.UndoLater(remove)
	if err := b.makeDisk(ctx, system, home.Name, volume); err != nil {
		return err
	}
	return b.Confirm(ctx)
}

// renewedVolume is the volume of a system disk that was created after the instance; the version
// distinguishes it from the others.
func (b *build) renewedVolume(system profile.Drive) string {
	return naming.Disk(b.Tenant, b.Request.Name, system.Name+"."+b.Request.Version, b.diskFormat(system))
}

// replaceSeed replaces the seed. Its volume is exactly as large as the seed, so the new seed gets
// another volume.
func (b *build) replaceSeed(ctx context.Context, before kind.Instance) error {
	b.Blueprint.NICs = kind.WithMACs(b.Blueprint.NICs, before)
	iso, err := renderSeed(b.Blueprint, b.UUID, b.Request.Name)
	if err != nil {
		return err
	}
	name := naming.Seed(b.Tenant, b.Request.Name)
	old, err := b.driver.host.ReadVolume(ctx, b.Pool.Name, name, seedLimit)
	if err != nil && !errors.Is(err, host.ErrNoVolume) {
		return err
	}
	replace := func(ctx context.Context, with []byte) error {
		if err := b.driver.volumes.Remove(ctx, b.Pool.Name, name); err != nil {
			return err
		}
		return b.putSeed(ctx, with)
	}
	if len(old) > 0 {
		b.UndoLater(func(ctx context.Context) error { return replace(ctx, old) })
	}
	return replace(ctx, iso)
}

// Clean implements kind.Driver. It removes the system disks that a reimaged instance had before,
// also those whose removal was interrupted. A system disk with another name than a reimage gives it
// is a user's snapshot, and the older disks are part of it.
func (d *Driver) Clean(ctx context.Context, i kind.Instance) error {
	if len(i.Disks) == 0 {
		return nil
	}
	system := i.Disks[0]
	current := filepath.Base(system.Path)
	if current != naming.Disk(i.Facts.Tenant, i.Facts.Name, system.Name+"."+i.Facts.Version, system.Format) {
		return nil
	}
	pool, found, err := d.volumes.Of(ctx, system)
	if err != nil || !found {
		return err
	}
	names, err := d.host.VolumeNames(ctx, pool.Name)
	if err != nil {
		return err
	}
	prefix := naming.Disk(i.Facts.Tenant, i.Facts.Name, system.Name, "")
	for _, name := range names {
		if strings.HasPrefix(name, prefix) && name != current {
			if err := d.volumes.Remove(ctx, pool.Name, name); err != nil {
				return err
			}
		}
	}
	return nil
}
