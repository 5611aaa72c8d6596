package storage

import (
	"bytes"
	"context"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// libvirt detects a volume's format from its first bytes, and copies and resizes volumes by what it
// detected. The guest of a raw disk can write these bytes: a guest that writes the header of an
// image there, with a backing file or an external data file, could make the host read any file. So
// callers state a volume's format, and libvirt must have detected the same one.

// ResizeVolume grows a volume to capacity bytes; it never shrinks one. format is the volume's
// format as its user knows it. ResizeVolume returns a *host.FormatError if libvirt has detected
// another format, and would change that.
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
	// Another process may have refreshed the pool in between.
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

// extendFile makes a volume's file longer, regardless of the format that libvirt has detected. It
// writes a zero byte at the new end, which leaves a hole before it.
func (s *Volumes) extendFile(ctx context.Context, pool, name string, size uint64) error {
	t, err := s.OpenTransfer(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.Upload(ctx, pool, name, bytes.NewReader([]byte{0}), int64(size)-1, 1)
}
