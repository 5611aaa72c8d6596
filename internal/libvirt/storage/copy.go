package storage

import (
	"context"
	"errors"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// CopyVolume copies the bytes of a raw volume within a pool. Where the pool's file system can, the
// copy shares the blocks of the original, which takes no time and no space. It takes as long as ctx
// allows. If ctx ends first, the host continues to copy, as for CloneVolume.
//
// libvirt has no code for a file system that cannot share blocks. So the first copy in a pool shows
// it: the same request succeeds without sharing.
func (s *Volumes) CopyVolume(ctx context.Context, pool, name, from string) error {
	// libvirt allocates the copy first if it is asked to, and then cannot share any block.
	spec := host.VolumeSpec{Name: name, Format: "raw"}
	source := host.CloneSource{Pool: pool, Name: from, Format: spec.Format}
	text, err := renderVolume(spec)
	if err != nil {
		return err
	}
	if _, apart := s.unshared.Load(pool); !apart {
		err := s.copyAs(ctx, pool, spec.Name, text, source, libvirt.StorageVolCreateReflink)
		if err == nil || ctx.Err() != nil || host.Unanswered(err) || errors.Is(err, host.ErrExists) {
			return err
		}
	}
	err = s.copyAs(ctx, pool, spec.Name, text, source, 0)
	if err == nil {
		s.unshared.Store(pool, nil)
	}
	return err
}

// copyAs has the host create a volume, as its XML says, from the bytes of another one.
func (s *Volumes) copyAs(
	ctx context.Context, pool, name, text string, from host.CloneSource, flags libvirt.StorageVolCreateFlags,
) error {
	const op = "cloning"
	object := cloneObject(pool, name, from)
	ref, _, err := s.pools.poolRef(ctx, op, object, pool)
	if err != nil {
		return err
	}
	c, err := s.client.Alone(ctx, op, object)
	if err != nil {
		return err
	}
	defer c.Close()
	err = c.Do(ctx, nil, func(l *libvirt.Libvirt) error {
		_, err := l.StorageVolCreateXMLFrom(ref, text, volumeRef(from.Pool, from.Name), flags)
		return err
	})
	if err != nil {
		return s.blameClone(ctx, pool, name, from, err)
	}
	return nil
}
