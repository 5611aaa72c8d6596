package domain

import (
	"fmt"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func checkDisk(d host.DiskSpec) error {
	if !aliasName.MatchString(d.Name) {
		return fmt.Errorf("disk name %q: only letters, digits, _ and - are possible", d.Name)
	}
	if d.Format != "raw" && d.Format != "qcow2" { // otherwise the host would detect it from what the guest has written
		return fmt.Errorf("disk %q: its format is %q, and raw and qcow2 are possible", d.Name, d.Format)
	}
	return nil
}

// scsiTarget returns the number of a target sda, sdb, …: guests name disks in the order of their
// SCSI targets, but not of the units of one target. So a disk's number never depends on the others.
// Target 0 is for the seed.
func scsiTarget(dev string) uint {
	var n uint
	for _, letter := range strings.TrimPrefix(dev, "sd") {
		n = 26*n + uint(letter-'a') + 1
	}
	return n - 1
}

func diskDevice(d host.DiskSpec) libvirtxml.DomainDisk {
	disk := libvirtxml.DomainDisk{
		Device:  "disk",
		Driver:  &libvirtxml.DomainDiskDriver{Name: "qemu", Type: d.Format, Discard: "unmap"},
		Source:  diskSource(d.Path),
		Target:  &libvirtxml.DomainDiskTarget{Dev: d.Target, Bus: "virtio"},
		Serial:  d.Name,
		Alias:   &libvirtxml.DomainAlias{Name: string(host.DiskID(d.Name))},
		Address: deviceAddress(d.PCI),
	}
	if d.KeepsDiscarded {
		disk.Driver.Discard = "ignore"
	}
	if d.Rotation > 0 {
		// libvirt would spread more than seven disks over controllers of a model for which guests have no
		// driver.
		first, target := uint(0), scsiTarget(d.Target)
		disk.Target.Bus, disk.Target.RotationRate = "scsi", d.Rotation
		disk.Address = &libvirtxml.DomainAddress{Drive: &libvirtxml.DomainAddressDrive{
			Controller: &first, Bus: &first, Target: &target, Unit: &first,
		}}
	}
	if d.Boot > 0 {
		disk.Boot = &libvirtxml.DomainDeviceBoot{Order: d.Boot}
	}
	return disk
}

// seedDevice is optional at start: a guest that has read its seed also starts after the seed was
// removed.
func seedDevice(path string) libvirtxml.DomainDisk {
	source := diskSource(path)
	source.StartupPolicy = "optional"
	return libvirtxml.DomainDisk{
		Device:   "cdrom",
		Driver:   &libvirtxml.DomainDiskDriver{Name: "qemu", Type: "raw"},
		Source:   source,
		Target:   &libvirtxml.DomainDiskTarget{Dev: "sda", Bus: "scsi"},
		ReadOnly: &libvirtxml.DomainDiskReadOnly{},
	}
}

// diskSource distinguishes the block devices of logical and similar pools from files.
func diskSource(path string) *libvirtxml.DomainDiskSource {
	if strings.HasPrefix(path, "/dev/") {
		return &libvirtxml.DomainDiskSource{Block: &libvirtxml.DomainDiskSourceBlock{Dev: path}}
	}
	return &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: path}}
}
