package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
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

// Pool returns a pool, or virterr.ErrNoPool.
func (h *Host) Pool(ctx context.Context, name string) (Pool, error) {
	pool, err := inPool(ctx, h, "reading", virterr.Pool(name), name, true,
		readPool)
	return pool, err
}

// Pools returns all pools of the host, active or not, by name.
func (h *Host) Pools(ctx context.Context) ([]Pool, error) {
	refs, err := h.poolRefs(ctx)
	if err != nil {
		return nil, err
	}
	pools, err := rpc.Gather(ctx, refs, virterr.ErrNoPool, func(ctx context.Context, ref libvirt.StoragePool) (Pool, error) {
		return rpc.Ask(ctx, h.Client, "reading", virterr.Pool(ref.Name), func(l *libvirt.Libvirt) (Pool, error) { return readPool(l, ref) })
	})
	slices.SortFunc(pools, func(a, b Pool) int { return strings.Compare(a.Name, b.Name) })
	return pools, err
}

// PoolUUID returns the UUID of a pool, or virterr.ErrNoPool. It makes no request for a pool that was used before.
func (h *Host) PoolUUID(ctx context.Context, name string) (string, error) {
	ref, _, err := h.poolRef(ctx, "reading", virterr.Pool(name), name)
	if err != nil {
		return "", err
	}
	return rpc.FormatUUID(ref.UUID), nil
}

// PoolUUIDs returns the UUIDs of all pools of the host, active or not, by their names. It makes one request.
func (h *Host) PoolUUIDs(ctx context.Context) (map[string]string, error) {
	refs, err := h.poolRefs(ctx)
	if err != nil {
		return nil, err
	}
	uuids := make(map[string]string, len(refs))
	for _, ref := range refs {
		uuids[ref.Name] = rpc.FormatUUID(ref.UUID)
	}
	return uuids, nil
}

func (h *Host) poolRefs(ctx context.Context) ([]libvirt.StoragePool, error) {
	return rpc.Ask(ctx, h.Client, "listing", "storage pools", func(l *libvirt.Libvirt) ([]libvirt.StoragePool, error) {
		refs, _, err := l.ConnectListAllStoragePools(1, 0)
		return refs, err
	})
}

func readPool(l *libvirt.Libvirt, ref libvirt.StoragePool) (Pool, error) {
	text, err := l.StoragePoolGetXMLDesc(ref, 0)
	if err != nil {
		return Pool{}, err
	}
	state, capacity, allocation, available, err := l.StoragePoolGetInfo(ref)
	if err != nil {
		return Pool{}, err
	}
	var doc struct {
		Type string `xml:"type,attr"`
		Path string `xml:"target>path"`
	}
	if err := virterr.Understand("the pool's XML", text, &doc); err != nil {
		return Pool{}, err
	}
	return Pool{
		Name: ref.Name, Type: doc.Type, Path: doc.Path, Active: poolActive(state),
		Capacity: capacity, Allocation: allocation, Available: available,
	}, nil
}

func poolActive(state uint8) bool {
	return libvirt.StoragePoolState(state) == libvirt.StoragePoolRunning ||
		libvirt.StoragePoolState(state) == libvirt.StoragePoolDegraded
}

// CreateDirPool makes sure that a directory pool with this name and path exists,
// is active and starts with the host. It may be called by several callers at
// once, also in different processes. A pool with the name but with another type
// or path gives virterr.ErrExists.
func (h *Host) CreateDirPool(ctx context.Context, name, path string) (Pool, error) {
	object := virterr.Pool(name)
	pool, err := h.Pool(ctx, name)
	if errors.Is(err, virterr.ErrNoPool) {
		if err = h.definePool(ctx, name, path); err == nil {
			pool, err = h.Pool(ctx, name)
		}
	}
	if err != nil {
		return Pool{}, err
	}
	if pool.Type != "dir" || pool.Path != path {
		return Pool{}, virterr.Fail("creating", object, fmt.Errorf("a pool of type %s at %s, not a dir pool at %s, %w", pool.Type, pool.Path, path, virterr.ErrExists))
	}
	if pool.Active {
		return pool, nil
	}
	if err := h.startPool(ctx, name); err != nil {
		return Pool{}, err
	}
	if _, err := inPool(ctx, h, "setting autostart of", object, name, false,
		func(l *libvirt.Libvirt, ref libvirt.StoragePool) (struct{}, error) {
			return struct{}{}, l.StoragePoolSetAutostart(ref, 1)
		}); err != nil {
		return Pool{}, err
	}
	return h.Pool(ctx, name)
}

// definePool defines a pool. Who comes second in a race is told OPERATION_FAILED,
// which stands for other things too; the pool is then there all the same.
func (h *Host) definePool(ctx context.Context, name, path string) error {
	doc := libvirtxml.StoragePool{Type: "dir", Name: name, Target: &libvirtxml.StoragePoolTarget{Path: path}}
	text, err := doc.Marshal()
	if err != nil {
		return virterr.Fail("defining", virterr.Pool(name), err)
	}
	_, err = rpc.Tell(ctx, h.Client, "defining", virterr.Pool(name), func(l *libvirt.Libvirt) (libvirt.StoragePool, error) {
		return l.StoragePoolDefineXML(text, 0)
	})
	if virterr.HasCode(err, libvirt.ErrOperationFailed) {
		if _, again := h.Pool(ctx, name); again == nil {
			return nil
		}
	}
	return err
}

// startPool builds and starts a pool and waits while another caller does.
func (h *Host) startPool(ctx context.Context, name string) error {
	for pause := range rpc.Backoff(ctx, h.CallTimeout()) {
		_, err := inPool(ctx, h, "starting", virterr.Pool(name), name, false,
			func(l *libvirt.Libvirt, ref libvirt.StoragePool) (struct{}, error) {
				return struct{}{}, l.StoragePoolCreate(ref, libvirt.StoragePoolCreateWithBuild)
			})
		if !errors.Is(err, virterr.ErrOperationInvalid) && !errors.Is(err, virterr.ErrPoolInactive) {
			return err
		}
		pool, readErr := h.Pool(ctx, name)
		if readErr != nil || pool.Active {
			return readErr
		}
		if !pause() {
			return err
		}
	}
	return nil
}

// refreshPatience is how long RefreshPool keeps trying while libvirt refuses.
const refreshPatience = 2 * time.Second

// RefreshPool makes the daemon look at what is in the pool, which it otherwise
// does not: files that appeared by other means, among them another daemon, are
// unknown before it, and free space is out of date.
//
// libvirt refuses to refresh a pool in which a job runs, such as a clone. Then
// RefreshPool tries again for a short while and gives up without an error: the
// daemon that runs those jobs knows its own volumes.
//
// Callers that ask at once share a refresh that begins after they asked.
func (h *Host) RefreshPool(ctx context.Context, name string) error {
	return h.refreshes.do(ctx, name, func() error { return h.refreshPool(ctx, name) })
}

func (h *Host) refreshPool(ctx context.Context, name string) error {
	for pause := range rpc.Backoff(ctx, refreshPatience) {
		_, err := inPool(ctx, h, "refreshing", virterr.Pool(name), name, false,
			func(l *libvirt.Libvirt, ref libvirt.StoragePool) (struct{}, error) {
				return struct{}{}, l.StoragePoolRefresh(ref, 0)
			})
		if !virterr.HasCode(err, libvirt.ErrInternalError) {
			return err
		}
		if pause() {
			continue
		}
		if ctx.Err() != nil {
			return virterr.Fail("refreshing", virterr.Pool(name), ctx.Err())
		}
		// A refresh that fails for another reason stops the pool.
		pool, readErr := h.Pool(ctx, name)
		if readErr == nil && !pool.Active {
			return err
		}
		return readErr
	}
	return nil
}

// inPool makes one request about a pool, which libvirt wants addressed by UUID.
// A remembered UUID may be out of date; then it is looked up again. A request
// that the pool's being inactive explains fails with virterr.ErrPoolInactive.
func inPool[T any](ctx context.Context, h *Host, op, object, pool string, readonly bool,
	fn func(*libvirt.Libvirt, libvirt.StoragePool) (T, error),
) (T, error) {
	for {
		ref, remembered, err := h.poolRef(ctx, op, object, pool)
		if err != nil {
			var none T
			return none, err
		}
		result, err := rpc.On(ctx, h.Control, rpc.Request{Op: op, Object: object, Readonly: readonly},
			func(l *libvirt.Libvirt) (T, error) { return fn(l, ref) })
		if errors.Is(err, virterr.ErrNoPool) {
			h.pools.Delete(pool)
			if remembered {
				continue
			}
		}
		return result, h.blamePool(ctx, op, object, pool, err)
	}
}

func (h *Host) poolRef(ctx context.Context, op, object, pool string) (ref libvirt.StoragePool, remembered bool, err error) {
	if known, ok := h.pools.Load(pool); ok {
		return known.(libvirt.StoragePool), true, nil
	}
	ref, err = rpc.Ask(ctx, h.Client, op, object, func(l *libvirt.Libvirt) (libvirt.StoragePool, error) {
		return l.StoragePoolLookupByName(pool)
	})
	if err == nil {
		h.pools.Store(pool, ref)
	}
	return ref, false, err
}

// blamePool looks at the pool when a request about it or a volume in it failed
// in a way that an inactive or missing pool explains: libvirt then says
// NO_STORAGE_VOL or OPERATION_INVALID.
func (h *Host) blamePool(ctx context.Context, op, object, pool string, err error) error {
	if !errors.Is(err, virterr.ErrNoVolume) && !errors.Is(err, virterr.ErrOperationInvalid) {
		return err
	}
	ref, stateErr := rpc.Ask(ctx, h.Client, op, object, func(l *libvirt.Libvirt) (libvirt.StoragePool, error) {
		return l.StoragePoolLookupByName(pool)
	})
	if stateErr != nil {
		return stateErr
	}
	active, stateErr := rpc.Ask(ctx, h.Client, op, object, func(l *libvirt.Libvirt) (bool, error) {
		state, _, _, _, err := l.StoragePoolGetInfo(ref)
		return poolActive(state), err
	})
	switch {
	case stateErr != nil:
		return stateErr
	case !active:
		return virterr.Fail(op, object, fmt.Errorf("%w: pool %q; start it with: virsh pool-start %s", virterr.ErrPoolInactive, pool, pool))
	default:
		return err
	}
}

// startedPatience is how long ofActivePool asks again.
const startedPatience = 2 * time.Second

// ofActivePool asks again where libvirt refuses an answer about a pool that is
// active: it was not when it was asked, and somebody has started it meanwhile, or
// the volume was just being created.
func ofActivePool[T any](ctx context.Context, question func() (T, error)) (result T, err error) {
	for pause := range rpc.Backoff(ctx, startedPatience) {
		result, err = question()
		if !errors.Is(err, virterr.ErrOperationInvalid) || errors.Is(err, virterr.ErrPoolInactive) || !pause() {
			break
		}
	}
	return result, err
}
