package vm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Compare implements kind.Driver.
func (d *Driver) Compare(ctx context.Context, i kind.Instance, b kind.Blueprint) (kind.Diff, finding.List, error) {
	have, want := definedOf(i), PartOf(b)
	diff := kind.Diff{Replaces: compareMachines(have.domainType, have.machine, want.Machine)}
	if !sameSize(have.machine, want.Machine) {
		diff.Restarts = []kind.Restart{{At: finding.At("hardware_profile")}}
	}
	if i.Facts.Customized.Digest != b.Told() {
		diff.Replaces = append(diff.Replaces, finding.At("customization"))
	}
	replaces, devices := device.CompareNICs(i.NICs, b.NICs)
	for n, nic := range devices.AddNICs { // a removed one may be known to the guest by this address
		if nic.MAC == "" {
			devices.AddNICs[n].MAC = metadata.NotedMAC(i.Facts.MACs, nic.Name)
		}
	}
	diff.Replaces, diff.Devices = append(diff.Replaces, replaces...), devices
	// The system disk determines what the instance is.
	if len(i.Disks) == 0 || len(b.Drives) == 0 || i.Disks[0].Name != b.Drives[0].Name {
		diff.Replaces = append(diff.Replaces, finding.At("storage_profile"))
		return diff, nil, nil
	}
	targets := slices.Clone(have.targets)
	var live host.Hardware
	if i.Running() {
		var err error
		if live, err = d.host.Hardware(ctx, i.UUID); err != nil {
			return diff, nil, err
		}
		for _, disk := range live.Disks {
			targets = append(targets, disk.Target)
		}
	}
	fs, err := d.compareDisks(ctx, &diff, i, b.Drives, device.PlacesOf(targets))
	if err == nil && i.Running() {
		device.CompareLive(&diff, i, b, live)
	}
	return diff, fs, err
}

// compareDisks compares the disks by their names. New disks get free places.
func (d *Driver) compareDisks(
	ctx context.Context, diff *kind.Diff, i kind.Instance, want []profile.Drive, places device.Places,
) (finding.List, error) {
	var fs finding.List
	at := finding.At("storage_profile").Name("disks")
	for _, drive := range want {
		pool, err := d.volumes.Home(ctx, drive)
		if err != nil {
			return fs, err
		}
		n := slices.IndexFunc(i.Disks, func(disk host.DomainDisk) bool { return disk.Name == drive.Name })
		if n < 0 && drive.Boot {
			diff.Replaces = append(diff.Replaces, at.Key(drive.Name).Name("is_boot"))
			continue
		}
		if n < 0 {
			disk, err := d.newDisk(ctx, i, drive, pool, places.Next())
			if err != nil {
				return fs, err
			}
			diff.Devices.AddDisks = append(diff.Devices.AddDisks, disk)
			i.RefuseShrinking(&fs, drive, disk.Has)
			continue
		}
		diff.Replaces = append(diff.Replaces, compareDisk(i.Disks[n], drive, path.Clean(pool.Path))...)
		volume, err := d.volumes.Volume(ctx, i.Disks[n])
		if err != nil {
			return fs, err
		}
		has, err := volume.DiskSize(i.Disks[n].Format)
		if err != nil {
			fs.Add(at.Key(drive.Name), "Disk is not what it is defined as",
				fmt.Sprintf("Disk %q of instance %q cannot be "+
					"changed: %v. It was replaced: restore the disk, or create a new instance.", drive.Name,
					i.Facts.Name, err))
			continue
		}
		if drive.Size > has {
			diff.Grows = append(diff.Grows, kind.Growth{Disk: i.Disks[n], Volume: volume, Size: drive.Size})
		}
		i.RefuseShrinking(&fs, drive, has)
	}
	for _, disk := range i.Disks {
		switch {
		case slices.ContainsFunc(want, func(drive profile.Drive) bool { return drive.Name == disk.Name }):
		case disk.Boot == 1:
			diff.Replaces = append(diff.Replaces, at.Key(disk.Name).Name("is_boot"))
		default:
			diff.Devices.DropDisks = append(diff.Devices.DropDisks, disk)
		}
	}
	return fs, nil
}

// newDisk is a data disk to add at the nth place. A volume of its name belongs to it: the disk was
// detached by other means, or a change was interrupted. Its data stays.
func (d *Driver) newDisk(
	ctx context.Context, i kind.Instance, drive profile.Drive, pool host.Pool, n int,
) (kind.NewDisk, error) {
	name := naming.Disk(i.Facts.Tenant, i.Facts.Name, drive.Name, device.DataFormat)
	disk := kind.NewDisk{Spec: device.Spec(drive, n, pool.Path+"/"+name, device.DataFormat), Pool: pool.Name,
		Size: drive.Size}
	volume, err := d.host.Volume(ctx, pool.Name, name)
	if errors.Is(err, host.ErrNoVolume) {
		return disk, nil
	}
	if err == nil {
		disk.Has, err = volume.DiskSize(device.DataFormat)
	}
	return disk, err
}

// sameSize reports whether two machines have the same processors and memory.
func sameSize(a, b profile.Machine) bool {
	return a.Sockets == b.Sockets && a.Cores == b.Cores && a.MemoryMiB == b.MemoryMiB
}

// compareMachines reports what cannot change about a machine.
func compareMachines(domainType string, have, want profile.Machine) []finding.Path {
	var replaces []finding.Path
	at := finding.At("hardware_profile")
	// Under software emulation there is no host CPU to pass on, so the host reports another type than
	// the one requested.
	if have.CPU != host.EffectiveCPU(domainType, want.CPU) {
		replaces = append(replaces, at.Name("cpu_type"))
	}
	if have.Firmware != want.Firmware {
		replaces = append(replaces, at.Name("firmware"))
	}
	if have.GPUs != want.GPUs {
		replaces = append(replaces, at.Name("gpu_count"))
	}
	if have.GPU != want.GPU {
		replaces = append(replaces, at.Name("gpu_type"))
	}
	return replaces
}

// compareDisk reports what cannot change about a disk. home is the directory that it belongs in.
func compareDisk(have host.DomainDisk, want profile.Drive, home string) []finding.Path {
	var replaces []finding.Path
	at := finding.At("storage_profile").Name("disks").Key(want.Name)
	if device.Type(have) != want.Type {
		replaces = append(replaces, at.Name("type"))
	}
	if path.Dir(have.Path) != home {
		replaces = append(replaces, at.Name("storage_tier"))
	}
	if (have.Boot == 1) != want.Boot {
		replaces = append(replaces, at.Name("is_boot"))
	}
	return replaces
}
