package host

import (
	"fmt"
	"time"
)

// Pool is a storage pool. Sizes are in bytes and, for directory pools, as of the
// last refresh; see RefreshPool.
type Pool struct {
	Name, Type string // Type as in libvirt: dir, logical, rbd, …
	Path       string // where the volumes are, for pools that have a path
	Active     bool
	Capacity   uint64
	Allocation uint64
	Available  uint64
}

// FormatError says that a volume holds, as it looks, something else than what it is used as.
type FormatError struct {
	Pool, Volume string
	Probed       string // what its content looks like: to libvirt, where Volume.As says so
	Defined      string // what it is by the definition of its domain, or the document of its image
}

// Error names the volume and both formats.
func (e *FormatError) Error() string {
	return fmt.Sprintf("volume %q in pool %q is defined as a %s disk, and what is in it looks like a %s one",
		e.Volume, e.Pool, e.Defined, e.Probed)
}

// As returns a *FormatError unless libvirt takes the volume for a disk of that
// format, which is what its user knows of it: a domain's definition, or a base's
// document. Only then may libvirt be asked to copy the volume.
func (v Volume) As(format string) error {
	if v.Format == format {
		return nil
	}
	return &FormatError{Pool: v.Pool, Volume: v.Name, Probed: v.Format, Defined: format}
}

// DiskSize is how many bytes a guest sees of a disk of that format in the volume.
// A raw disk is as large as its file, whatever its guest has made libvirt find in
// it. Any other format has to be what libvirt has found: *FormatError.
func (v Volume) DiskSize(format string) (uint64, error) {
	if err := v.As(format); err == nil || format != "raw" {
		return v.Capacity, err
	}
	return v.Physical, nil
}

// CloneSource is a volume to be copied, and the format that it is known to have.
type CloneSource struct{ Pool, Name, Format string }

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
