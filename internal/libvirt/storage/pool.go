// Package storage handles the storage pools of a libvirt host, their volumes, and transfers of
// their contents.
package storage

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Pools reads and creates the storage pools of a host.
type Pools struct {
	client *rpc.Client

	// refs remembers the UUIDs of pools: most requests about pools are addressed by UUID, and a lookup
	// each time would double the requests.
	refs sync.Map // pool name → libvirt.StoragePool

	refreshes coalesce.CallsByKey[string, struct{}] // by pool name
}

// NewPools returns the pools of a client's daemon. It makes no request.
func NewPools(c *rpc.Client) *Pools { return &Pools{client: c} }

// Pool returns a pool, or host.ErrNoPool.
func (p *Pools) Pool(ctx context.Context, name string) (host.Pool, error) {
	pool, err := inPool(ctx, p, "reading", virterr.Pool(name), name, true,
		readPool)
	return pool, err
}

// Pools returns all pools of the host, active or not, by name.
func (p *Pools) Pools(ctx context.Context) ([]host.Pool, error) {
	refs, err := p.poolRefs(ctx)
	if err != nil {
		return nil, err
	}
	pools, err := rpc.Gather(ctx, refs, host.ErrNoPool,
		func(ctx context.Context, ref libvirt.StoragePool) (host.Pool, error) {
			return rpc.Ask(ctx, p.client, "reading", virterr.Pool(ref.Name),
				func(l *libvirt.Libvirt) (host.Pool, error) { return readPool(l, ref) })
		})
	slices.SortFunc(pools, func(a, b host.Pool) int { return strings.Compare(a.Name, b.Name) })
	return pools, err
}

// PoolUUID returns the UUID of a pool, or host.ErrNoPool. It makes no request for a pool that was
// used before.
func (p *Pools) PoolUUID(ctx context.Context, name string) (string, error) {
	ref, _, err := p.poolRef(ctx, "reading", virterr.Pool(name), name)
	if err != nil {
		return "", err
	}
	return rpc.FormatUUID(ref.UUID), nil
}

// PoolUUIDs returns the UUIDs of all pools of the host, active or not, by their names. It makes one
// request.
func (p *Pools) PoolUUIDs(ctx context.Context) (map[string]string, error) {
	refs, err := p.poolRefs(ctx)
	if err != nil {
		return nil, err
	}
	uuids := make(map[string]string, len(refs))
	for _, ref := range refs {
		uuids[ref.Name] = rpc.FormatUUID(ref.UUID)
	}
	return uuids, nil
}

func (p *Pools) poolRefs(ctx context.Context) ([]libvirt.StoragePool, error) {
	return rpc.Ask(ctx, p.client, "listing", "storage pools", func(l *libvirt.Libvirt) ([]libvirt.StoragePool, error) {
		refs, _, err := l.ConnectListAllStoragePools(1, 0)
		return refs, err
	})
}

func readPool(l *libvirt.Libvirt, ref libvirt.StoragePool) (host.Pool, error) {
	text, err := l.StoragePoolGetXMLDesc(ref, 0)
	if err != nil {
		return host.Pool{}, err
	}
	state, capacity, allocation, available, err := l.StoragePoolGetInfo(ref)
	if err != nil {
		return host.Pool{}, err
	}
	unfinished := false
	if !poolActive(state) {
		// CreateDirPool starts a pool before it sets autostart. So a pool that was inactive after its
		// autostart was read as set has been stopped since.
		autostart, err := l.StoragePoolGetAutostart(ref)
		if err != nil {
			return host.Pool{}, err
		}
		if state, capacity, allocation, available, err = l.StoragePoolGetInfo(ref); err != nil {
			return host.Pool{}, err
		}
		unfinished = !poolActive(state) && autostart == 0
	}
	var doc struct {
		Type string `xml:"type,attr"`
		Path string `xml:"target>path"`
	}
	if err := virterr.Understand("the pool's XML", text, &doc); err != nil {
		return host.Pool{}, err
	}
	return host.Pool{
		Name:       ref.Name,
		Type:       doc.Type,
		Path:       doc.Path,
		Active:     poolActive(state),
		Unfinished: unfinished,
		Capacity:   capacity,
		Allocation: allocation,
		Available:  available,
	}, nil
}

func poolActive(state uint8) bool {
	return libvirt.StoragePoolState(state) == libvirt.StoragePoolRunning ||
		libvirt.StoragePoolState(state) == libvirt.StoragePoolDegraded
}
