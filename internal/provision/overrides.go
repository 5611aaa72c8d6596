package provision

import (
	"context"
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Overrides are the profiles that a request lays over a version's.
type Overrides struct {
	Hardware *profile.Hardware
	Network  *profile.Network
	Storage  *profile.Storage
}

// Overrides are what an instance has beyond the version that it was made of: with them and the parameters in its metadata, a
// request asks for what the host has. What no request can ask for is left out; Drift tells that.
func (p *Provisioner) Overrides(ctx context.Context, i Instance, version catalog.Version) (Overrides, error) {
	var o Overrides
	hardware, storage := driven(version.Spec, metadata.SettingValues(i.Facts.Parameters))
	machine := i.Machine
	if cpu := hardware.Machine().CPU; machine.CPU == host.EffectiveCPU(i.DomainType, cpu) {
		machine.CPU = cpu
	}
	o.Hardware = machine.Beyond(hardware)
	o.Network = profile.NetworkBeyond(i.NICs, version.Spec.Network)
	tiers := map[string]string{} // of the version's disks
	for _, drive := range storage.Drives() {
		tiers[drive.Name] = drive.Tier
	}
	drives := make([]profile.Drive, len(i.Disks))
	for n, disk := range i.Disks {
		size, err := p.sizeOf(ctx, i, disk)
		if err != nil {
			return o, err
		}
		tier, err := p.volumes.Tier(ctx, disk, tiers[disk.Name])
		if err != nil {
			return o, err
		}
		drives[n] = profile.Drive{Name: disk.Name, Size: size, System: n == 0, Type: diskType(disk), Tier: tier, Boot: disk.Boot == 1}
	}
	o.Storage = profile.StorageBeyond(drives, storage, uint64(max(0, version.VirtualSize)))
	return o, nil
}

// sizeOf is how large a disk is, bytes: of one that is in no pool any more, as it was left last.
func (p *Provisioner) sizeOf(ctx context.Context, i Instance, disk host.DomainDisk) (uint64, error) {
	if size, known := i.size(disk.Name); known {
		return size, nil
	}
	volume, err := p.volumes.Volume(ctx, disk)
	if n := slices.IndexFunc(i.Facts.Sizes, func(left metadata.DiskSize) bool { return left.Disk == disk.Name }); err != nil && n >= 0 && !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrNoAnswer) {
		return i.Facts.Sizes[n].Bytes, nil
	}
	return volume.Capacity, err
}
