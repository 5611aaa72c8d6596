package profile

import (
	"fmt"
	"maps"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Storage names an instance's disks. A nil map sets nothing: it means one disk "system" of the
// default size.
type Storage struct {
	Disks map[string]Disk `json:"disks"`
}

// Disk is one virtual disk.
type Disk struct {
	SizeGB *int64  `json:"size_gb,omitempty"`      // GiB; the system disk's default is the image's size
	Type   *string `json:"type,omitempty"`         // ssd or hdd
	Tier   *string `json:"storage_tier,omitempty"` // a kind of pool, which each host maps to one of its own
	Boot   *bool   `json:"is_boot,omitempty"`      // default: the system disk
	// System says that the image goes on the disk. Default: the disk named "system", or the only one if
	// it has no mount path.
	System *bool `json:"is_system_disk,omitempty"`
	// MountPath is where a container has the disk, an absolute path; nil for machines, whose guests
	// decide.
	MountPath *string `json:"mount_path,omitempty"`
}

// Types of disks that a guest can distinguish. A disk without a type is neither: a paravirtual
// disk, which says nothing about its medium.
const (
	SSD = "ssd"
	HDD = "hdd"
)

// DiskTypes lists the types of disks.
func DiskTypes() []string { return []string{SSD, HDD} }

// SystemDisk is the name of the system disk if no disk is marked as such.
const SystemDisk = "system"

const gib = 1 << 30

// Over lays the fields that s sets over base, disk by disk and field by field.
func (s *Storage) Over(base *Storage) *Storage {
	if s == nil || s.Disks == nil {
		return base
	}
	merged := map[string]Disk{SystemDisk: {}} // the meaning of a base that sets nothing
	if base != nil && base.Disks != nil {
		merged = maps.Clone(base.Disks)
	}
	for name, over := range s.Disks {
		under := merged[name]
		merged[name] = Disk{
			SizeGB: either(over.SizeGB, under.SizeGB),
			Type:   either(over.Type, under.Type),
			Tier:   either(over.Tier, under.Tier),
			Boot:   either(over.Boot, under.Boot),
			System: either(over.System, under.System),

			MountPath: either(over.MountPath, under.MountPath),
		}
	}
	return &Storage{Disks: merged}
}

// Drive is a disk with every field filled in.
type Drive struct {
	Name   string
	Size   uint64 // bytes; 0 for a system disk that keeps its image's size
	System bool
	Type   string // ssd, hdd, or "" for neither
	Tier   string // "" for the library's own pool
	Boot   bool   // the machine starts from it

	MountPath string // where a container has it; "" for machines, and for the system disk
}

// All returns the disks by their names, with the system disk that s does not name: the one that s
// means if it sets nothing, or if all its disks have mount paths. s may be nil.
func (s *Storage) All() map[string]Disk {
	if s == nil || s.Disks == nil {
		return map[string]Disk{SystemDisk: {}}
	}
	if len(s.Disks) == 0 || systemDisk(s.Disks) != "" {
		return s.Disks
	}
	for _, d := range s.Disks {
		if d.MountPath == nil {
			return s.Disks
		}
	}
	all := maps.Clone(s.Disks)
	all[SystemDisk] = Disk{}
	return all
}

// Drives decides the disks: the system disk first, the others by name. s may be nil. Validate
// first.
func (s *Storage) Drives() []Drive {
	disks := s.All()
	system := systemDisk(disks)
	boot := bootDisk(disks, system)
	drive := func(name string) Drive {
		d := disks[name]
		return Drive{
			Name: name, Size: uint64(or(d.SizeGB, 0)) * gib, System: name == system,
			Type: or(d.Type, ""), Tier: or(d.Tier, ""), Boot: name == boot,
			MountPath: or(d.MountPath, ""),
		}
	}
	drives := []Drive{drive(system)}
	for _, name := range naming.SortedNames(disks) {
		if name != system {
			drives = append(drives, drive(name))
		}
	}
	return drives
}

// bootDisk is the name of the disk that the machine starts from, "" if there is none.
func bootDisk(disks map[string]Disk, system string) string {
	for _, name := range naming.SortedNames(disks) {
		if or(disks[name].Boot, false) {
			return name
		}
	}
	if or(disks[system].Boot, true) {
		return system
	}
	return ""
}

// systemDisk is the name of the disk that the image goes on, "" if that is not clear.
func systemDisk(disks map[string]Disk) string {
	for _, name := range naming.SortedNames(disks) {
		if or(disks[name].System, false) {
			return name
		}
	}
	for name, d := range disks {
		if (name == SystemDisk || len(disks) == 1 && d.MountPath == nil) && or(d.System, true) {
			return name
		}
	}
	return ""
}

// Validate returns findings for what is wrong; s may be nil.
func (s *Storage) Validate() finding.List {
	fs := s.ValidateDisks()
	if s == nil || s.Disks == nil {
		return fs
	}
	at := finding.At("storage_profile").Name("disks")
	if len(s.Disks) == 0 {
		fs.Add(at, "No disks", "An instance needs a system disk: leave disks out for one disk of the image's size, "+
			"or name one.")
		return fs
	}
	disks := s.All()
	system := systemDisk(disks)
	for _, name := range naming.SortedNames(s.Disks) {
		if system != "" && name != system && s.Disks[name].SizeGB == nil {
			fs.Add(at.Key(name), "Missing disk size", fmt.Sprintf("Disk %q is blank, so it needs size_gb.", name))
		}
	}
	if system == "" {
		fs.Add(at, "No system disk", "Name one disk \"system\" or set is_system_disk = true on the disk that the "+
			"image goes on.")
	} else if bootDisk(disks, system) == "" {
		fs.Add(at.Key(system).Name("is_boot"), "No boot disk",
			fmt.Sprintf("Disk %q must not be booted from, and no other "+
				"disk has is_boot = true: set it on one.", system))
	}
	return fs
}

// ValidateDisks returns findings for what is wrong no matter what profile s is laid over; s may be
// nil.
func (s *Storage) ValidateDisks() finding.List {
	var fs finding.List
	if s == nil {
		return nil
	}
	var system, boot string
	for _, name := range naming.SortedNames(s.Disks) {
		d, at := s.Disks[name], finding.At("storage_profile").Name("disks").Key(name)
		if err := naming.ValidateDeviceName(name); err != nil {
			fs.Add(at, "Invalid disk name", finding.Sentence(err))
		}
		within(&fs, at.Name("size_gb"), d.SizeGB, 1, 64<<10)
		oneOf(&fs, at.Name("type"), "Unknown disk type", d.Type, DiskTypes())
		if d.Tier != nil && strings.TrimSpace(*d.Tier) == "" {
			fs.Add(at.Name("storage_tier"), "Empty name",
				"Name a tier of the provider's storage_tiers, or leave it out for the library's own pool.")
		}
		only(&fs, at.Name("is_system_disk"), d.System, &system, name, "Duplicate system disk", "the system disk")
		only(&fs, at.Name("is_boot"), d.Boot, &boot, name, "Duplicate boot disk", "the disk to start from")
	}
	return fs
}

// only returns a finding for a mark on a second disk; first is the disk that has it, "" before
// there is one.
func only(fs *finding.List, at finding.Path, mark *bool, first *string, disk, summary, what string) {
	switch {
	case !or(mark, false):
	case *first != "":
		fs.Add(at, summary, fmt.Sprintf("Disk %q is %s already: mark one only.", *first, what))
	default:
		*first = disk
	}
}

// CheckImage returns findings for disks that are too small for an image of that virtual size
// (bytes).
func (s *Storage) CheckImage(virtualSize int64) finding.List {
	var fs finding.List
	if system := s.Drives()[0]; system.Size > 0 && system.Size < uint64(virtualSize) {
		fs.Add(finding.At("storage_profile").Name("disks").Key(system.Name).Name("size_gb"), "Disk smaller than image",
			fmt.Sprintf("The image's disk is %s and does not fit on one of %d GiB: set size_gb to at least %d, "+
				"or leave it out to take the image's size.", formatGiB(virtualSize), system.Size/gib,
				(virtualSize+gib-1)/gib))
	}
	return fs
}

func formatGiB(bytes int64) string {
	return fmt.Sprintf("%.4g GiB", float64(bytes)/gib)
}
