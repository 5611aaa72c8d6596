package library

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
)

// Summary describes where a library's catalog is, and what the library's tenant has in it.
type Summary struct {
	Kind        string // pool, or what the store calls itself
	Enforcement string // advisory or server
	catalog.Totals
	Pool imagestore.PoolContents
}

// InPool reports whether the catalog is in the library's pool.
func (r *reader) InPool() bool {
	_, elsewhere := r.store.(interface{ Kind() string })
	return !elsewhere
}

// HasCatalog reports whether there is a catalog yet: its pool may be one that the first apply creates. It
// returns an error if that pool cannot be opened.
func (r *reader) HasCatalog(ctx context.Context) (bool, error) {
	if !r.InPool() {
		return true, nil
	}
	err := r.home.Pool().Check(ctx)
	return err == nil && r.home.Pool().Opened(), err
}

// Summary reads where the catalog is and the current numbers. Of other tenants it counts only the
// images that the pool holds.
func (l *Library) Summary(ctx context.Context) (Summary, error) {
	sum := Summary{Kind: "pool", Enforcement: "advisory"}
	if s, ok := l.store.(interface{ Kind() string }); ok {
		sum.Kind = s.Kind()
	}
	if s, ok := l.store.(interface{ Enforcement() string }); ok {
		sum.Enforcement = s.Enforcement()
	}
	if err := l.home.Open(ctx); err != nil {
		return sum, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		sum.Totals, err = catalog.TotalsOf(ctx, l.store, l.me.Tenant)
		return err
	})
	group.Go(func() (err error) {
		sum.Pool, err = l.home.PoolContents(ctx)
		return err
	})
	return sum, group.Wait()
}

// catalogName names the library's catalog, as the beginning of a sentence.
func (r *reader) catalogName() string {
	if s, ok := r.store.(fmt.Stringer); ok {
		return "The catalog in " + s.String()
	}
	return "The library in " + r.home.Pool().String()
}
