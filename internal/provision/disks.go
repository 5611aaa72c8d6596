package provision

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// rotations are what guests are told of disks by their types; of one without a type they are told nothing.
var rotations = map[string]uint{profile.SSD: 1, profile.HDD: 7200}

// diskType is the type of a disk as its host has it, "" for none.
func diskType(disk host.DomainDisk) string {
	switch disk.Rotation {
	case 0:
		return ""
	case rotations[profile.SSD]:
		return profile.SSD
	}
	return profile.HDD
}

// diskSpecs are the domain's disks. What a guest discards is given back to the pool, but not from disks that turn: there
// the holes would scatter what is written next.
func (b *build) diskSpecs() []host.DiskSpec {
	specs := make([]host.DiskSpec, len(b.blueprint.Drives))
	for i, drive := range b.blueprint.Drives {
		specs[i] = diskSpec(drive, i, b.homes[i].Path+"/"+b.diskVolume(drive), b.diskFormat(drive))
		switch {
		case drive.Boot:
			specs[i].Boot = 1
		case drive.System: // where nothing starts from the other
			specs[i].Boot = 2
		}
	}
	return specs
}

// diskSpec is the disk of a drive at the nth place.
func diskSpec(drive profile.Drive, n int, path, format string) host.DiskSpec {
	return host.DiskSpec{
		Name: drive.Name, Target: diskTarget(n, drive.Type != ""), Path: path, Format: format,
		Rotation: rotations[drive.Type], KeepsDiscarded: drive.Type == profile.HDD,
	}
}

// diskTarget names the nth disk as Linux names its disks: vda … vdz, vdaa … for virtio-blk. Those on virtio-scsi have
// sd for vd, and begin at b: a is the seed's.
func diskTarget(n int, scsi bool) string {
	bus := "vd"
	if scsi {
		bus = "sd"
		n++
	}
	letters := ""
	for n++; n > 0; n = (n - 1) / 26 {
		letters = string(rune('a'+(n-1)%26)) + letters
	}
	return bus + letters
}

// diskPlace is n of a diskTarget. The host lists disks by bus.
func diskPlace(target string) int {
	n := 0
	for _, letter := range target[min(2, len(target)):] {
		n = 26*n + int(letter-'a') + 1
	}
	if strings.HasPrefix(target, "sd") {
		n--
	}
	return n - 1
}

// makeDisks makes the system disk from the base and the others blank, and then makes sure of the base.
func (b *build) makeDisks(ctx context.Context) error {
	pools := b.diskPools()
	b.UndoLater(func(ctx context.Context) error { return b.volumes.RemoveAll(ctx, b.tenant, b.request.Name, pools) })
	// What an instance of the name that went without its volumes has left.
	if err := b.volumes.RemoveAll(ctx, b.tenant, b.request.Name, append(pools, b.remains...)); err != nil {
		return err
	}
	for i, drive := range b.blueprint.Drives {
		if err := b.makeDisk(ctx, drive, b.homes[i].Name, b.diskVolume(drive)); err != nil {
			return err
		}
	}
	return b.confirmVersion(ctx)
}

// makeDisk makes the volume of a drive in a pool.
func (b *build) makeDisk(ctx context.Context, drive profile.Drive, pool, volume string) error {
	if !drive.System {
		return b.createVolume(ctx, pool, host.VolumeSpec{Name: volume, Format: dataFormat, Capacity: drive.Size})
	}
	return b.createOver(ctx, pool, volume, func() error {
		return b.strategy.Make(ctx, b.host, strategy.Disk{
			Pool: pool, Name: volume, Capacity: drive.Size, Image: b.base.volume, ImageFormat: b.base.Format,
		})
	})
}

func (b *build) createVolume(ctx context.Context, pool string, spec host.VolumeSpec) error {
	return b.createOver(ctx, pool, spec.Name, func() error {
		return step.Uninterrupted(ctx, func(ctx context.Context) error {
			_, err := b.host.CreateVolume(ctx, pool, spec)
			return err
		})
	})
}

// createOver creates a volume of an instance. Where the domain has just claimed the instance's name, a volume of that name which is
// there already was asked for by a create that is over, and carried out late.
func (b *build) createOver(ctx context.Context, pool, name string, create func() error) error {
	err := create()
	if !errors.Is(err, host.ErrExists) || !b.claimed {
		return err
	}
	if err := b.host.DeleteVolume(ctx, pool, name); err != nil && !errors.Is(err, host.ErrNoVolume) {
		return err
	}
	return create()
}

// diskPools names the pools of the instance's volumes, the library's first.
func (b *build) diskPools() []string {
	pools := []string{b.pool.Name}
	for _, home := range b.homes {
		if !slices.Contains(pools, home.Name) {
			pools = append(pools, home.Name)
		}
	}
	return slices.Clip(pools)
}

// path is where a volume of the library's pool is.
func (b *build) path(volume string) string { return b.pool.Path + "/" + volume }

func (b *build) diskVolume(drive profile.Drive) string {
	return naming.Disk(b.tenant, b.request.Name, drive.Name, b.diskFormat(drive))
}

// diskFormat is the format of a drive.
func (b *build) diskFormat(drive profile.Drive) string {
	if drive.System {
		return b.strategy.Format(b.base.Format)
	}
	return dataFormat
}

// dataFormat is the format of blank disks.
const dataFormat = "qcow2"
