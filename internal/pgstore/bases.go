package pgstore

import (
	"context"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// bases are the documents of a pool's images, which several catalogs may share: the one in the
// pool, and those in databases. A base lists the versions that use it. The stored document writes
// versions of a database as "CATALOG:tenant/name@1.0.0", with the catalog's id, and versions of
// the pool's own catalog without it, as ever. To callers it is the other way round: this catalog's
// own versions are bare, and the pool's begin with a colon. So no version is mistaken for one of
// another catalog, and no version that this role may not see is mistaken for one that is gone: a
// string with a colon is not a version's id (catalog.ParseVersionID).
type bases struct {
	store  *Store
	shared catalog.Collection[catalog.Base]
}

// Get implements catalog.Collection.
func (b bases) Get(ctx context.Context, key string) (catalog.Record[catalog.Base], error) {
	id, err := b.store.ID(ctx)
	if err != nil {
		return catalog.Record[catalog.Base]{}, err
	}
	rec, err := b.shared.Get(ctx, key)
	return b.read(id, rec), err
}

// List implements catalog.Collection.
func (b bases) List(ctx context.Context, prefix string) ([]catalog.Record[catalog.Base], error) {
	id, err := b.store.ID(ctx)
	if err != nil {
		return nil, err
	}
	records, err := b.shared.List(ctx, prefix)
	for i := range records {
		records[i] = b.read(id, records[i])
	}
	return records, err
}

// Create implements catalog.Collection.
func (b bases) Create(ctx context.Context, key string, value catalog.Base) (catalog.Record[catalog.Base], error) {
	id, err := b.store.ID(ctx)
	if err != nil {
		return catalog.Record[catalog.Base]{}, err
	}
	rec, err := b.shared.Create(ctx, key, b.written(id, value))
	return b.read(id, rec), err
}

// Replace implements catalog.Collection.
func (b bases) Replace(
	ctx context.Context, key string, rev catalog.Revision, value catalog.Base,
) (catalog.Record[catalog.Base], error) {
	id, err := b.store.ID(ctx)
	if err != nil {
		return catalog.Record[catalog.Base]{}, err
	}
	rec, err := b.shared.Replace(ctx, key, rev, b.written(id, value))
	return b.read(id, rec), err
}

// Delete implements catalog.Collection.
func (b bases) Delete(ctx context.Context, key string, rev catalog.Revision) error {
	return b.shared.Delete(ctx, key, rev)
}

func (b bases) read(id string, rec catalog.Record[catalog.Base]) catalog.Record[catalog.Base] {
	rec.Value.Versions = slices.Clone(rec.Value.Versions)
	for i, v := range rec.Value.Versions {
		if own, ours := strings.CutPrefix(v, id+":"); ours && b.own(own) {
			rec.Value.Versions[i] = own
		} else if !strings.Contains(v, ":") {
			rec.Value.Versions[i] = ":" + v
		}
	}
	return rec
}

func (b bases) written(id string, base catalog.Base) catalog.Base {
	base.Versions = slices.Clone(base.Versions)
	for i, v := range base.Versions {
		if pools, ok := strings.CutPrefix(v, ":"); ok {
			base.Versions[i] = pools
		} else if !strings.Contains(v, ":") {
			base.Versions[i] = id + ":" + v
		}
	}
	return base
}

// own reports whether a version of this catalog is one that the store's role may see in every
// state.
func (b bases) own(version string) bool {
	return b.store.options.Tenant == "" || strings.HasPrefix(version, b.store.options.Tenant+"/")
}
