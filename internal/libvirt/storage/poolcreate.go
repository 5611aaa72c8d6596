package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// CreateDirPool makes sure that a directory pool with this name and path exists, is active and
// starts with the host. It sets autostart last: whether that is set tells a pool that was stopped
// from one that is unfinished. Several callers may call it at once, also in different processes, and
// each finishes what another one has begun. If a pool has the name but another type or path, it
// returns host.ErrExists.
func (p *Pools) CreateDirPool(ctx context.Context, name, path string) (host.Pool, error) {
	object := virterr.Pool(name)
	pool, err := p.Pool(ctx, name)
	if errors.Is(err, host.ErrNoPool) {
		if err = p.definePool(ctx, name, path); err == nil {
			pool, err = p.Pool(ctx, name)
		}
	}
	if err != nil {
		return host.Pool{}, err
	}
	if pool.Type != "dir" || pool.Path != path {
		return host.Pool{}, virterr.Fail("creating", object,
			fmt.Errorf("a pool of type %s at %s, not a dir pool at %s, %w", pool.Type, pool.Path, path, host.ErrExists))
	}
	if pool.Active {
		return pool, nil
	}
	if err := p.startPool(ctx, name); err != nil {
		return host.Pool{}, err
	}
	if _, err := inPool(ctx, p, "setting autostart of", object, name, false,
		func(l *libvirt.Libvirt, ref libvirt.StoragePool) (struct{}, error) {
			return struct{}{}, l.StoragePoolSetAutostart(ref, 1)
		}); err != nil {
		return host.Pool{}, err
	}
	return p.Pool(ctx, name)
}

// definePool defines a pool. The second caller in a race gets OPERATION_FAILED, which can also mean
// other things, but the pool exists then.
func (p *Pools) definePool(ctx context.Context, name, path string) error {
	doc := libvirtxml.StoragePool{Type: "dir", Name: name, Target: &libvirtxml.StoragePoolTarget{Path: path}}
	text, err := doc.Marshal()
	if err != nil {
		return virterr.Fail("defining", virterr.Pool(name), err)
	}
	_, err = rpc.Tell(ctx, p.client, "defining", virterr.Pool(name),
		func(l *libvirt.Libvirt) (libvirt.StoragePool, error) {
			return l.StoragePoolDefineXML(text, 0)
		})
	if virterr.HasCode(err, libvirt.ErrOperationFailed) {
		if _, again := p.Pool(ctx, name); again == nil {
			return nil
		}
	}
	return err
}

// startPool builds and starts a pool. If another caller does so, it waits.
func (p *Pools) startPool(ctx context.Context, name string) error {
	for pause := range rpc.Backoff(ctx, p.client.CallTimeout()) {
		_, err := inPool(ctx, p, "starting", virterr.Pool(name), name, false,
			func(l *libvirt.Libvirt, ref libvirt.StoragePool) (struct{}, error) {
				return struct{}{}, l.StoragePoolCreate(ref, libvirt.StoragePoolCreateWithBuild)
			})
		if !errors.Is(err, host.ErrOperationInvalid) && !errors.Is(err, host.ErrPoolInactive) {
			return err
		}
		pool, readErr := p.Pool(ctx, name)
		if readErr != nil || pool.Active {
			return readErr
		}
		if !pause() {
			return err
		}
	}
	return nil
}
