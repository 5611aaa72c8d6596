package hypervisor

import (
	"fmt"
	"strings"

	"libvirt.org/go/libvirtxml"
)

// DiskSpec describes a disk.
type DiskSpec struct {
	Name   string // letters, digits, _ and -; the guest sees its first 20 bytes as serial
	Target string // vda, vdb, … for virtio-blk; sdb, sdc, … for virtio-scsi, where sda is the seed
	Path   string // of the volume on the host
	Format string // raw or qcow2
	// Rotation is what the guest is told of how the disk is made: 1 for one without
	// moving parts, or revolutions a minute (the rotation rate of the SCSI page Block
	// Device Characteristics). Such a disk is attached by virtio-scsi. 0 says nothing,
	// and is attached as virtio-blk, which has no way to say it.
	Rotation uint
	// KeepsDiscarded leaves blocks that the guest discards where they are; else they
	// are given back to the pool.
	KeepsDiscarded bool
	Boot           uint        // the place in the order of disks to boot from, from 1; 0 for none
	PCI            *PCIAddress // of virtio-blk in the guest; nil leaves it to libvirt
}

func checkDisk(d DiskSpec) error {
	if !aliasName.MatchString(d.Name) {
		return fmt.Errorf("disk name %q: only letters, digits, _ and - are possible", d.Name)
	}
	if d.Format != "raw" && d.Format != "qcow2" { // else the host would look for it in what the guest has written
		return fmt.Errorf("disk %q: its format is %q, and raw and qcow2 are possible", d.Name, d.Format)
	}
	return nil
}

// scsiTarget is the number of a target sda, sdb, …: guests name disks in the order of their SCSI targets, but not of
// units of one target. So a disk's number never depends on the others. Target 0 is the seed's.
func scsiTarget(dev string) uint {
	var n uint
	for _, letter := range strings.TrimPrefix(dev, "sd") {
		n = 26*n + uint(letter-'a') + 1
	}
	return n - 1
}

func diskDevice(d DiskSpec) libvirtxml.DomainDisk {
	disk := libvirtxml.DomainDisk{
		Device:  "disk",
		Driver:  &libvirtxml.DomainDiskDriver{Name: "qemu", Type: d.Format, Discard: "unmap"},
		Source:  diskSource(d.Path),
		Target:  &libvirtxml.DomainDiskTarget{Dev: d.Target, Bus: "virtio"},
		Serial:  d.Name,
		Alias:   &libvirtxml.DomainAlias{Name: string(DiskID(d.Name))},
		Address: deviceAddress(d.PCI),
	}
	if d.KeepsDiscarded {
		disk.Driver.Discard = "ignore"
	}
	if d.Rotation > 0 {
		// libvirt would spread more than seven disks over controllers of a model that
		// guests have no driver for.
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

// seedDevice is optional at start: a guest that has read its seed starts also where somebody removed it.
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

// diskSource tells the block devices of logical and similar pools from files.
func diskSource(path string) *libvirtxml.DomainDiskSource {
	if strings.HasPrefix(path, "/dev/") {
		return &libvirtxml.DomainDiskSource{Block: &libvirtxml.DomainDiskSourceBlock{Dev: path}}
	}
	return &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: path}}
}
