package provision

import (
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// Diff tells what it takes to make an instance what a blueprint says.
type Diff struct {
	Restart  bool           // a running guest must be shut down and started again
	Replaces []catalog.Path // what can only be had by making the instance anew
	Grows    []Growth
}

// Growth is a disk that becomes larger.
type Growth struct {
	Disk   hypervisor.DomainDisk
	Volume hypervisor.Volume
	Size   uint64 // bytes
}

// Compare compares an instance, as its host has it, with a blueprint. Findings are about what cannot be had at all.
func (p *Provisioner) Compare(ctx context.Context, i Instance, b Blueprint) (Diff, catalog.Findings, error) {
	d := Diff{Replaces: compareMachines(i.DomainType, i.Machine, b.Machine)}
	have, want := i.Machine, b.Machine
	d.Restart = have.Sockets != want.Sockets || have.Cores != want.Cores || have.MemoryMiB != want.MemoryMiB
	if i.Facts.Customized.Digest != b.Customization.Digest() {
		d.Replaces = append(d.Replaces, catalog.At("customization"))
	}
	d.Replaces = append(d.Replaces, compareNICs(i.NICs, b.NICs)...)
	if len(i.Disks) != len(b.Drives) {
		d.Replaces = append(d.Replaces, catalog.At("storage_profile"))
		return d, nil, nil
	}
	var fs catalog.Findings
	for _, drive := range b.Drives {
		n := slices.IndexFunc(i.Disks, func(disk hypervisor.DomainDisk) bool { return disk.Name == drive.Name })
		if n < 0 || (n == 0) != drive.System {
			d.Replaces = append(d.Replaces, catalog.At("storage_profile"))
			return d, nil, nil
		}
		home, err := p.homePath(ctx, drive)
		if err != nil {
			return d, nil, err
		}
		d.Replaces = append(d.Replaces, compareDisk(i.Disks[n], drive, home)...)
		volume, err := p.diskVolumeOf(ctx, i.Disks[n])
		if err != nil {
			return d, nil, err
		}
		switch {
		case drive.Size > volume.Capacity:
			d.Grows = append(d.Grows, Growth{Disk: i.Disks[n], Volume: volume, Size: drive.Size})
		case drive.Size < volume.Capacity:
			fs.Add(catalog.At("storage_profile").Name("disks").Key(drive.Name).Name("size_gb"), "Disk would shrink", fmt.Sprintf(
				"Disk %q of instance %q has %.4g GiB and cannot shrink to %.4g: its file system would be cut off. Set size_gb to at "+
					"least %d, or make a new instance.", drive.Name, i.Facts.Name, gib(volume.Capacity), gib(drive.Size),
				int(math.Ceil(gib(volume.Capacity)))))
		}
	}
	return d, fs, nil
}

// compareMachines finds what of a machine cannot change.
func compareMachines(domainType string, have, want catalog.Machine) []catalog.Path {
	var replaces []catalog.Path
	at := catalog.At("hardware_profile")
	// Under software emulation there is no host CPU to pass on, so the host reports another type than was asked for.
	if have.CPU != hypervisor.EffectiveCPU(domainType, want.CPU) {
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

// compareDisk finds what of a disk cannot change. home is the directory that it belongs in.
func compareDisk(have hypervisor.DomainDisk, want catalog.Drive, home string) []catalog.Path {
	var replaces []catalog.Path
	at := catalog.At("storage_profile").Name("disks").Key(want.Name)
	if diskType(have) != want.Type {
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

// compareNICs finds what of the network cards, which go by their names, cannot change. One whose MAC address is left to
// chance keeps the one it has.
func compareNICs(have, want []catalog.NIC) []catalog.Path {
	profile := catalog.At("network_profile")
	var replaces []catalog.Path
	for _, w := range want {
		n := slices.IndexFunc(have, func(h catalog.NIC) bool { return h.Name == w.Name })
		if n < 0 || len(have) != len(want) {
			return []catalog.Path{profile}
		}
		h, at := have[n], profile.Name("interfaces").Key(w.Name)
		for _, field := range []struct {
			path catalog.Path
			same bool
		}{
			{at.Name("type"), h.Model == w.Model},
			{at.Name("network"), h.Network == w.Network},
			{at.Name("bridge"), h.Bridge == w.Bridge},
			{at.Name("vlan"), h.VLAN == w.VLAN},
			{at.Name("mac_address"), w.MAC == "" || strings.EqualFold(h.MAC, w.MAC)},
			{at.Name("ip_configuration"), h.IP.Equal(w.IP)},
			{profile.Name("default_network_policies"), h.Filter == w.Filter},
		} {
			if !field.same {
				replaces = append(replaces, field.path)
			}
		}
	}
	if len(have) > 0 && len(want) == 0 {
		return []catalog.Path{profile}
	}
	return replaces
}

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
