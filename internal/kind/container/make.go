package container

import (
	"context"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Stages implements kind.Driver.
func (d *Driver) Stages(of *kind.Build) []kind.Stage {
	b := &build{of, d}
	stages := []kind.Stage{{Name: "disks", Do: b.makeDisks}, {Name: "seed", Do: b.makeFiles}}
	if b.Request.Running {
		stages = append(stages, kind.Stage{Name: "start", Do: b.start})
	}
	return stages
}

// makeDisks creates the disks, all of them empty, and then checks the image.
func (b *build) makeDisks(ctx context.Context) error {
	if err := b.TakeVolumes(ctx, b.driver.volumes); err != nil {
		return err
	}
	disks := []disk{{b.Homes[0].Name, b.systemVolume(), b.rootSize()}}
	for n, drive := range b.Blueprint.Drives[1:] {
		disks = append(disks, disk{b.Homes[n+1].Name, diskVolume(b.Tenant, b.Request.Name, drive.Name), drive.Size})
	}
	err := b.driver.makeEmpty(ctx, disks, func(pool, name string, create func() error) error {
		return b.CreateOver(ctx, b.driver.volumes, pool, name, create)
	})
	if err != nil {
		return err
	}
	if err := b.copyImage(ctx, b.copyVolume()); err != nil {
		return err
	}
	return b.Confirm(ctx)
}

// disk is an empty disk to create.
type disk struct {
	pool, volume string
	size         uint64
}

// diskLabel is the label of the file systems of makeEmpty.
const diskLabel = "nova-disk"

// makeEmpty creates disks with empty file systems, over one connection. create is what creates the
// volume of one.
func (d *Driver) makeEmpty(
	ctx context.Context, disks []disk, create func(pool, name string, create func() error) error,
) error {
	conn, err := d.host.OpenTransfer(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, k := range disks {
		spec := host.VolumeSpec{Name: k.volume, Format: "raw", Capacity: k.size}
		err := create(k.pool, k.volume, func() error {
			return d.volumes.Create(ctx, k.pool, spec)
		})
		if err != nil {
			return err
		}
		upper := ext4.Upper{
			Origin: image.Origin{Name: fmt.Sprintf("the volume %q", k.volume)}, Label: diskLabel,
			Seed: kind.RandomUUID(), Size: int64(k.size),
		}
		if _, err := upper.Send(ctx, volumes.NewSink(conn, k.pool, k.volume)); err != nil {
			return err
		}
	}
	return nil
}

// copyImage makes the instance's own copy of the image, if its strategy asks for one.
func (b *build) copyImage(ctx context.Context, name string) error {
	if b.Strategy.HoldsBase() {
		return nil
	}
	home, of := b.Homes[0].Name, b.Image.Volume
	return b.CreateOver(ctx, b.driver.volumes, home, name, func() error {
		if home == of.Pool {
			return b.driver.host.CopyVolume(ctx, home, name, of.Name)
		}
		return b.Strategy.Make(ctx, b.driver.host, strategy.Disk{
			Pool: home, Name: name, Capacity: of.Capacity, Image: of, ImageFormat: b.Image.Format,
		})
	})
}

// makeFiles creates the volumes by which host and container talk to each other, and writes what the
// container is told.
func (b *build) makeFiles(ctx context.Context) error {
	text, err := partOf(b.Blueprint).tell(b.Blueprint, b.UUID, b.Request.Name, nil, 0)
	if err != nil {
		return err
	}
	configuration := naming.Configuration(b.Tenant, b.Request.Name)
	for _, spec := range []host.VolumeSpec{
		{Name: configuration, Capacity: uint64(len(text)), Mode: 0o600},
		{Name: naming.Status(b.Tenant, b.Request.Name), Capacity: initd.StatusSize, Mode: 0o600},
		{Name: naming.Log(b.Tenant, b.Request.Name), Mode: 0o600},
	} {
		spec.Format = "raw"
		err := b.CreateVolume(ctx, b.driver.volumes, b.Pool.Name, spec)
		if err != nil {
			return err
		}
	}
	if err := b.driver.host.WriteVolume(ctx, b.Pool.Name, configuration, text); err != nil {
		return err
	}
	return b.driver.provide(ctx, b.UUID, programOf(b.Defined))
}

// start starts the container for the first time.
func (b *build) start(ctx context.Context) (err error) {
	if partOf(b.Blueprint).system {
		if b.Before.Leases, err = b.driver.networks.LeasesBefore(ctx, b.Configured()); err != nil {
			return err
		}
	}
	return step.Completed(ctx, func(ctx context.Context) error {
		return b.driver.run(ctx, b.UUID, programOf(b.Defined))
	})
}
