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

// ResizeVolume grows a volume to capacity bytes; it never shrinks one. format is the volume's
// format as its user knows it. ResizeVolume returns a *host.FormatError if libvirt would resize
// the volume by another format that it has detected.
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
