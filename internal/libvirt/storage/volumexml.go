package storage

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// defaultVolumeMode lets only root and the hypervisor read a volume.
const defaultVolumeMode = 0o600

func renderVolume(spec host.VolumeSpec) (string, error) {
	mode := fmt.Sprintf("%04o", cmp.Or(spec.Mode, defaultVolumeMode))
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
		// libvirt's own default, 0.10, has no zero clusters: a discard in an overlay would write.
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

func parseVolume(pool, name, text string) (host.Volume, error) {
	var doc libvirtxml.StorageVolume
	if err := virterr.Understand("the volume's XML", text, &doc); err != nil {
		return host.Volume{}, err
	}
	v := host.Volume{
		Pool:       pool,
		Name:       name,
		Capacity:   size(doc.Capacity),
		Allocation: size(doc.Allocation),
		Physical:   size(doc.Physical),
	}
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
		v.Backing = &host.Backing{Path: b.Path}
		if b.Format != nil {
			v.Backing.Format = b.Format.Type
		}
	}
	return v, nil
}

// size returns a size in bytes; libvirt always reports bytes.
func size(s *libvirtxml.StorageVolumeSize) uint64 {
	if s == nil {
		return 0
	}
	return s.Value
}

// parseTimestamp parses libvirt's "seconds.nanoseconds", where the fraction has nine digits or is
// missing.
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
