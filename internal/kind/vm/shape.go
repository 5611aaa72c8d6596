package vm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
)

// Shape implements kind.Resumer.
func (d *Driver) Shape(ctx context.Context, b kind.Blueprint) (catalog.Shape, error) {
	domainType, err := d.domainTypeFor(ctx)
	if err != nil {
		return catalog.Shape{}, err
	}
	info, err := d.inventory.Info(ctx)
	if err != nil {
		return catalog.Shape{}, err
	}
	shape := shapeOf(b)
	shape.Host, shape.DomainType = info.Hostname, domainType
	return shape, nil
}

// shapeOf is the shape of a blueprint, without what only the host knows.
func shapeOf(b kind.Blueprint) catalog.Shape {
	m, system := PartOf(b).Machine, b.Drives[0]
	shape := catalog.Shape{
		Sockets:   m.Sockets,
		Cores:     m.Cores,
		CPU:       m.CPU,
		MemoryMiB: m.MemoryMiB,
		Firmware:  m.Firmware,
		Disk:      catalog.ShapeDisk{Name: system.Name, Type: system.Type, Size: system.Size},
	}
	for _, nic := range b.NICs {
		shape.Interfaces = append(shape.Interfaces, catalog.ShapeNIC{Name: nic.Name, Model: nic.Model})
	}
	return shape
}

// Engine implements kind.Resumer.
func (d *Driver) Engine(ctx context.Context) (catalog.Engine, error) {
	info, err := d.inventory.Info(ctx)
	return catalog.Engine{Hypervisor: info.HypervisorVersion, CPU: info.CPUDigest}, err
}

// CheckWarm implements kind.Resumer.
func (d *Driver) CheckWarm(b kind.Blueprint) finding.List {
	var fs finding.List
	m, hardware := PartOf(b).Machine, finding.At("hardware_profile")
	if m.Firmware == profile.EFI {
		fs.Add(hardware.Name("firmware"), "EFI cannot be resumed", "The variables of EFI firmware are in a file of "+
			"the snapshot's guest, which a resumed guest would share: use bios, or leave warm out.")
	}
	if m.GPUs > 0 {
		fs.Add(hardware.Name("gpu_count"), "GPUs cannot be resumed", "QEMU does not save the state of a host's "+
			"device: leave gpu_count out of the hardware of the snapshot, or leave warm out.")
	}
	return fs
}

// CheckShape implements kind.Resumer.
func (d *Driver) CheckShape(b, snapshot kind.Blueprint) finding.List {
	var fs finding.List
	asked, has, hardware := shapeOf(b), shapeOf(snapshot), finding.At("hardware_profile")
	differ := func(at finding.Path, what string, is, wanted any) {
		if is != wanted {
			fs.Add(at, "Snapshot has other hardware", fmt.Sprintf("A resumed guest has %s of its snapshot (%v), "+
				"not %v: ask for the same, or use another strategy, such as linked_clone.", what, is, wanted))
		}
	}
	differ(hardware.Name("memory_mb"), "the memory", mib(has.MemoryMiB), mib(asked.MemoryMiB))
	differ(hardware.Name("cpu_count"), "the sockets", has.Sockets, asked.Sockets)
	differ(hardware.Name("cpu_cores"), "the cores", has.Cores, asked.Cores)
	differ(hardware.Name("cpu_type"), "the processor", has.CPU, asked.CPU)
	differ(hardware.Name("firmware"), "the firmware", has.Firmware, asked.Firmware)
	if has.Firmware == profile.EFI && asked.Firmware == profile.EFI {
		fs.Add(hardware.Name("firmware"), "EFI cannot be resumed", "The variables of EFI firmware are in a file that "+
			"a resumed guest would share with others: use bios, or another strategy, such as linked_clone.")
	}
	if !b.Drives[0].Boot {
		fs.Add(finding.At("storage_profile").Name("disks"), "Snapshot starts from its system disk", "A resumed guest "+
			"starts from its system disk whenever it boots, and here another disk has is_boot: leave it out, or use "+
			"another strategy, such as linked_clone.")
	}
	if PartOf(b).Machine.GPUs > 0 {
		fs.Add(hardware.Name("gpu_count"), "GPUs cannot be resumed", "QEMU does not save the state of a host's "+
			"device, so a resumed guest can have none: leave gpu_count out, or use another strategy, such as "+
			"linked_clone.")
	}
	return append(append(fs, checkSystemDisk(asked.Disk, has.Disk)...), checkCards(asked.Interfaces, has.Interfaces)...)
}

// NeedsBoot implements kind.Resumer.
func (d *Driver) NeedsBoot(b kind.Blueprint) finding.List {
	var fs finding.List
	p, system := PartOf(b), "/dev/"+device.Spec(b.Drives[0], 0, "", "").Target
	warn := func(at finding.Path, asks []string) {
		if len(asks) > 0 {
			fs.Add(at, "Resumed guests do not boot", fmt.Sprintf("The guest is resumed without a boot, and %s has its "+
				"effect only at a boot: at the guest's next one, or not at all. Use another strategy, such as "+
				"linked_clone, or do it in the image.", strings.Join(asks, ", ")))
		}
	}
	warn(finding.At("strategy"), cloudinit.NeedsBoot(p.UserData, system))
	if p.Customization == nil {
		return fs
	}
	customization := finding.At("customization")
	warn(customization.Name("user_data"), cloudinit.NeedsBoot(p.Customization.UserData, system))
	for _, path := range slices.Sorted(maps.Keys(p.Customization.Files)) {
		if cloudinit.HasKernelArguments(path) {
			warn(customization.Name("files").Key(path), []string{path})
		}
	}
	return fs
}

func mib(n uint64) string { return fmt.Sprintf("%d MiB", n) }

// checkSystemDisk compares the system disk with that of a snapshot. It may be larger.
func checkSystemDisk(asked, has catalog.ShapeDisk) finding.List {
	var fs finding.List
	disk := finding.At("storage_profile").Name("disks").Key(asked.Name)
	const summary = "Snapshot has another disk"
	switch {
	case asked.Name != has.Name:
		fs.Add(disk, summary, fmt.Sprintf("A resumed guest has the system disk of its snapshot, %q, and this one is "+
			"called %q: use the name of the snapshot's.", has.Name, asked.Name))
	case asked.Type != has.Type:
		fs.Add(disk.Name("type"), summary, fmt.Sprintf("A resumed guest has a system disk of the type of its "+
			"snapshot's (%s), not %s: leave it out, or use another strategy, such as linked_clone.",
			orNone(has.Type), orNone(asked.Type)))
	case asked.Size < has.Size && !profile.SameSize(asked.Size, has.Size):
		fs.Add(disk.Name("size_gb"), summary, fmt.Sprintf("A resumed guest has the system disk of its snapshot, of "+
			"%.1f GiB, or a larger one, and this one has %.1f GiB: leave it out, or use another strategy, such as "+
			"linked_clone.", kind.GiB(has.Size), kind.GiB(asked.Size)))
	}
	return fs
}

func orNone(diskType string) string {
	if diskType == "" {
		return "none"
	}
	return diskType
}

// checkCards compares interfaces with those of a snapshot. There may be more.
func checkCards(asked, has []catalog.ShapeNIC) finding.List {
	var fs finding.List
	interfaces := finding.At("network_profile").Name("interfaces")
	for _, card := range has {
		at, found := interfaces.Key(card.Name), false
		for _, nic := range asked {
			if nic.Name != card.Name {
				continue
			}
			found = true
			if nic.Model != card.Model {
				fs.Add(at.Name("type"), "Snapshot has another interface", fmt.Sprintf("A resumed guest has the "+
					"interfaces of its snapshot, where %q is of the type %s, not %s: leave it out, or use another "+
					"strategy, such as linked_clone.", card.Name, card.Model, nic.Model))
			}
		}
		if !found {
			var names []string
			for _, card := range has {
				names = append(names, card.Name)
			}
			fs.Add(interfaces, "Snapshot has another interface", fmt.Sprintf("A resumed guest has the interfaces of "+
				"its snapshot (%s), and %q is not among these: add it, or use another strategy, such as linked_clone.",
				strings.Join(names, ", "), card.Name))
		}
	}
	return fs
}
