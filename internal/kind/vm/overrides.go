package vm

import (
	"context"
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
)

// Overrides implements kind.Driver. With the overrides and the parameters in its metadata, a
// request asks for what the host has. What no request can ask for is left out; Drift reports that.
func (d *Driver) Overrides(
	ctx context.Context, i kind.Instance, version catalog.Version,
) (kind.Overrides, error) {
	var o kind.Overrides
	hardware, storage := kind.Driven(version.Spec, metadata.SettingValues(i.Facts.Parameters))
	own := definedOf(i)
	machine := own.machine
	if cpu := hardware.Machine().CPU; machine.CPU == host.EffectiveCPU(own.domainType, cpu) {
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
		size, err := d.sizeOf(ctx, i, disk)
		if err != nil {
			return o, err
		}
		tier, err := d.volumes.Tier(ctx, disk, tiers[disk.Name])
		if err != nil {
			return o, err
		}
		drives[n] = profile.Drive{Name: disk.Name, Size: size, System: n == 0, Type: device.Type(disk), Tier: tier,
			Boot: disk.Boot == 1}
	}
	o.Storage = profile.StorageBeyond(drives, storage, uint64(max(0, version.VirtualSize)))
	return o, nil
}

// sizeOf is the size of a disk in bytes. For a disk that is in no pool any more, it is the size as
// last recorded.
func (d *Driver) sizeOf(ctx context.Context, i kind.Instance, disk host.DomainDisk) (uint64, error) {
	if size, known := i.Size(disk.Name); known {
		return size, nil
	}
	volume, err := d.volumes.Volume(ctx, disk)
	n := slices.IndexFunc(i.Facts.Sizes, func(left metadata.DiskSize) bool { return left.Disk == disk.Name })
	if err != nil && n >= 0 && !errors.Is(err, host.ErrUnreachable) && !errors.Is(err, host.ErrNoAnswer) {
		return i.Facts.Sizes[n].Bytes, nil
	}
	return volume.Capacity, err
}
