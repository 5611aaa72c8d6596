package container

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Renew implements kind.Driver.
func (d *Driver) Renew(of *kind.Build, before kind.Instance) []kind.Stage {
	b := &build{of, d}
	return []kind.Stage{
		{Name: "disks", Do: func(ctx context.Context) error { return b.makeSystemDisk(ctx) }},
		{Name: "shutdown", Do: func(ctx context.Context) error { return b.ShutDown(ctx, d, before) }},
		{Name: "seed", Do: func(ctx context.Context) error { return b.tellAgain(ctx, before) }},
	}
}

// renewedVolume and renewedCopy are volumes of a system disk that was created after the instance; the
// version distinguishes them from the others.
func (b *build) renewedVolume() string {
	return naming.ContainerDisk(b.Tenant, b.Request.Name, upperKind, b.Request.Version)
}

func (b *build) renewedCopy() string {
	return naming.ContainerDisk(b.Tenant, b.Request.Name, copyKind, b.Request.Version)
}

// makeSystemDisk creates the new system disk beside the old one, under its own name.
func (b *build) makeSystemDisk(ctx context.Context) error {
	home, volume := b.Homes[0], b.renewedVolume()
	b.Disk = host.DiskImage{
		Name: b.Blueprint.Drives[0].Name, Path: volumePath(home.Path, volume), Format: "raw",
	}
	// Remains of a dead try. The definition names the new disk only once it is the instance's.
	remove := func(ctx context.Context) error {
		return errors.Join(b.driver.volumes.Remove(ctx, home.Name, volume),
			b.driver.volumes.Remove(ctx, home.Name, b.renewedCopy()))
	}
	if err := remove(ctx); err != nil {
		return err
	}
	b.UndoLater(remove)
	err := b.driver.makeEmpty(ctx, []disk{{home.Name, volume, b.rootSize()}},
		func(_, _ string, create func() error) error { return create() })
	if err != nil {
		return err
	}
	if err := b.copyImage(ctx, b.renewedCopy()); err != nil {
		return err
	}
	return b.Confirm(ctx)
}

// tellAgain replaces what the container is told.
func (b *build) tellAgain(ctx context.Context, before kind.Instance) error {
	b.Blueprint.NICs = kind.WithMACs(b.Blueprint.NICs, before)
	name := naming.Configuration(b.Tenant, b.Request.Name)
	old, err := b.driver.host.ReadVolume(ctx, b.Pool.Name, name, configLimit)
	if err != nil && !errors.Is(err, host.ErrNoVolume) {
		return err
	}
	// The interfaces that come with the same change are added later.
	now := b.Blueprint
	now.NICs = now.NICs[:0:0]
	for _, nic := range b.Blueprint.NICs {
		if _, has := before.MACs()[nic.Name]; has {
			now.NICs = append(now.NICs, nic)
		}
	}
	if err := b.untold(ctx, before); err != nil {
		return err
	}
	if len(old) > 0 {
		b.UndoLater(func(ctx context.Context) error { return b.driver.rewrite(ctx, b.Pool.Name, name, old) })
	}
	return b.driver.tell(ctx, before, now)
}

// untold notes that it is not certain what the container is told, until Swap notes it again.
func (b *build) untold(ctx context.Context, before kind.Instance) error {
	facts := before.Facts
	certain, err := facts.Marshal()
	if err != nil {
		return err
	}
	facts.Container = facts.Container.Untold()
	uncertain, err := facts.Marshal()
	if err != nil {
		return err
	}
	b.UndoLater(func(ctx context.Context) error {
		return b.driver.redefine(ctx, before, host.DomainChange{Metadata: &certain})
	})
	return b.driver.redefine(ctx, before, host.DomainChange{Metadata: &uncertain})
}

// Swap implements kind.Driver.
func (d *Driver) Swap(ctx context.Context, of *kind.Build, metadata string) error {
	b := &build{of, d}
	change := host.DomainChange{Metadata: &metadata, SetFilesystems: []host.Filesystem{
		{Kind: host.FilesystemImage, Source: b.Disk.Path, Target: rootTarget},
		{Kind: host.FilesystemImage, Source: b.lowerPath(b.renewedCopy()), Target: lowerTarget, ReadOnly: true},
	}}
	return step.Certainly(ctx, func(ctx context.Context) error {
		return d.containers.RedefineDomain(ctx, b.UUID, change)
	})
}

// Clean implements kind.Driver. It removes the system disks that a reimaged instance had before, also
// those whose removal was interrupted.
func (d *Driver) Clean(ctx context.Context, i kind.Instance) error {
	if len(i.Disks) == 0 {
		return nil
	}
	tenant, name := i.Facts.Tenant, i.Facts.Name
	system, lower := i.Disks[0], path.Base(definedOf(i).lower)
	current := path.Base(system.Path)
	if current != naming.ContainerDisk(tenant, name, upperKind, i.Facts.Version) {
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
	for _, volume := range names {
		old := strings.HasPrefix(volume, naming.ContainerDisk(tenant, name, upperKind, "")) ||
			strings.HasPrefix(volume, naming.ContainerDisk(tenant, name, copyKind, ""))
		if old && volume != current && volume != lower {
			if err := d.volumes.Remove(ctx, pool.Name, volume); err != nil {
				return err
			}
		}
	}
	return nil
}
