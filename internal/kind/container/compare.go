package container

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// change is what a Diff has for this driver.
type change struct {
	blueprint kind.Blueprint // with the MAC addresses of its interfaces
	tell      bool           // the container is to be told again
	memory    bool           // what it writes to has another size
}

// whyTold says why what a container is told takes effect when it starts.
const whyTold = "A container is told its settings when it starts."

// whyUncertain says why a container is told again what it may have been told.
const whyUncertain = "An earlier change of what the container is told was not completed, so it is told again."

// Compare implements kind.Driver.
func (d *Driver) Compare(ctx context.Context, i kind.Instance, b kind.Blueprint) (kind.Diff, finding.List, error) {
	own, p, note := definedOf(i), partOf(b), noteOf(i)
	var diff kind.Diff
	restart := func(at finding.Path, why string) {
		diff.Restarts = append(diff.Restarts, kind.Restart{At: at, Why: why})
	}
	if note.System != p.system {
		diff.Replaces = append(diff.Replaces, finding.At("container").Name("init"))
	}
	if note.Privileged != p.privileged { // the container's files belong to other users
		diff.Replaces = append(diff.Replaces, finding.At("container").Name("privileged"))
	}
	if own.vcpus != vcpus(p.machine) || own.memoryMiB != p.machine.MemoryMiB {
		restart(finding.At("hardware_profile"), "")
	}
	more := change{blueprint: b}
	more.blueprint.NICs = kind.WithMACs(b.NICs, i)
	replaces, devices := compareNICs(i, b.NICs, more.blueprint.NICs)
	diff.Replaces, diff.Devices = append(diff.Replaces, replaces...), devices
	d.compareTold(&diff, &more, i, b)
	if len(i.Disks) == 0 || len(b.Drives) == 0 || i.Disks[0].Name != b.Drives[0].Name || own.fresh != p.fresh {
		diff.Replaces = append(diff.Replaces, finding.At("storage_profile"))
		return diff, nil, nil
	}
	if own.fresh && own.memory != b.Drives[0].Size {
		more.memory = true
		restart(finding.At("storage_profile").Name("disks").Key(b.Drives[0].Name).Name("size_gb"),
			"What a container writes to memory is limited when it starts.")
	}
	fs, err := d.compareDisks(ctx, &diff, i, b.Drives)
	if !diff.Devices.None() { // the container is told which disks and interfaces it has
		more.tell = true
	}
	if note.System && i.State == host.StateRunning {
		for _, g := range diff.Grows {
			restart(finding.At("storage_profile").Name("disks").Key(g.Disk.Name),
				"The disks of a system grow when it starts.")
		}
	}
	diff.Part, diff.Tells = more, more.tell
	return diff, fs, err
}

// compareTold finds out whether the container is to be told something else than it was. A system is
// told once what cloud-init does.
func (d *Driver) compareTold(diff *kind.Diff, more *change, i kind.Instance, b kind.Blueprint) {
	p := partOf(b)
	if p.system && i.Facts.Customized.Digest != b.Told() {
		diff.Replaces = append(diff.Replaces, finding.At("customization"))
	}
	if p.told == nil { // something is wrong
		return
	}
	note, why := noteOf(i), whyTold
	by := changed(note.Told, p.told)
	if !note.Certain() {
		// A system's parameters are noted all the same.
		by, why = slices.DeleteFunc(by, func(by string) bool { return by != "parameters" || !p.system }), whyUncertain
		by = append(by, "container")
	}
	if b.Retold && b.Secret() && !slices.Contains(by, "parameters") {
		by = append(by, "parameters")
	}
	for _, attribute := range by {
		at := finding.At(attribute)
		if p.system && attribute == "parameters" {
			diff.Replaces = append(diff.Replaces, at)
			continue
		}
		more.tell = true
		diff.Restarts = append(diff.Restarts, kind.Restart{At: at, Why: why})
	}
}

// compareNICs compares interfaces by their names. settled are those that are wanted, with the MAC
// addresses that they have or get.
func compareNICs(i kind.Instance, want, settled []profile.NIC) (replaces []finding.Path, d kind.Devices) {
	interfaces := finding.At("network_profile").Name("interfaces")
	for k, w := range want {
		n := slices.IndexFunc(i.NICs, func(h profile.NIC) bool { return h.Name == w.Name })
		if n < 0 {
			d.AddNICs = append(d.AddNICs, settled[k])
			continue
		}
		h := i.NICs[n]
		if w.MAC != "" && !strings.EqualFold(h.MAC, w.MAC) {
			replaces = append(replaces, interfaces.Key(w.Name).Name("mac_address"))
			continue
		}
		if h.Network != w.Network || h.Bridge != w.Bridge || h.Filter != w.Filter {
			d.Reconnects = append(d.Reconnects, settled[k])
		}
	}
	for _, h := range i.NICs {
		if h.Name != "" && !slices.ContainsFunc(want, func(w profile.NIC) bool { return w.Name == h.Name }) {
			d.DropNICs = append(d.DropNICs, h.Name)
		}
	}
	return replaces, d
}

// compareDisks compares the disks by their names.
func (d *Driver) compareDisks(
	ctx context.Context, diff *kind.Diff, i kind.Instance, want []profile.Drive,
) (finding.List, error) {
	var fs finding.List
	at := finding.At("storage_profile").Name("disks")
	for _, drive := range want {
		pool, err := d.volumes.Home(ctx, drive)
		if err != nil {
			return fs, err
		}
		n := slices.IndexFunc(i.Disks, func(disk host.DomainDisk) bool { return disk.Name == drive.Name })
		if n < 0 {
			disk, err := d.newDisk(ctx, i, drive, pool)
			if err != nil {
				return fs, err
			}
			diff.Devices.AddDisks = append(diff.Devices.AddDisks, disk)
			i.RefuseShrinking(&fs, drive, disk.Has)
			continue
		}
		if path.Dir(i.Disks[n].Path) != path.Clean(pool.Path) {
			diff.Replaces = append(diff.Replaces, at.Key(drive.Name).Name("storage_tier"))
		}
		if drive.System && definedOf(i).fresh {
			continue // its volume only holds places to mount at
		}
		volume, err := d.volumes.Volume(ctx, i.Disks[n])
		if err != nil {
			return fs, err
		}
		has, err := volume.DiskSize("raw")
		if err != nil {
			return fs, err
		}
		if drive.Size > has {
			diff.Grows = append(diff.Grows, kind.Growth{Disk: i.Disks[n], Volume: volume, Size: drive.Size})
		}
		i.RefuseShrinking(&fs, drive, has)
	}
	for _, disk := range i.Disks {
		if !slices.ContainsFunc(want, func(drive profile.Drive) bool { return drive.Name == disk.Name }) {
			diff.Devices.DropDisks = append(diff.Devices.DropDisks, disk)
		}
	}
	return fs, nil
}

// newDisk is a data disk to add. A volume of its name belongs to it: a change was interrupted, or the
// disk was taken away by other means. Its data stays.
func (d *Driver) newDisk(
	ctx context.Context, i kind.Instance, drive profile.Drive, pool host.Pool,
) (kind.NewDisk, error) {
	name := diskVolume(i.Facts.Tenant, i.Facts.Name, drive.Name)
	disk := kind.NewDisk{
		Spec: host.DiskSpec{Name: drive.Name, Path: volumePath(pool.Path, name), Format: "raw"}, Pool: pool.Name,
		Size: drive.Size,
	}
	volume, err := d.host.Volume(ctx, pool.Name, name)
	if errors.Is(err, host.ErrNoVolume) {
		return disk, nil
	}
	if err == nil {
		disk.Has, err = volume.DiskSize("raw")
	}
	return disk, err
}
