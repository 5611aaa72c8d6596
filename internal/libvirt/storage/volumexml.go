package storage

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// defaultVolumeMode lets nobody but root and the hypervisor read a volume.
const defaultVolumeMode = "0600"

// Backing is the volume that an overlay stands on.
type Backing struct {
	Path   string // absolute, on the host
	Format string // raw or qcow2
}

// Volume is a storage volume. Sizes are in bytes: Capacity is what a guest sees,
// Allocation what is taken up, Physical where the last byte ends.
type Volume struct {
	Pool, Name string
	Path       string // absolute, on the host
	Format     string // raw, qcow2, …
	Capacity   uint64
	Allocation uint64
	Physical   uint64
	Backing    *Backing  // nil unless the volume is an overlay
	Modified   time.Time // zero where the pool does not tell
}

// VolumeSpec describes a volume to create.
type VolumeSpec struct {
	Name       string
	Format     string // raw or qcow2
	Capacity   uint64 // bytes that a guest sees
	Allocation uint64 // bytes to take up at once; 0 is the fastest to fill
	Backing    *Backing
	Mode       string // octal permissions; empty means 0600
}

func renderVolume(spec VolumeSpec) (string, error) {
	mode := cmp.Or(spec.Mode, defaultVolumeMode)
	doc := libvirtxml.StorageVolume{
		Name:       spec.Name,
		Allocation: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: spec.Allocation},
		Capacity:   &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: spec.Capacity},
		Target: &libvirtxml.StorageVolumeTarget{
			Format:      &libvirtxml.StorageVolumeTargetFormat{Type: spec.Format},
			Permissions: &libvirtxml.StorageVolumeTargetPermissions{Mode: mode},
		},
	}
	if spec.Format == "qcow2" {
		// libvirt's own default, 0.10, has no zero clusters: discarding in an
		// overlay would write.
		doc.Target.Compat = "1.1"
	}
	if b := spec.Backing; b != nil {
		doc.BackingStore = &libvirtxml.StorageVolumeBackingStore{
			Path:   b.Path,
			Format: &libvirtxml.StorageVolumeTargetFormat{Type: b.Format},
		}
	}
	return doc.Marshal()
}

func parseVolume(pool, name, text string) (Volume, error) {
	var doc libvirtxml.StorageVolume
	if err := virterr.Understand("the volume's XML", text, &doc); err != nil {
		return Volume{}, err
	}
	v := Volume{Pool: pool, Name: name, Capacity: size(doc.Capacity), Allocation: size(doc.Allocation), Physical: size(doc.Physical)}
	if t := doc.Target; t != nil {
		v.Path = t.Path
		if t.Format != nil {
			v.Format = t.Format.Type
		}
		if t.Timestamps != nil {
			v.Modified = parseTimestamp(t.Timestamps.Mtime)
		}
	}
	if b := doc.BackingStore; b != nil && b.Path != "" {
		v.Backing = &Backing{Path: b.Path}
		if b.Format != nil {
			v.Backing.Format = b.Format.Type
		}
	}
	return v, nil
}

// size reads a size; libvirt always reports bytes.
func size(s *libvirtxml.StorageVolumeSize) uint64 {
	if s == nil {
		return 0
	}
	return s.Value
}

// parseTimestamp reads libvirt's "seconds.nanoseconds", where the fraction is
// nine digits or missing.
func parseTimestamp(text string) time.Time {
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}
	}
	nanoseconds, err := strconv.ParseInt(fraction, 10, 64)
	if err != nil {
		nanoseconds = 0
	}
	return time.Unix(seconds, nanoseconds)
}
