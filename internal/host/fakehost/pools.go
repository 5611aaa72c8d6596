package fakehost

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// space is the capacity of a pool, in bytes.
const space = 1 << 40

type pool struct {
	host.Pool
	uuid    string
	volumes map[string]*volume
	unseen  map[string]*volume // files that the host finds at the next refresh
}

// uuid returns a new UUID of version 4.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // which never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// pool returns an active pool.
func (h *state) pool(name string) (*pool, error) {
	p, ok := h.pools[name]
	if !ok {
		return nil, host.ErrNoPool
	}
	if !p.Active {
		return nil, host.ErrPoolInactive
	}
	return p, nil
}

func (p *pool) describe() host.Pool {
	d := p.Pool
	d.Capacity = space
	for _, v := range p.volumes {
		d.Allocation += v.allocated()
	}
	d.Available = d.Capacity - d.Allocation
	return d
}

// Pool is host.Pools.Pool.
func (h poolRequests) Pool(ctx context.Context, name string) (found host.Pool, err error) {
	err = h.do(ctx, "Pool", name, func() error {
		p, ok := h.pools[name]
		if !ok {
			return host.ErrNoPool
		}
		found = p.describe()
		return nil
	})
	return found, err
}

// Pools is host.Pools.Pools.
func (h poolRequests) Pools(ctx context.Context) (all []host.Pool, err error) {
	err = h.do(ctx, "Pools", "", func() error {
		for _, name := range slices.Sorted(maps.Keys(h.pools)) {
			all = append(all, h.pools[name].describe())
		}
		return nil
	})
	return all, err
}

// PoolUUID is host.Pools.PoolUUID.
func (h poolRequests) PoolUUID(ctx context.Context, name string) (id string, err error) {
	err = h.do(ctx, "PoolUUID", name, func() error {
		p, ok := h.pools[name]
		if !ok {
			return host.ErrNoPool
		}
		id = p.uuid
		return nil
	})
	return id, err
}

// PoolUUIDs is host.Pools.PoolUUIDs.
func (h poolRequests) PoolUUIDs(ctx context.Context) (uuids map[string]string, err error) {
	uuids = map[string]string{}
	err = h.do(ctx, "PoolUUIDs", "", func() error {
		for name, p := range h.pools {
			uuids[name] = p.uuid
		}
		return nil
	})
	return uuids, err
}

// CreateDirPool is host.Pools.CreateDirPool.
func (h poolRequests) CreateDirPool(ctx context.Context, name, path string) (made host.Pool, err error) {
	err = h.do(ctx, "CreateDirPool", name, func() error {
		p, ok := h.pools[name]
		if !ok {
			p = &pool{Pool: host.Pool{Name: name, Type: "dir", Path: path}, uuid: uuid(), volumes: map[string]*volume{}}
			h.pools[name] = p
		}
		if p.Path != path {
			return host.ErrExists
		}
		p.Active, p.Unfinished = true, false
		made = p.describe()
		return nil
	})
	return made, err
}

// BeginPool defines a directory pool as a CreateDirPool does that goes no further.
func (h *Host) BeginPool(name, path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pools[name] = &pool{
		Pool: host.Pool{Name: name, Type: "dir", Path: path, Unfinished: true}, uuid: uuid(),
		volumes: map[string]*volume{},
	}
}

// PutFile puts a file with that content into a pool's directory, as a user of the host does. The host
// knows it from the next refresh on.
func (h *Host) PutFile(pool, name string, content []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.pools[pool]
	if p.unseen == nil {
		p.unseen = map[string]*volume{}
	}
	p.unseen[name] = &volume{
		format: "raw", capacity: uint64(len(content)), data: bytes.Clone(content), modified: time.Now().UTC(),
	}
}

// SharePool gives a pool of the host to other hosts in place of their own, as if it were on NFS. It is called before
// the others are used.
func (h *Host) SharePool(name string, with ...*Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shared == nil {
		h.shared = &sync.Mutex{}
	}
	for _, other := range with {
		other.mu.Lock()
		other.pools[name], other.shared = h.pools[name], h.shared
		other.mu.Unlock()
	}
}

// StopPool makes a pool inactive, as `virsh pool-destroy` does.
func (h *Host) StopPool(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pools[name].Active = false
}

// RefreshPool is host.Pools.RefreshPool.
func (h poolRequests) RefreshPool(ctx context.Context, name string) error {
	return h.do(ctx, "RefreshPool", name, func() error {
		p, err := h.pool(name)
		if err != nil {
			return err
		}
		maps.Copy(p.volumes, p.unseen)
		p.unseen = nil
		return nil
	})
}

// Time is host.Pools.Time, by this process's clock.
func (h poolRequests) Time(ctx context.Context, pool string) (now time.Time, err error) {
	err = h.do(ctx, "Time", pool, func() error {
		_, err := h.pool(pool)
		now = time.Now().UTC()
		return err
	})
	return now, err
}
