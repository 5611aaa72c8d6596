package catalog

import (
	"context"
	"slices"
)

// A store may answer a narrow question without reading everything that a listing returns. Any other
// store answers it from its listings.

// unsettledLister is a collection of placements that can leave out those that nothing works on.
type unsettledLister interface {
	Unsettled(ctx context.Context, prefix string) ([]Record[Placement], error)
}

// Unsettled lists the placements that a process works on, or worked on when it died: all but those of
// instances that are on their hosts. It takes no longer because there are many of these, if the
// collection can leave them out.
func Unsettled(ctx context.Context, placements Collection[Placement], prefix string) ([]Record[Placement], error) {
	if u, can := placements.(unsettledLister); can {
		return u.Unsettled(ctx, prefix)
	}
	all, err := placements.List(ctx, prefix)
	return slices.DeleteFunc(slices.Clone(all), func(rec Record[Placement]) bool {
		return rec.Value.State == PlacementPlaced
	}), err
}

// comingLister is a collection of versions that can leave out those that are registered.
type comingLister interface {
	Coming(ctx context.Context, prefix string) ([]Record[Version], error)
}

// Coming lists the versions that a process registers, or registered when it died: those with a Claim. It
// takes no longer because there are many others, if the collection can leave them out.
func Coming(ctx context.Context, versions Collection[Version], prefix string) ([]Record[Version], error) {
	if c, can := versions.(comingLister); can {
		return c.Coming(ctx, prefix)
	}
	all, err := versions.List(ctx, prefix)
	return slices.DeleteFunc(slices.Clone(all), func(rec Record[Version]) bool { return rec.Value.Claim == nil }), err
}

// picker is a collection that can read some documents by their keys at once.
type picker[T any] interface {
	Among(ctx context.Context, keys []string) ([]Record[T], error)
}

// Among reads those of the documents of some keys that exist, ordered by key. All of the keys start with
// the prefix. It asks nothing if there are no keys.
func Among[T any](ctx context.Context, c Collection[T], prefix string, keys []string) ([]Record[T], error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if p, can := c.(picker[T]); can {
		return p.Among(ctx, keys)
	}
	wanted := make(map[string]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
	}
	all, err := c.List(ctx, prefix)
	return slices.DeleteFunc(slices.Clone(all), func(rec Record[T]) bool { return !wanted[rec.Key] }), err
}

// selector is a collection that can tell by its keys which documents to read.
type selector[T any] interface {
	Selected(ctx context.Context, prefix string, match func(key string) bool) ([]Record[T], error)
}

// Selected lists the documents whose keys start with the prefix and match, ordered by key. It reads no others, if
// the collection keeps each document apart.
func Selected[T any](
	ctx context.Context, c Collection[T], prefix string, match func(key string) bool,
) ([]Record[T], error) {
	if s, can := c.(selector[T]); can {
		return s.Selected(ctx, prefix, match)
	}
	all, err := c.List(ctx, prefix)
	return slices.DeleteFunc(slices.Clone(all), func(rec Record[T]) bool { return !match(rec.Key) }), err
}

// Totals are how much a tenant has in a catalog.
type Totals struct {
	Templates  int
	Versions   int   // that are registered
	Images     int   // that these use; versions of the same image share it
	ImageBytes int64 // the size of the images' files
}

// totaller is a store that can count without listing.
type totaller interface {
	Totals(ctx context.Context, tenant string) (Totals, error)
}

// TotalsOf counts what a tenant has.
func TotalsOf(ctx context.Context, s Store, tenant string) (Totals, error) {
	if t, can := s.(totaller); can {
		return t.Totals(ctx, tenant)
	}
	templates, err := TemplateHeads(ctx, s, tenant+"/")
	if err != nil {
		return Totals{}, err
	}
	versions, err := s.Versions().List(ctx, tenant+"/")
	sum := Totals{Templates: len(templates)}
	images := map[string]bool{}
	for _, rec := range versions {
		v := rec.Value
		if v.Claim != nil {
			continue
		}
		sum.Versions++
		if !images[v.Digest] {
			images[v.Digest] = true
			sum.Images++
			sum.ImageBytes += v.StoredSize
		}
	}
	return sum, err
}

// PoolUse is what is placed in a resource pool.
type PoolUse struct {
	Tenants map[string]Usage // of those that have instances in it
	First   []string         // the keys of the first placements, in order
}

// Instances is how many instances are in the pool.
func (u PoolUse) Instances() (n int64) {
	for _, usage := range u.Tenants {
		n += usage.Instances
	}
	return n
}

// poolCounter is a collection of placements that can sum them up.
type poolCounter interface {
	UseOf(ctx context.Context, pool string, first int) (PoolUse, error)
}

// UseOf sums up what all tenants that can be seen have in a resource pool, and names the first of their placements,
// at most that many.
func UseOf(ctx context.Context, placements Collection[Placement], pool string, first int) (PoolUse, error) {
	if c, can := placements.(poolCounter); can {
		return c.UseOf(ctx, pool, first)
	}
	records, err := placements.List(ctx, "")
	use := PoolUse{Tenants: map[string]Usage{}}
	for _, rec := range records {
		if rec.Value.Pool != pool {
			continue
		}
		use.Tenants[rec.Value.Tenant] = use.Tenants[rec.Value.Tenant].Plus(rec.Value.Usage())
		if len(use.First) < first {
			use.First = append(use.First, rec.Key)
		}
	}
	return use, err
}
