package provision

import (
	"context"
	"fmt"
	"math"
	"path"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Diff tells what it takes to make an instance what a blueprint says.
type Diff struct {
	Restarts []Restart      // why a running guest must be shut down and started again
	Replaces []finding.Path // what can only be had by making the instance anew
	Grows    []Growth
	Devices  Devices
}

// Restart is a change that a guest does not take while it runs.
type Restart struct {
	At  finding.Path
	Why string // a sentence; "" where the attribute says it all
}

// Restart tells whether a running guest must be shut down and started again.
func (d Diff) Restart() bool { return len(d.Restarts) > 0 }

// Growth is a disk that becomes larger.
type Growth struct {
	Disk   host.DomainDisk
	Volume host.Volume
	Size   uint64 // bytes
}

// Compare compares an instance, as its host has it, with a blueprint. Findings are about what cannot be had at all.
func (p *Provisioner) Compare(ctx context.Context, i Instance, b Blueprint) (Diff, finding.List, error) {
	d := Diff{Replaces: compareMachines(i.DomainType, i.Machine, b.Machine)}
	if !sameShape(i.Machine, b.Machine) {
		d.Restarts = []Restart{{At: finding.At("hardware_profile")}}
	}
	if i.renamed() {
		d.Restarts = append(d.Restarts, Restart{At: finding.At("domain_name"), Why: fmt.Sprintf("The domain was renamed to "+
			"%q, and only a domain that is switched off can be renamed.", i.DomainName)})
	}
	if i.Facts.Customized.Digest != b.Customization.Digest() {
		d.Replaces = append(d.Replaces, finding.At("customization"))
	}
	replaces, devices := compareNICs(i.NICs, b.NICs)
	for n, nic := range devices.AddNICs { // somebody may have taken it away, and the guest may know it by this
		if nic.MAC == "" {
			devices.AddNICs[n].MAC = metadata.NotedMAC(i.Facts.MACs, nic.Name)
		}
	}
	d.Replaces, d.Devices = append(d.Replaces, replaces...), devices
	// The system disk is what the instance is.
	if len(i.Disks) == 0 || len(b.Drives) == 0 || i.Disks[0].Name != b.Drives[0].Name {
		d.Replaces = append(d.Replaces, finding.At("storage_profile"))
		return d, nil, nil
	}
	targets := slices.Clone(i.targets)
	var live host.Hardware
	if i.Running() {
		var err error
		if live, err = p.host.Hardware(ctx, i.UUID); err != nil {
			return d, nil, err
		}
		for _, disk := range live.Disks {
			targets = append(targets, disk.Target)
		}
	}
	fs, err := p.compareDisks(ctx, &d, i, b.Drives, placesOf(targets))
	if err == nil && i.Running() {
		d.compareLive(i, b, live)
	}
	return d, fs, err
}

// compareDisks compares the disks, which go by their names. Those that come get places that are free.
func (p *Provisioner) compareDisks(ctx context.Context, d *Diff, i Instance, want []profile.Drive, places places) (finding.List, error) {
	var fs finding.List
	at := finding.At("storage_profile").Name("disks")
	for _, drive := range want {
		pool, err := p.volumes.Home(ctx, drive)
		if err != nil {
			return fs, err
		}
		n := slices.IndexFunc(i.Disks, func(disk host.DomainDisk) bool { return disk.Name == drive.Name })
		if n < 0 && drive.Boot {
			d.Replaces = append(d.Replaces, at.Key(drive.Name).Name("is_boot"))
			continue
		}
		if n < 0 {
			disk, err := p.newDisk(ctx, i, drive, pool, places.next())
			if err != nil {
				return fs, err
			}
			d.Devices.AddDisks = append(d.Devices.AddDisks, disk)
			refuseShrinking(&fs, i, drive, disk.Has)
			continue
		}
		d.Replaces = append(d.Replaces, compareDisk(i.Disks[n], drive, path.Clean(pool.Path))...)
		volume, err := p.volumes.Volume(ctx, i.Disks[n])
		if err != nil {
			return fs, err
		}
		has, err := volume.DiskSize(i.Disks[n].Format)
		if err != nil {
			fs.Add(at.Key(drive.Name), "Disk is not what it is defined as", fmt.Sprintf("Disk %q of instance %q cannot be "+
				"changed: %v. It was replaced: restore the disk, or create a new instance.", drive.Name, i.Facts.Name, err))
			continue
		}
		if drive.Size > has {
			d.Grows = append(d.Grows, Growth{Disk: i.Disks[n], Volume: volume, Size: drive.Size})
		}
		refuseShrinking(&fs, i, drive, has)
	}
	for _, disk := range i.Disks {
		switch {
		case slices.ContainsFunc(want, func(drive profile.Drive) bool { return drive.Name == disk.Name }):
		case disk.Boot == 1:
			d.Replaces = append(d.Replaces, at.Key(disk.Name).Name("is_boot"))
		default:
			d.Devices.DropDisks = append(d.Devices.DropDisks, disk)
		}
	}
	return fs, nil
}

// refuseShrinking finds a disk of that many bytes that would become smaller.
func refuseShrinking(fs *finding.List, i Instance, drive profile.Drive, has uint64) {
	if drive.Size >= has {
		return
	}
	fs.Add(finding.At("storage_profile").Name("disks").Key(drive.Name).Name("size_gb"), "Disk would shrink", fmt.Sprintf(
		"Disk %q of instance %q has %.4g GiB and cannot shrink to %.4g: its file system would be cut off. Set size_gb to at "+
			"least %d, or create a new instance.", drive.Name, i.Facts.Name, gib(has), gib(drive.Size), int(math.Ceil(gib(has)))))
}

// sameShape tells whether two machines have the same processors and memory.
func sameShape(a, b profile.Machine) bool {
	return a.Sockets == b.Sockets && a.Cores == b.Cores && a.MemoryMiB == b.MemoryMiB
}

// compareMachines finds what of a machine cannot change.
func compareMachines(domainType string, have, want profile.Machine) []finding.Path {
	var replaces []finding.Path
	at := finding.At("hardware_profile")
	// Under software emulation there is no host CPU to pass on, so the host reports another type than was asked for.
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

// compareDisk finds what of a disk cannot change. home is the directory that it belongs in.
func compareDisk(have host.DomainDisk, want profile.Drive, home string) []finding.Path {
	var replaces []finding.Path
	at := finding.At("storage_profile").Name("disks").Key(want.Name)
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

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
