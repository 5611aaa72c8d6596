package catalog

import (
	"fmt"
	"maps"
)

// StorageProfile names a machine's disks. A nil map says nothing: one disk "system" of the image's own size.
type StorageProfile struct {
	Disks map[string]Disk `json:"disks"`
}

// Disk is one virtual disk.
type Disk struct {
	SizeGB *int64 `json:"size_gb,omitempty"`        // GiB; the system disk's default is the image's size
	System *bool  `json:"is_system_disk,omitempty"` // default: the disk named "system", or the only one
}

// SystemDisk is the name of the system disk where no disk is marked as such.
const SystemDisk = "system"

const gib = 1 << 30

// Over lays the fields that s sets over base, disk by disk and field by field.
func (s *StorageProfile) Over(base *StorageProfile) *StorageProfile {
	if s == nil || s.Disks == nil {
		return base
	}
	merged := map[string]Disk{SystemDisk: {}} // what a base that says nothing means
	if base != nil && base.Disks != nil {
		merged = maps.Clone(base.Disks)
	}
	for name, over := range s.Disks {
		under := merged[name]
		merged[name] = Disk{SizeGB: either(over.SizeGB, under.SizeGB), System: either(over.System, under.System)}
	}
	return &StorageProfile{Disks: merged}
}

// Drive is a disk with every field settled.
type Drive struct {
	Name   string
	Size   uint64 // bytes; 0 for a system disk that keeps its image's size
	System bool
}

// Drives settles the disks: the system disk first, the others by name. s may be nil. Validate first.
func (s *StorageProfile) Drives() []Drive {
	disks := map[string]Disk{SystemDisk: {}}
	if s != nil && s.Disks != nil {
		disks = s.Disks
	}
	system := systemDisk(disks)
	drives := []Drive{{Name: system, Size: uint64(or(disks[system].SizeGB, 0)) * gib, System: true}}
	for _, name := range sortedNames(disks) {
		if name != system {
			drives = append(drives, Drive{Name: name, Size: uint64(or(disks[name].SizeGB, 0)) * gib})
		}
	}
	return drives
}

// systemDisk is the name of the disk that the image goes on, "" where that is not clear.
func systemDisk(disks map[string]Disk) string {
	for _, name := range sortedNames(disks) {
		if or(disks[name].System, false) {
			return name
		}
	}
	for name, d := range disks {
		if (name == SystemDisk || len(disks) == 1) && or(d.System, true) {
			return name
		}
	}
	return ""
}

// Validate finds what is wrong; s may be nil.
func (s *StorageProfile) Validate() Findings {
	var fs Findings
	if s == nil || s.Disks == nil {
		return nil
	}
	at := At("storage_profile").Name("disks")
	if len(s.Disks) == 0 {
		fs.Add(at, "No disks", "A machine needs a system disk: leave disks out for one disk of the image's size, or name one.")
		return fs
	}
	system, marked := systemDisk(s.Disks), 0
	for _, name := range sortedNames(s.Disks) {
		d, at := s.Disks[name], at.Key(name)
		if err := ValidateDeviceName(name); err != nil {
			fs.Add(at, "Invalid disk name", sentence(err))
		}
		within(&fs, at.Name("size_gb"), d.SizeGB, 1, 64<<10)
		if or(d.System, false) {
			if marked++; marked > 1 {
				fs.Add(at.Name("is_system_disk"), "Two system disks", fmt.Sprintf("Disk %q is the system disk already: mark one only.", system))
			}
		}
		if system != "" && name != system && d.SizeGB == nil {
			fs.Add(at, "Data disk without a size", fmt.Sprintf("Disk %q is blank, so it needs size_gb.", name))
		}
	}
	if system == "" {
		fs.Add(at, "No system disk", "Name one disk \"system\" or set is_system_disk = true on the disk that the image goes on.")
	}
	return fs
}

// CheckImage finds disks that an image of that virtual size (bytes) does not fit on.
func (s *StorageProfile) CheckImage(virtualSize int64) Findings {
	var fs Findings
	if system := s.Drives()[0]; system.Size > 0 && system.Size < uint64(virtualSize) {
		fs.Add(At("storage_profile").Name("disks").Key(system.Name).Name("size_gb"), "Disk smaller than its image",
			fmt.Sprintf("The image's disk is %s and does not fit on one of %d GiB: set size_gb to at least %d, or leave it "+
				"out to take the image's size.", formatGiB(virtualSize), system.Size/gib, (virtualSize+gib-1)/gib))
	}
	return fs
}

func formatGiB(bytes int64) string {
	return fmt.Sprintf("%.4g GiB", float64(bytes)/gib)
}
