package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// inPool makes one request about a pool, which libvirt wants addressed by UUID. A remembered UUID
// may be out of date; then inPool looks it up again. If a request fails because the pool is
// inactive, inPool returns host.ErrPoolInactive.
func inPool[T any](ctx context.Context, p *Pools, op, object, pool string, readonly bool,
	fn func(*libvirt.Libvirt, libvirt.StoragePool) (T, error),
) (T, error) {
	for {
		ref, remembered, err := p.poolRef(ctx, op, object, pool)
		if err != nil {
			var none T
			return none, err
		}
		result, err := rpc.On(ctx, p.client.Control, rpc.Request{Op: op, Object: object, Readonly: readonly},
			func(l *libvirt.Libvirt) (T, error) { return fn(l, ref) })
		if errors.Is(err, host.ErrNoPool) {
			p.refs.Delete(pool)
			if remembered {
				continue
			}
		}
		return result, p.blamePool(ctx, op, object, pool, err)
	}
}

func (p *Pools) poolRef(
	ctx context.Context, op, object, pool string,
) (ref libvirt.StoragePool, remembered bool, err error) {
	if known, ok := p.refs.Load(pool); ok {
		return known.(libvirt.StoragePool), true, nil
	}
	ref, err = rpc.Ask(ctx, p.client, op, object, func(l *libvirt.Libvirt) (libvirt.StoragePool, error) {
		return l.StoragePoolLookupByName(pool)
	})
	if err == nil {
		p.refs.Store(pool, ref)
	}
	return ref, false, err
}

// blamePool looks at the pool if a request about the pool or a volume in it failed in a way that an
// inactive or missing pool explains: libvirt then answers NO_STORAGE_VOL or OPERATION_INVALID.
func (p *Pools) blamePool(ctx context.Context, op, object, pool string, err error) error {
	if !errors.Is(err, host.ErrNoVolume) && !errors.Is(err, host.ErrOperationInvalid) {
		return err
	}
	ref, stateErr := rpc.Ask(ctx, p.client, op, object, func(l *libvirt.Libvirt) (libvirt.StoragePool, error) {
		return l.StoragePoolLookupByName(pool)
	})
	if stateErr != nil {
		return stateErr
	}
	active, stateErr := rpc.Ask(ctx, p.client, op, object, func(l *libvirt.Libvirt) (bool, error) {
		state, _, _, _, err := l.StoragePoolGetInfo(ref)
		return poolActive(state), err
	})
	switch {
	case stateErr != nil:
		return stateErr
	case !active:
		return virterr.Fail(op, object, fmt.Errorf("%w: pool %q; start it with: virsh pool-start %s",
			host.ErrPoolInactive, pool, pool))
	default:
		return err
	}
}

// startedPatience is how long ofActivePool repeats a request.
const startedPatience = 2 * time.Second

// ofActivePool repeats a question if libvirt refuses to answer it for a pool that is active: the
// pool has been started since, or the volume was just being created.
func ofActivePool[T any](ctx context.Context, question func() (T, error)) (result T, err error) {
	for pause := range rpc.Backoff(ctx, startedPatience) {
		result, err = question()
		if !errors.Is(err, host.ErrOperationInvalid) || errors.Is(err, host.ErrPoolInactive) || !pause() {
			break
		}
	}
	return result, err
}
