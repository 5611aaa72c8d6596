package host

import (
	"fmt"
	"time"
)

// MostVolumes is how many volumes of a pool libvirt lists at most: REMOTE_STORAGE_VOL_LIST_MAX in libvirt's
// src/remote/remote_protocol.x. Of a pool with more, it lists none.
const MostVolumes = 16384

// Pool is a storage pool. Sizes are in bytes and, for directory pools, from the last refresh; see
// RefreshPool.
type Pool struct {
	Name, Type string // Type as in libvirt: dir, logical, rbd, …
	Path       string // the directory of the volumes, for pools that have a path
	Active     bool
	// Unfinished says that CreateDirPool has not finished the pool, or never will: it is not active, and
	// does not start with the host.
	Unfinished bool
	Capacity   uint64
	Allocation uint64
	Available  uint64
}

// FormatError says that a volume seems to hold another format than the one that it is used as.
type FormatError struct {
	Pool, Volume string
	Probed       string // what its content looks like: to libvirt, if Volume.As says so
	Defined      string // its format according to the definition of its domain, or the document of its image
}

// Error names the volume and both formats.
func (e *FormatError) Error() string {
	return fmt.Sprintf("volume %q in pool %q is defined as a %s disk, and what is in it looks like a %s one",
		e.Volume, e.Pool, e.Defined, e.Probed)
}

// As returns a *FormatError unless libvirt detects that format in the volume. format is the format
// as the volume's user knows it, from a domain's definition or a base's document. Only if As
// returns nil may libvirt be asked to copy the volume.
func (v Volume) As(format string) error {
	if v.Format == format {
		return nil
	}
	return &FormatError{Pool: v.Pool, Volume: v.Name, Probed: v.Format, Defined: format}
}

// DiskSize returns the size in bytes that a guest sees of a disk of that format in the volume. A
// raw disk is as large as its file, regardless of the format that its guest has made libvirt
// detect. For any other format, DiskSize returns a *FormatError unless libvirt has detected that
// format.
func (v Volume) DiskSize(format string) (uint64, error) {
	if err := v.As(format); err == nil || format != "raw" {
		return v.Capacity, err
	}
	return v.Physical, nil
}

// CloneSource is a volume to copy, with its known format.
type CloneSource struct{ Pool, Name, Format string }

// Backing is the volume under an overlay.
type Backing struct {
	Path   string // absolute, on the host
	Format string // raw or qcow2
}

// Volume is a storage volume. Sizes are in bytes: Capacity is what a guest sees, Allocation is the
// space in use, Physical is where the last byte ends.
type Volume struct {
	Pool, Name string
	Path       string // absolute, on the host
	Format     string // raw, qcow2, …
	Capacity   uint64
	Allocation uint64
	Physical   uint64
	Backing    *Backing  // nil unless the volume is an overlay
	Modified   time.Time // zero if the pool does not report it
}

// VolumeSpec describes a volume to create.
type VolumeSpec struct {
	Name       string
	Format     string // raw or qcow2
	Capacity   uint64 // bytes that a guest sees
	Allocation uint64 // bytes to allocate at once; 0 is the fastest to fill
	Backing    *Backing
	Mode       uint32 // permission bits; 0 means 0600
}
