package poolstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// withinQuotas is the rule of a tenant's placements. The document has all placements of the tenant,
// so the sum that a change is compared by is that of the revision that the change is written on. The
// quotas themselves are in other documents: a quota that is changed at the same moment may count as
// it was before.
func (s *Store) withinQuotas(ctx context.Context, sh *shelf) (func(key string, to entry) error, error) {
	entries, err := sh.list("")
	if err != nil {
		return nil, err
	}
	records, err := s.Placements().(collection[catalog.Placement]).decodeAll(entries)
	if err != nil {
		return nil, err
	}
	l := ledger{
		s, make(map[string]catalog.Placement, len(records)), map[catalog.GroupClaim]string{},
		map[string]catalog.ResourcePool{},
	}
	for _, rec := range records {
		l.put(rec.Key, rec.Value)
	}
	return func(key string, to entry) error { return l.judge(ctx, key, to) }, nil
}

// ledger is the placements of a tenant while its next revision is composed.
type ledger struct {
	store *Store
	there map[string]catalog.Placement    // by their keys
	held  map[catalog.GroupClaim]string   // the keys of the placements that claim the values of strict groups
	pools map[string]catalog.ResourcePool // that were read, by their names
}

// judge notes what a record becomes, if the quotas allow it.
func (l *ledger) judge(ctx context.Context, key string, to entry) error {
	if to.revision == "" {
		l.put(key, catalog.Placement{})
		delete(l.there, key)
		return nil
	}
	var p catalog.Placement
	if err := json.Unmarshal(to.value, &p); err != nil {
		return err
	}
	if p.Key() != key {
		return fmt.Errorf("the document says that it is %q", p.Key())
	}
	if err := p.Check(); err != nil {
		return err
	}
	if err := l.apart(p); err != nil {
		return err
	}
	if err := l.admit(ctx, p); err != nil {
		return err
	}
	l.put(key, p)
	return nil
}

// admit compares what a placement adds with the quota of its tenant.
func (l *ledger) admit(ctx context.Context, p catalog.Placement) error {
	adds := p.Adds(l.there[p.Key()])
	if adds == (catalog.Usage{}) {
		return nil
	}
	pool, err := l.pool(ctx, p)
	if err != nil {
		return err
	}
	return pool.Admit(p.Tenant, catalog.Used(maps.Values(l.there), p.Tenant, p.Pool), adds)
}

// pool reads the resource pool of a placement, once.
func (l *ledger) pool(ctx context.Context, p catalog.Placement) (catalog.ResourcePool, error) {
	if known, is := l.pools[p.Pool]; is {
		return known, nil
	}
	// An older revision of the pool may allow what the newest one does not.
	rec, err := l.store.ResourcePools().Get(catalog.WithoutStandIns(ctx), p.Pool)
	if errors.Is(err, catalog.ErrNotFound) {
		err = &catalog.NoQuotaError{Pool: p.Pool, Tenant: p.Tenant}
	}
	if err == nil {
		l.pools[p.Pool] = rec.Value
	}
	return rec.Value, err
}
