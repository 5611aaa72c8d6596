package pgstore

import (
	"context"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// shared are documents of one kind about a pool: of its images, or of its warm snapshots. Several
// catalogs may share them: the one in the pool, and those in databases. Each document lists the
// versions that use what it is about. The stored document writes versions of a database as
// "CATALOG:tenant/name@1.0.0", with the catalog's id, and versions of the pool's own catalog
// without it, as ever. To callers it is the other way round: this catalog's own versions are bare,
// and the pool's begin with a colon. So no version is mistaken for one of another catalog, and no
// version that this role may not see is mistaken for one that is gone: a string with a colon is not
// a version's id (catalog.ParseVersionID).
type shared[T any] struct {
	store    *Store
	pool     catalog.Collection[T]
	versions func(*T) *[]string
}

// Get implements catalog.Collection.
func (s shared[T]) Get(ctx context.Context, key string) (catalog.Record[T], error) {
	id, err := s.store.ID(ctx)
	if err != nil {
		return catalog.Record[T]{}, err
	}
	rec, err := s.pool.Get(ctx, key)
	return s.read(id, rec), err
}

// List implements catalog.Collection.
func (s shared[T]) List(ctx context.Context, prefix string) ([]catalog.Record[T], error) {
	id, err := s.store.ID(ctx)
	if err != nil {
		return nil, err
	}
	records, err := s.pool.List(ctx, prefix)
	for i := range records {
		records[i] = s.read(id, records[i])
	}
	return records, err
}

// Create implements catalog.Collection.
func (s shared[T]) Create(ctx context.Context, key string, value T) (catalog.Record[T], error) {
	id, err := s.store.ID(ctx)
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
	id, err := s.store.ID(ctx)
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

// own reports whether a version of this catalog is one that the store's role may see in every
// state.
func (s shared[T]) own(version string) bool {
	return s.store.options.Tenant == "" || strings.HasPrefix(version, s.store.options.Tenant+"/")
}
