package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// quotas is what a fleet knows of resource pools, and what the running plan takes of them.
type quotas struct {
	source catalog.Collection[catalog.ResourcePool] // as the tenant sees them
	read   *coalesce.Answers[string, catalog.ResourcePool]
	placed coalesce.Answer[[]catalog.Record[catalog.Placement]] // of the tenant

	mu      sync.Mutex
	coming  map[string]catalog.ResourcePool // as the running plan creates or changes them, by name
	planned map[string]catalog.Placement    // of instances that it creates or changes, by instance
}

// QuotaRefusal says that the quota of a resource pool does not allow an instance. It wraps a
// catalog.QuotaError or a catalog.NoQuotaError.
type QuotaRefusal struct {
	cause error
	more  string // a sentence that follows the cause's; "" for none
}

func (e *QuotaRefusal) Error() string { return e.finding().Error() }

// Unwrap returns the catalog's error.
func (e *QuotaRefusal) Unwrap() error { return e.cause }

// As lets errors.As find the finding.List that the error is: it belongs to an attribute.
func (e *QuotaRefusal) As(target any) bool {
	list, ok := target.(*finding.List)
	if ok {
		*list = finding.List{e.finding()}
	}
	return ok
}

func (e *QuotaRefusal) finding() finding.Finding {
	f := finding.Finding{
		Path: finding.At("resource_pool"), Summary: "Quota exceeded", Detail: finding.Sentence(e.cause),
	}
	if _, none := errors.AsType[*catalog.NoQuotaError](e.cause); none {
		f.Summary = "No quota in the resource pool"
	}
	if e.more != "" {
		f.Detail += " " + e.more
	}
	return f
}

// asRefusal returns an error of the catalog about a quota as a QuotaRefusal, and any other error as it is.
func asRefusal(err error) error {
	if over, is := errors.AsType[*catalog.QuotaError](err); is {
		return &QuotaRefusal{cause: over}
	}
	if none, is := errors.AsType[*catalog.NoQuotaError](err); is {
		return &QuotaRefusal{cause: none}
	}
	return err
}

// Within reads the resource pool of a Where, so that it excludes the hosts that are not in the pool. It
// returns a QuotaRefusal if the tenant may not use the pool. A pool may be up to roomAge old.
//
// It also reads what the administrator says of hosts: those that take no instances are not chosen.
func (f *Fleet) Within(ctx context.Context, w Where) (Where, error) {
	if !f.Named() {
		return w, nil
	}
	if err := errors.Join(f.Know(ctx), f.homeLost()); err != nil || w.Pool == "" {
		return w, err
	}
	pool, err := f.resourcePool(ctx, w.Pool)
	if err == nil {
		w.within = &pool
	}
	return w, err
}

// resourcePool is a pool of which the tenant has a quota, as the running plan makes it.
func (f *Fleet) resourcePool(ctx context.Context, name string) (catalog.ResourcePool, error) {
	if pool, comes := f.quotas.comes(name); comes {
		return pool, f.mayUse(pool, name)
	}
	return f.storedPool(ctx, name)
}

// storedPool is resourcePool without what is only planned.
func (f *Fleet) storedPool(ctx context.Context, name string) (catalog.ResourcePool, error) {
	pool, err := f.quotas.read.Get(ctx, name, func() (catalog.ResourcePool, error) {
		if there, err := f.library.HasCatalog(ctx); err != nil {
			return catalog.ResourcePool{}, err
		} else if !there {
			return catalog.ResourcePool{}, catalog.ErrNotFound // which is not kept, as the same apply may change it
		}
		rec, err := f.quotas.source.Get(ctx, name)
		return rec.Value, err
	})
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return pool, err
	}
	return pool, f.mayUse(pool, name)
}

// mayUse returns a QuotaRefusal if the tenant has no quota in a pool, which is the zero value if there is
// none.
func (f *Fleet) mayUse(pool catalog.ResourcePool, name string) error {
	if _, named := pool.Tenants[f.library.Tenant()]; named {
		return nil
	}
	return &QuotaRefusal{cause: &catalog.NoQuotaError{Pool: name, Tenant: f.library.Tenant()}}
}

func (q *quotas) comes(name string) (pool catalog.ResourcePool, is bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	pool, is = q.coming[name]
	return pool, is
}

// PlanPool records what the running plan makes of a resource pool.
func (f *Fleet) PlanPool(p catalog.ResourcePool) {
	f.quotas.mu.Lock()
	defer f.quotas.mu.Unlock()
	if f.quotas.coming == nil {
		f.quotas.coming = map[string]catalog.ResourcePool{}
	}
	f.quotas.coming[p.Name] = p
}

// PlanQuota checks that the quota of a resource pool allows an instance as the running plan creates or
// changes it, together with all other instances that the plan creates and changes. It returns a
// QuotaRefusal otherwise. As for names and room, it waits a moment to learn what the plan removes. What
// the plan shrinks counts until that is done. name is "" while it is not known. b is nil for an instance
// that takes what it took before. With pool "" there is no quota, and nothing is read.
func (f *Fleet) PlanQuota(ctx context.Context, name, pool string, b *kind.Blueprint) error {
	if pool == "" || !f.Named() {
		return nil
	}
	limits, err := f.resourcePool(ctx, pool)
	if _, refused := errors.AsType[*QuotaRefusal](err); err != nil && !refused {
		return err
	}
	limits.Name = pool // of a pool that the tenant may not use, too
	if name == "" {
		name = rand.Text()
	}
	tenant := f.library.Tenant()
	admit := func() error {
		records, err := f.placed(ctx)
		if err != nil {
			return err
		}
		stay := slices.DeleteFunc(slices.Clone(records), func(rec catalog.Record[catalog.Placement]) bool {
			return f.library.Plan.Goes(rec.Value.UUID)
		})
		used, own, all := f.quotas.plan(stay, catalog.Placement{Tenant: tenant, Name: name, Pool: pool}, b)
		err = limits.Admit(tenant, used, all.Only(own))
		if _, over := errors.AsType[*catalog.QuotaError](err); over {
			return planning.Taken(err)
		}
		return err
	}
	err = f.library.Removals.WhilePlanning(ctx, admit)
	if _, over := errors.AsType[*catalog.QuotaError](err); over {
		gone, unsure := f.gone(ctx, pool)
		if unsure != nil {
			return unsure
		}
		for _, rec := range gone { // the apply removes their placements
			f.library.Plan.WillGo(rec.Value.UUID)
		}
		err = admit()
	}
	err = asRefusal(err)
	if refusal, is := errors.AsType[*QuotaRefusal](err); is {
		refusal.more = "What this plan creates and grows counts together."
	}
	return err
}

// plan notes what an instance becomes. It returns what the tenant takes of the instance's pool, what the
// instance adds to that, and what all planned instances add.
func (q *quotas) plan(
	records []catalog.Record[catalog.Placement], to catalog.Placement, b *kind.Blueprint,
) (used, own, all catalog.Usage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	there := map[string]catalog.Placement{}
	for _, rec := range records {
		there[rec.Value.Name] = rec.Value
	}
	grow(&to, there[to.Name], b)
	if q.planned == nil {
		q.planned = map[string]catalog.Placement{}
	}
	q.planned[to.Name] = to
	for _, p := range q.planned {
		if p.Pool == to.Pool {
			all = all.Plus(p.Adds(there[p.Name]))
		}
	}
	return catalog.Used(maps.Values(there), to.Tenant, to.Pool), to.Adds(there[to.Name]), all
}

// grow writes the figures that a placement has to have before its instance is changed from what a
// placement says to a blueprint: the larger ones. b is nil if the instance stays as it is.
func grow(p *catalog.Placement, was catalog.Placement, b *kind.Blueprint) {
	p.VCPUs, p.MemoryMB, p.DiskGB = was.VCPUs, was.MemoryMB, was.DiskGB
	if b != nil {
		to := usageOf(*b)
		p.VCPUs, p.MemoryMB, p.DiskGB = max(p.VCPUs, to.VCPUs), max(p.MemoryMB, to.MemoryMB), max(p.DiskGB, to.DiskGB)
	}
}

// placed are the placements of the tenant, up to roomAge ago.
func (f *Fleet) placed(ctx context.Context) ([]catalog.Record[catalog.Placement], error) {
	return f.quotas.placed.Get(ctx, func() ([]catalog.Record[catalog.Placement], error) {
		if there, err := f.library.HasCatalog(ctx); !there {
			return nil, err
		}
		return f.placements.List(ctx, f.library.Tenant()+"/")
	})
}

// PoolOf is the resource pool of an instance, by its placement up to roomAge ago; "" for none.
func (f *Fleet) PoolOf(ctx context.Context, i kind.Instance) (string, error) {
	if !f.Named() {
		return "", nil
	}
	records, err := f.placed(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the resource pool of instance %q: %w", i.Facts.Name, err)
	}
	for _, rec := range records {
		if rec.Value.Name == i.Facts.Name && rec.Value.UUID == i.UUID {
			return rec.Value.Pool, nil
		}
	}
	return "", nil
}

// usageOf is what an instance of a blueprint takes of a quota.
func usageOf(b kind.Blueprint) catalog.Usage {
	d := provision.DemandOf(b)
	var disks uint64
	for _, drive := range b.Drives {
		disks += drive.Size
	}
	return catalog.Usage{VCPUs: d.VCPUs, MemoryMB: d.MemoryMB, DiskGB: gibOf(disks), Instances: 1}
}

// gibOf is a number of bytes in GiB, rounded up.
func gibOf(bytes uint64) int64 {
	const gib = 1 << 30
	return int64(bytes/gib + min(1, bytes%gib))
}
