package storage

import (
	"context"
	"errors"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// CloneVolume copies a volume on the host and converts it to spec's format. It grows the copy when
// spec.Capacity is larger than the source's capacity; zero keeps the source's. It takes as long as
// ctx allows. If ctx ends first, the host continues to copy: the volume then exists, or will, and
// cannot be deleted until the host is done.
//
// libvirt copies by the format that it has detected in the source. If that is not the source's
// format, before or after the copy, CloneVolume leaves no copy and returns a *host.FormatError.
func (s *Volumes) CloneVolume(
	ctx context.Context, pool string, spec host.VolumeSpec, from host.CloneSource,
) (host.Volume, error) {
	object := cloneObject(pool, spec.Name, from)
	const op = "cloning"
	capacity := spec.Capacity
	spec.Capacity = 0
	text, err := renderVolume(spec)
	if err != nil {
		return host.Volume{}, virterr.Fail(op, object, err)
	}
	if err := s.cloneable(ctx, op, object, from); err != nil {
		return host.Volume{}, err
	}
	if err := s.copyAs(ctx, pool, spec.Name, text, from, 0); err != nil {
		return host.Volume{}, err
	}
	v, err := s.grownClone(ctx, pool, spec, capacity, from)
	if err != nil {
		// A clone of the wrong size is useless, and a clone of the wrong format may contain a file of the
		// host.
		return host.Volume{}, errors.Join(err, s.DeleteVolume(context.WithoutCancel(ctx), pool, spec.Name))
	}
	return v, nil
}

// cloneable checks that libvirt detects the source's format correctly.
func (s *Volumes) cloneable(ctx context.Context, op, object string, from host.CloneSource) error {
	source, err := s.Volume(ctx, from.Pool, from.Name)
	if err != nil {
		return err
	}
	return virterr.Fail(op, object, source.As(from.Format))
}

// grownClone checks the source once more, and gives the clone its size.
func (s *Volumes) grownClone(
	ctx context.Context, pool string, spec host.VolumeSpec, capacity uint64, from host.CloneSource,
) (host.Volume, error) {
	// Another process may have refreshed the pool during the copy.
	if err := s.cloneable(ctx, "cloning", cloneObject(pool, spec.Name, from), from); err != nil {
		return host.Volume{}, err
	}
	v, err := s.Volume(ctx, pool, spec.Name)
	if err != nil || capacity <= v.Capacity {
		return v, err
	}
	if err := s.ResizeVolume(ctx, pool, spec.Name, spec.Format, capacity); err != nil {
		return v, err
	}
	return s.Volume(ctx, pool, spec.Name)
}

// blameClone finds out why libvirt refused a clone.
func (s *Volumes) blameClone(ctx context.Context, pool, name string, from host.CloneSource, err error) error {
	const op = "cloning"
	object := cloneObject(pool, name, from)
	if virterr.HasCode(err, libvirt.ErrInternalError) {
		// This code can mean that the name is taken, among other things; libvirt removes a copy that
		// failed.
		if _, lookup := s.Volume(ctx, pool, name); lookup == nil {
			return virterr.Fail(op, object, virterr.As(host.ErrExists, err))
		}
	}
	err = s.pools.blamePool(ctx, op, object, from.Pool, virterr.Fail(op, object, err))
	if from.Pool == pool || errors.Is(err, host.ErrPoolInactive) || errors.Is(err, host.ErrNoPool) {
		return err
	}
	return s.pools.blamePool(ctx, op, object, pool, err)
}

func cloneObject(pool, name string, from host.CloneSource) string {
	return virterr.Volume(from.Pool, from.Name) + " to " + virterr.Volume(pool, name)
}
