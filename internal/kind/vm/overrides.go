package vm

import (
	"context"

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
		size, err := i.SizeOf(ctx, d.volumes, disk)
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
