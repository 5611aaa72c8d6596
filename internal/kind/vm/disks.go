package vm

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// diskSpecs are the domain's disks. What a guest discards is given back to the pool, except from
// rotating disks: there the holes would scatter what is written next.
func (b *build) diskSpecs() []host.DiskSpec {
	specs := make([]host.DiskSpec, len(b.Blueprint.Drives))
	for i, drive := range b.Blueprint.Drives {
		specs[i] = device.Spec(drive, i, b.Homes[i].Path+"/"+b.diskVolume(drive), b.diskFormat(drive))
		switch {
		case drive.Boot:
			specs[i].Boot = 1
		case drive.System: // used if nothing starts from the other
			specs[i].Boot = 2
		}
	}
	return specs
}

// makeDisks creates the system disk from the base and the other disks blank, and then checks the
// base.
func (b *build) makeDisks(ctx context.Context) error {
	if err := b.TakeVolumes(ctx, b.driver.volumes); err != nil {
		return err
	}
	for i, drive := range b.Blueprint.Drives[1:] {
		if err := b.makeDisk(ctx, drive, b.Homes[i+1].Name, b.diskVolume(drive)); err != nil {
			return err
		}
	}
	err := b.makeBootable(ctx)
	if err == nil || b.Resume == nil {
		return err
	}
	more := b.more()
	if err := b.instead(ctx, err, false); err != nil { // the snapshot was removed meanwhile
		return err
	}
	return b.diskInstead(ctx, more)
}

// makeBootable creates the system disk, and checks what it stands on.
func (b *build) makeBootable(ctx context.Context) error {
	system := b.Blueprint.Drives[0]
	if err := b.makeDisk(ctx, system, b.Homes[0].Name, b.diskVolume(system)); err != nil {
		return err
	}
	return b.Confirm(ctx)
}

// makeDisk creates the volume of a drive in a pool.
func (b *build) makeDisk(ctx context.Context, drive profile.Drive, pool, volume string) error {
	if !drive.System {
		return b.CreateVolume(ctx, b.driver.volumes, pool, host.VolumeSpec{
			Name: volume, Format: device.DataFormat, Capacity: drive.Size,
		})
	}
	return b.CreateOver(ctx, b.driver.volumes, pool, volume, func() error {
		disk := strategy.Disk{
			Pool: pool, Name: volume, Capacity: drive.Size, Image: b.Image.Volume, ImageFormat: b.Image.Format,
		}
		if b.Resume != nil { // the guest knows its disk by the size that it had
			disk.Capacity, disk.Image, disk.ImageFormat = b.Resume.Snapshot.Shape.Disk.Size, b.Resume.Disk, "qcow2"
		}
		return b.Strategy.Make(ctx, b.driver.host, disk)
	})
}

func (b *build) diskVolume(drive profile.Drive) string {
	return naming.Disk(b.Tenant, b.Request.Name, drive.Name, b.diskFormat(drive))
}

// diskFormat is the format of a drive.
func (b *build) diskFormat(drive profile.Drive) string {
	if drive.System {
		return b.Strategy.Format(b.Image.Format)
	}
	return device.DataFormat
}
