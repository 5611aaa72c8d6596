package storage

import (
	"bytes"
	"context"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// libvirt finds a volume's format by looking at its first bytes, and copies and
// resizes volumes by what it found. Of a raw disk these bytes are the guest's to
// write: a guest that puts the header of an image there, with a backing file or
// an external data file, would have the host read any file. So whoever uses a
// volume says in which format, and what libvirt found has to agree.

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

// ResizeVolume grows a volume of that format, as its user knows it, to capacity
// bytes; it never shrinks one. A *FormatError says that libvirt would change what
// it has found in a volume that is known to be something else.
func (s *Volumes) ResizeVolume(ctx context.Context, pool, name, format string, capacity uint64) error {
	const op = "resizing"
	object := virterr.Volume(pool, name)
	v, err := s.Volume(ctx, pool, name)
	if err != nil {
		return err
	}
	if has, err := v.DiskSize(format); err != nil || has == capacity {
		return virterr.Fail(op, object, err)
	} else if has > capacity {
		return virterr.Fail(op, object, fmt.Errorf("it has %d bytes, and cannot shrink to %d", has, capacity))
	}
	if v.As(format) != nil {
		err = s.extendFile(ctx, pool, name, capacity)
	} else {
		err = s.changeVolume(ctx, op, pool, name, func(l *libvirt.Libvirt) error {
			return l.StorageVolResize(volumeRef(pool, name), capacity, 0)
		})
	}
	if err != nil {
		return err
	}
	// Somebody may have had the pool looked at in between.
	if v, err = s.Volume(ctx, pool, name); err != nil {
		return err
	}
	has, err := v.DiskSize(format)
	if err == nil && has < capacity {
		if err = v.As(format); err == nil {
			err = fmt.Errorf("libvirt reports success, and it has %d bytes, not %d", has, capacity)
		}
	}
	return virterr.Fail(op, object, err)
}

// extendFile makes a volume's file longer, whatever libvirt has found in it: a
// byte of zero at its new end leaves a hole before it.
func (s *Volumes) extendFile(ctx context.Context, pool, name string, size uint64) error {
	t, err := s.OpenTransfer(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.Upload(ctx, pool, name, bytes.NewReader([]byte{0}), int64(size)-1, 1)
}
