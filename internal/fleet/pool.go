package fleet

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// Pool is a resource pool as the fleet's tenant can use it now.
type Pool struct {
	catalog.ResourcePool
	Quota catalog.Quota
	Used  catalog.Usage // by the tenant
	Hosts []PoolHost    // by name
}

// PoolHost is a host of a resource pool.
type PoolHost struct {
	Name    string
	Room    *provision.Room // nil if it could not be asked
	Refusal string          // why no instance can be created there now, as a phrase; "" if one can
}

// least is the smallest instance.
var least = provision.Demand{VCPUs: 1, MemoryMB: 1}

// Pool reads a resource pool, and asks its hosts for their room. It returns a QuotaRefusal if the tenant
// may not use the pool. A host that does not answer is no error.
func (f *Fleet) Pool(ctx context.Context, name string) (Pool, error) {
	f.quotas.read.Forget() // this apply may have changed it
	if err := f.Know(ctx); err != nil {
		return Pool{}, err
	}
	pool, err := f.storedPool(ctx, name)
	if err != nil {
		return Pool{}, err
	}
	tenant := f.library.Tenant()
	f.quotas.placed.Forget()
	records, err := f.placed(ctx)
	if err != nil {
		return Pool{}, err
	}
	used := catalog.Used(func(yield func(catalog.Placement) bool) {
		for _, rec := range records {
			if !yield(rec.Value) {
				return
			}
		}
	}, tenant, name)
	members := slices.DeleteFunc(f.Members(), func(m *Member) bool { return !pool.Has(m.Name, m.Labels) })
	asked, errs := make([]PoolHost, len(members)), make([]error, len(members))
	each(members, func(n int, m *Member) { asked[n], errs[n] = m.inPool(ctx) })
	if err := errors.Join(errs...); err != nil {
		return Pool{}, err
	}
	hosts := slices.Clone(asked)
	for _, name := range pool.Hosts {
		if _, there := f.Member(name); !there {
			hosts = append(hosts, PoolHost{Name: name, Refusal: "not among the provider's hosts"})
		}
	}
	slices.SortFunc(hosts, func(a, b PoolHost) int { return strings.Compare(a.Name, b.Name) })
	return Pool{ResourcePool: pool, Quota: pool.Tenants[tenant], Used: used, Hosts: hosts}, nil
}

// inPool looks at the room of the host.
func (m *Member) inPool(ctx context.Context) (PoolHost, error) {
	h := PoolHost{Name: m.Name}
	var room provision.Room
	err := m.silence.ask(func() (err error) { room, err = m.now(ctx); return err })
	switch {
	case isLost(err):
		h.Refusal = m.State().String()
		return h, nil
	case err != nil && host.Unanswered(err):
		h.Refusal = "it does not answer: " + err.Error()
		return h, nil
	case err != nil:
		return h, err
	}
	h.Room, h.Refusal = &room, cmp.Or(m.bars(), room.Lacks(least).String())
	return h, nil
}
