package imagestore

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
)

// Hosts may share a pool, such as one on NFS. Then they share its images and the documents of these. The pool
// itself says which hosts use it. What needs an image may be on any of them.

// Sharing is what a pool says of the hosts that use it.
type Sharing interface {
	// UsedBy returns the id of the pool, and the names of the hosts that use it; nothing if no host has said so.
	UsedBy(ctx context.Context) (id string, hosts []string, err error)
	// Use records that a host uses the pool, and returns the names of all hosts that do.
	Use(ctx context.Context, host string) (hosts []string, err error)
}

// neighbours are how a store knows which other hosts share its pool.
type neighbours struct {
	pool Sharing // nil for the only host of a configuration
	site string
	// others are the stores of the other hosts, by their sites: see Introduce.
	others map[string]*Store
	// lost reports whether a host is lost: then it shares nothing any more.
	lost func(ctx context.Context, name string) (bool, error)

	mu    sync.Mutex
	said  bool     // this process has recorded that the host uses the pool
	found bool     // names and gone are known
	names []string // of the other hosts that shared the pool when this process first asked
	gone  []string // of the lost hosts that the pool listed then
}

// Introduce makes the stores of a catalog's hosts known to each other. lost reports whether a host is lost.
func Introduce(all []*Store, lost func(ctx context.Context, name string) (bool, error)) {
	for _, st := range all {
		st.neighbours.others, st.neighbours.lost = map[string]*Store{}, lost
		for _, other := range all {
			if other != st {
				st.neighbours.others[other.site] = other
			}
		}
	}
}

// several reports whether there are other hosts that could share the pool.
func (n *neighbours) several() bool { return n.pool != nil && len(n.others) > 0 }

// UsePool opens the pool, and records, once a process, that the host uses it. It comes before the first instance
// that the process creates or changes on the host.
func (st *Store) UsePool(ctx context.Context) error {
	n := &st.neighbours
	if !n.several() {
		return nil
	}
	if err := st.Open(ctx); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.said {
		return nil
	}
	hosts, err := n.pool.Use(ctx, n.site)
	n.said = err == nil
	n.names, n.gone, n.found = nil, nil, err == nil && len(n.among(hosts)) == 0
	return err
}

// with returns the names of the other hosts of the catalog that share the pool, and the pool's id.
func (n *neighbours) with(ctx context.Context) (id string, names []string, err error) {
	id, hosts, err := n.pool.UsedBy(ctx)
	if err != nil || !slices.Contains(hosts, n.site) {
		return "", nil, err
	}
	return id, n.among(hosts), nil
}

// among are those of some hosts that are other hosts of the catalog.
func (n *neighbours) among(hosts []string) (names []string) {
	for _, name := range hosts {
		if _, known := n.others[name]; known {
			names = append(names, name)
		}
	}
	return names
}

// SharedWith names the other hosts of the catalog with which the host shares the pool. These say so, too: a copy
// of a pool may say more than is true. One that does not answer counts as one that says so.
func (st *Store) SharedWith(ctx context.Context) (names []string, err error) {
	names, _, err = st.sharing(ctx, "")
	return names, err
}

// SharesWith reports whether SharedWith names a host. It asks no other one.
func (st *Store) SharesWith(ctx context.Context, name string) (bool, error) {
	names, _, err := st.sharing(ctx, name)
	return len(names) > 0, err
}

// sharing is SharedWith, as far as it concerns one host; "" for all. gone are the lost hosts that the pool lists,
// too: they cannot say whether that is so.
func (st *Store) sharing(ctx context.Context, only string) (names, gone []string, err error) {
	if !st.neighbours.several() {
		return nil, nil, nil
	}
	if there, err := st.exists(ctx); err != nil || !there {
		return nil, nil, err
	}
	id, listed, err := st.neighbours.with(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range listed {
		if only != "" && name != only {
			continue
		}
		lost, err := st.neighbours.lost(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		if lost {
			gone = append(gone, name)
			continue
		}
		same, back, err := st.neighbours.others[name].neighbours.with(ctx)
		if err != nil && !host.Unanswered(err) {
			return nil, nil, fmt.Errorf("finding out whether host %s shares %s: %w", name, st.pool, err)
		}
		if err != nil || same == id && slices.Contains(back, st.site) {
			names = append(names, name)
		}
	}
	return names, gone, nil
}

// MayShareWith reports whether the host shares the pool with the other one of a name, as far as that can be known:
// the word of the pool counts if the other host is lost, or is none of the catalog's that this process knows.
func (st *Store) MayShareWith(ctx context.Context, name string) (bool, error) {
	if shared, err := st.SharesWith(ctx, name); err != nil || shared {
		return shared, err
	}
	if _, known := st.neighbours.others[name]; known {
		if lost, err := st.neighbours.lost(ctx, name); err != nil || !lost {
			return false, err // it has said so itself
		}
	}
	if st.neighbours.pool == nil {
		return false, nil
	}
	if there, err := st.exists(ctx); err != nil || !there {
		return false, err
	}
	_, hosts, err := st.neighbours.pool.UsedBy(ctx)
	return slices.Contains(hosts, name) && slices.Contains(hosts, st.site), err
}

// LooksShared reports whether the host shows the same pool as the other one of a name. A pool that was copied from
// one to the other looks so, too, as long as they have not both used it since.
func (st *Store) LooksShared(ctx context.Context, name string) (bool, error) {
	other, known := st.neighbours.others[name]
	if !known || !st.neighbours.several() {
		return false, nil
	}
	var ids [2]string
	for i, one := range []*Store{st, other} {
		there, err := one.exists(ctx)
		if err != nil || !there {
			return false, err
		}
		if ids[i], _, err = one.neighbours.pool.UsedBy(ctx); err != nil {
			return false, err
		}
	}
	return ids[0] != "" && ids[0] == ids[1], nil
}

// SharedLately is SharedWith as this process has first found it out. gone are the lost hosts that the pool lists,
// too: it may have disks of their instances.
func (st *Store) SharedLately(ctx context.Context) (names, gone []string, err error) {
	n := &st.neighbours
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.found {
		n.names, n.gone, err = st.sharing(ctx, "")
		n.found = err == nil
	}
	return n.names, n.gone, err
}

// exists reports whether the pool exists; it does for certain if the process has used it.
func (st *Store) exists(ctx context.Context) (bool, error) {
	if st.pool.Opened() {
		return true, nil
	}
	return st.there(ctx)
}

// besides are the users of the pool's images on the other hosts that share it.
func (st *Store) besides(ctx context.Context) ([]*usage.Usage, error) {
	names, err := st.SharedWith(ctx)
	all := make([]*usage.Usage, len(names))
	for i, name := range names {
		all[i] = st.neighbours.others[name].usage
	}
	return all, err
}
