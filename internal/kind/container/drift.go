package container

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Drift implements kind.Driver.
func (d *Driver) Drift(i kind.Instance, b kind.Blueprint) []kind.Drift {
	var all []kind.Drift
	differs := func(at finding.Path, is any, same bool) {
		if !same {
			all = append(all, kind.Drift{Path: at, Is: is})
		}
	}
	hardware, have, want := finding.At("hardware_profile"), definedOf(i), partOf(b).machine
	if wanted := vcpus(want); have.vcpus%want.Cores == 0 {
		differs(hardware.Name("cpu_count"), int64(have.vcpus/want.Cores), have.vcpus == wanted)
	} else {
		differs(hardware.Name("cpu_cores"), int64(have.vcpus), false)
	}
	differs(hardware.Name("memory_mb"), int64(have.memoryMiB), have.memoryMiB == want.MemoryMiB)
	all = append(all, kind.DriftOfNICs(i.NICs, b.NICs)...)
	for n, w := range b.Drives {
		at := finding.At("storage_profile").Name("disks").Key(w.Name)
		if n == 0 && have.fresh {
			differs(at.Name("size_gb"), int64(have.memory>>30), have.memory == w.Size)
			continue
		}
		if !slices.ContainsFunc(i.Disks, func(h host.DomainDisk) bool { return h.Name == w.Name }) {
			all = append(all, kind.Drift{Path: at.Name("size_gb"), Is: int64(0), Lost: w.System})
		}
	}
	return all
}

// Overrides implements kind.Driver. What the container is told beyond its version is not among them,
// because secrets are part of it: its configuration says it.
func (d *Driver) Overrides(ctx context.Context, i kind.Instance, version catalog.Version) (kind.Overrides, error) {
	var o kind.Overrides
	hardware, storage := kind.Driven(version.Spec, metadata.SettingValues(i.Facts.Parameters))
	own, machine := definedOf(i), hardware.Machine()
	o.Container = toldOf(noteOf(i).Told, "container") != settingsDigest(version.Spec.Container, version.Root)
	if own.vcpus != vcpus(machine) {
		machine.Sockets, machine.Cores = own.vcpus, 1
	}
	machine.MemoryMiB = own.memoryMiB
	o.Hardware = machine.Beyond(hardware)
	o.Network = profile.NetworkBeyond(i.NICs, version.Spec.Network)
	tiers := map[string]string{} // of the version's disks
	for _, drive := range storage.Drives() {
		tiers[drive.Name] = drive.Tier
	}
	told, err := d.configuration(ctx, i)
	if err != nil {
		return o, err
	}
	drives := make([]profile.Drive, len(i.Disks))
	for n, disk := range i.Disks {
		size, err := d.sizeOf(ctx, i, disk, n == 0)
		if err != nil {
			return o, err
		}
		tier, err := d.volumes.Tier(ctx, disk, tiers[disk.Name])
		if err != nil {
			return o, err
		}
		drives[n] = profile.Drive{Name: disk.Name, Size: size, System: n == 0, Boot: n == 0, Tier: tier}
		for _, mounted := range told.Disks {
			if mounted.Name == disk.Name {
				drives[n].MountPath = mounted.Path
			}
		}
	}
	o.Storage = profile.StorageBeyond(drives, storage, kind.DefaultOverlay)
	return o, nil
}

// sizeOf is the size of a disk in bytes, or of the memory in place of the system disk.
func (d *Driver) sizeOf(ctx context.Context, i kind.Instance, disk host.DomainDisk, system bool) (uint64, error) {
	if own := definedOf(i); system && own.fresh {
		return own.memory, nil
	}
	return i.SizeOf(ctx, d.volumes, disk)
}

// configuration is what the container is told now. A container without one is told nothing.
func (d *Driver) configuration(ctx context.Context, i kind.Instance) (initd.Config, error) {
	name := naming.Configuration(i.Facts.Tenant, i.Facts.Name)
	text, err := d.host.ReadVolume(ctx, d.volumes.Pool(), name, configLimit)
	if errors.Is(err, host.ErrNoVolume) {
		return initd.Config{}, nil
	}
	if err != nil {
		return initd.Config{}, err
	}
	config, err := initd.ParseConfig(text)
	if _, broken := errors.AsType[*initd.ConfigError](err); broken {
		return initd.Config{}, nil // it is written again with the next change
	}
	if err != nil {
		return config, fmt.Errorf("reading volume %q: %w", name, err)
	}
	return config, nil
}

// configLimit is more than the volume of a configuration has, bytes.
const configLimit = initd.MaxConfig + configSize
