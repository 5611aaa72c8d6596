package provision

import (
	"context"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// rotations are what guests are told of disks by their types; of one without a type they are told nothing.
var rotations = map[string]uint{catalog.SSD: 1, catalog.HDD: 7200}

// diskType is the type of a disk as its host has it, "" for none.
func diskType(disk hypervisor.DomainDisk) string {
	switch disk.Rotation {
	case 0:
		return ""
	case rotations[catalog.SSD]:
		return catalog.SSD
	}
	return catalog.HDD
}

// diskSpecs are the domain's disks. What a guest discards is given back to the pool, but not from disks that turn: there
// the holes would scatter what is written next.
func (b *build) diskSpecs() []hypervisor.DiskSpec {
	specs := make([]hypervisor.DiskSpec, len(b.blueprint.Drives))
	for i, drive := range b.blueprint.Drives {
		specs[i] = hypervisor.DiskSpec{
			Name: drive.Name, Target: diskTarget(i, drive.Type != ""), Path: b.homes[i].Path + "/" + b.diskVolume(drive),
			Format: b.diskFormat(drive), Rotation: rotations[drive.Type], KeepsDiscarded: drive.Type == catalog.HDD,
		}
		switch {
		case drive.Boot:
			specs[i].Boot = 1
		case drive.System: // where nothing starts from the other
			specs[i].Boot = 2
		}
	}
	return specs
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
	b.undoLater(func(ctx context.Context) error { return b.removeVolumes(ctx, b.tenant, b.request.Name, pools) })
	// What an instance of the name that went without its volumes has left.
	if err := b.removeVolumes(ctx, b.tenant, b.request.Name, append(pools, b.remains...)); err != nil {
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
func (b *build) makeDisk(ctx context.Context, drive catalog.Drive, pool, volume string) error {
	spec := hypervisor.VolumeSpec{Name: volume, Format: b.diskFormat(drive), Capacity: drive.Size}
	var err error
	switch {
	case !drive.System:
		_, err = b.host.CreateVolume(whole(ctx), pool, spec)
	case b.blueprint.Strategy == catalog.LinkedClone:
		spec.Backing = &hypervisor.Backing{Path: b.base.volume.Path, Format: b.base.format}
		_, err = b.host.CreateVolume(whole(ctx), pool, spec)
	default:
		_, err = b.host.CloneVolume(ctx, pool, spec, b.pool.Name, b.base.volume.Name)
	}
	return err
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

func (b *build) diskVolume(drive catalog.Drive) string {
	return diskVolume(b.tenant, b.request.Name, drive.Name, b.diskFormat(drive))
}

// diskFormat is qcow2, but for full clones, which keep their base's format.
func (b *build) diskFormat(drive catalog.Drive) string {
	if drive.System && b.blueprint.Strategy == catalog.Clone {
		return b.base.format
	}
	return "qcow2"
}
