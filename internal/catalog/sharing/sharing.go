// Package sharing lets several catalogs share the documents about one pool: of its images, and of
// its warm snapshots. Each document lists the versions that use what it is about.
//
// A pool may have a catalog of its own, whose versions the stored documents write without an id, as
// ever. All other catalogs have an id: those in databases, and those in the pool of another host.
// The stored documents write their versions as "ID:tenant/name@1.0.0". To the callers of such a
// catalog it is the other way round: its own versions are bare, and the pool's begin with a colon.
// So no version is mistaken for one of another catalog, and no version that a tenant may not see is
// mistaken for one that is gone: a string with a colon is not a version's id
// (catalog.ParseVersionID).
package sharing

import (
	"context"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Catalog is a catalog that shares a pool with the pool's own.
type Catalog struct {
	// ID returns what distinguishes the catalog from others. It never changes, and has no colon.
	ID func(ctx context.Context) (string, error)
	// Tenant is the only tenant whose versions are certain to be visible in every state; "" if those
	// of all are.
	Tenant string
}

// Bases are the documents of a pool's images as the catalog sees them.
func (c Catalog) Bases(pool catalog.Collection[catalog.Base]) catalog.Collection[catalog.Base] {
	return shared[catalog.Base]{c, pool, func(b *catalog.Base) *[]string { return &b.Versions }}
}

// Snapshots are the documents of a pool's warm snapshots as the catalog sees them.
func (c Catalog) Snapshots(pool catalog.Collection[catalog.Snapshot]) catalog.Collection[catalog.Snapshot] {
	return shared[catalog.Snapshot]{c, pool, func(s *catalog.Snapshot) *[]string { return &s.Versions }}
}

// shared are documents of one kind.
type shared[T any] struct {
	Catalog
	pool     catalog.Collection[T]
	versions func(*T) *[]string
}

// Get implements catalog.Collection.
func (s shared[T]) Get(ctx context.Context, key string) (catalog.Record[T], error) {
	id, err := s.ID(ctx)
	if err != nil {
		return catalog.Record[T]{}, err
	}
	rec, err := s.pool.Get(ctx, key)
	return s.read(id, rec), err
}

// List implements catalog.Collection.
func (s shared[T]) List(ctx context.Context, prefix string) ([]catalog.Record[T], error) {
	id, err := s.ID(ctx)
	if err != nil {
		return nil, err
	}
	records, err := s.pool.List(ctx, prefix)
	for i := range records {
		records[i] = s.read(id, records[i])
	}
	return records, err
}

// Selected implements catalog.Selected.
func (s shared[T]) Selected(
	ctx context.Context, prefix string, match func(key string) bool,
) ([]catalog.Record[T], error) {
	id, err := s.ID(ctx)
	if err != nil {
		return nil, err
	}
	records, err := catalog.Selected(ctx, s.pool, prefix, match)
	for i := range records {
		records[i] = s.read(id, records[i])
	}
	return records, err
}

// Create implements catalog.Collection.
func (s shared[T]) Create(ctx context.Context, key string, value T) (catalog.Record[T], error) {
	id, err := s.ID(ctx)
	if err != nil {
		return catalog.Record[T]{}, err
	}
	rec, err := s.pool.Create(ctx, key, s.written(id, value))
	return s.read(id, rec), err
}

// Replace implements catalog.Collection.
func (s shared[T]) Replace(
	ctx context.Context, key string, rev catalog.Revision, value T,
) (catalog.Record[T], error) {
	id, err := s.ID(ctx)
	if err != nil {
		return catalog.Record[T]{}, err
	}
	rec, err := s.pool.Replace(ctx, key, rev, s.written(id, value))
	return s.read(id, rec), err
}

// Delete implements catalog.Collection.
func (s shared[T]) Delete(ctx context.Context, key string, rev catalog.Revision) error {
	return s.pool.Delete(ctx, key, rev)
}

func (s shared[T]) read(id string, rec catalog.Record[T]) catalog.Record[T] {
	s.rename(&rec.Value, func(v string) string {
		if own, ours := strings.CutPrefix(v, id+":"); ours && s.own(own) {
			return own
		}
		if !strings.Contains(v, ":") {
			return ":" + v
		}
		return v
	})
	return rec
}

func (s shared[T]) written(id string, value T) T {
	s.rename(&value, func(v string) string {
		if pools, ok := strings.CutPrefix(v, ":"); ok {
			return pools
		}
		if !strings.Contains(v, ":") {
			return id + ":" + v
		}
		return v
	})
	return value
}

// rename gives the versions of a value other names. The list itself may be shared, and stays.
func (s shared[T]) rename(value *T, to func(version string) string) {
	list := s.versions(value)
	*list = slices.Clone(*list)
	for i, v := range *list {
		(*list)[i] = to(v)
	}
}

// own reports whether a version of this catalog is one that is visible in every state.
func (s shared[T]) own(version string) bool {
	return s.Tenant == "" || strings.HasPrefix(version, s.Tenant+"/")
}
