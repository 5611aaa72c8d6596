package provision

import (
	"context"
	"fmt"
	"math"
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
	Volume string
	Size   uint64 // bytes
}

// Compare compares an instance, as its host has it, with a blueprint. Findings are about what cannot be had at all.
func (p *Provisioner) Compare(ctx context.Context, i Instance, b Blueprint) (Diff, catalog.Findings, error) {
	var d Diff
	have, want := i.Machine, b.Machine
	// Under software emulation there is no host CPU to pass on, so the host reports another type than was asked for.
	if have.CPU != hypervisor.EffectiveCPU(i.DomainType, want.CPU) {
		d.Replaces = append(d.Replaces, catalog.At("hardware_profile").Name("cpu_type"))
	}
	have.CPU = want.CPU
	d.Restart = have != want
	if i.Facts.Customized.Digest != b.Customization.Digest() {
		d.Replaces = append(d.Replaces, catalog.At("customization"))
	}
	if !sameNICs(i.NICs, b.NICs) {
		d.Replaces = append(d.Replaces, catalog.At("network_profile"))
	}
	var fs catalog.Findings
	if len(i.Disks) != len(b.Drives) {
		d.Replaces = append(d.Replaces, catalog.At("storage_profile"))
		return d, nil, nil
	}
	for _, drive := range b.Drives {
		n := slices.IndexFunc(i.Disks, func(disk hypervisor.DomainDisk) bool { return disk.Name == drive.Name })
		if n < 0 || (n == 0) != drive.System {
			d.Replaces = append(d.Replaces, catalog.At("storage_profile"))
			return d, nil, nil
		}
		volume, err := p.host.Volume(ctx, p.library.Pool(), volumeOfPath(i.Disks[n].Path))
		if err != nil {
			return d, nil, err
		}
		switch {
		case drive.Size > volume.Capacity:
			d.Grows = append(d.Grows, Growth{Disk: i.Disks[n], Volume: volume.Name, Size: drive.Size})
		case drive.Size < volume.Capacity:
			fs.Add(catalog.At("storage_profile").Name("disks").Key(drive.Name).Name("size_gb"), "Disk would shrink", fmt.Sprintf(
				"Disk %q of instance %q has %.4g GiB and cannot shrink to %.4g: its file system would be cut off. Set size_gb to at "+
					"least %d, or make a new instance.", drive.Name, i.Facts.Name, gib(volume.Capacity), gib(drive.Size),
				int(math.Ceil(gib(volume.Capacity)))))
		}
	}
	return d, fs, nil
}

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }

// sameNICs compares network cards by name; one whose address is left to chance keeps the one it has.
func sameNICs(have, want []catalog.NIC) bool {
	if len(have) != len(want) {
		return false
	}
	for _, w := range want {
		n := slices.IndexFunc(have, func(h catalog.NIC) bool { return h.Name == w.Name })
		if n < 0 {
			return false
		}
		if w.MAC == "" || strings.EqualFold(w.MAC, have[n].MAC) {
			w.MAC = have[n].MAC
		}
		if w != have[n] {
			return false
		}
	}
	return true
}
