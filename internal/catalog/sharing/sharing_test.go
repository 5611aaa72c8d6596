package sharing

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// stored is a collection of one document, in the form that the pool stores.
type stored struct {
	catalog.Collection[catalog.Base]
	value catalog.Base
}

func (s *stored) Get(_ context.Context, key string) (catalog.Record[catalog.Base], error) {
	return catalog.Record[catalog.Base]{Key: key, Value: s.value}, nil
}

func (s *stored) Replace(
	_ context.Context, key string, _ catalog.Revision, value catalog.Base,
) (catalog.Record[catalog.Base], error) {
	s.value = value
	return catalog.Record[catalog.Base]{Key: key, Value: value}, nil
}

func of(id, tenant string) Catalog {
	return Catalog{ID: func(context.Context) (string, error) { return id, nil }, Tenant: tenant}
}

func TestEachCatalogSeesItsOwnVersionsBare(t *testing.T) {
	pool := &stored{value: catalog.Base{Versions: []string{
		"t1/a@1.0.0", "one:t1/a@1.0.0", "two:t1/a@1.0.0", "one:t2/a@1.0.0",
	}}}
	for _, c := range []struct {
		catalog Catalog
		sees    []string
	}{
		{of("one", ""), []string{":t1/a@1.0.0", "t1/a@1.0.0", "two:t1/a@1.0.0", "t2/a@1.0.0"}},
		{of("one", "t1"), []string{":t1/a@1.0.0", "t1/a@1.0.0", "two:t1/a@1.0.0", "one:t2/a@1.0.0"}},
		{of("two", "t1"), []string{":t1/a@1.0.0", "one:t1/a@1.0.0", "t1/a@1.0.0", "one:t2/a@1.0.0"}},
	} {
		bases, before := c.catalog.Bases(pool), slices.Clone(pool.value.Versions)
		rec, err := bases.Get(t.Context(), "digest")
		if err != nil || !slices.Equal(rec.Value.Versions, c.sees) {
			t.Errorf("it sees %q, %v, want %q", rec.Value.Versions, err, c.sees)
		}
		rec, err = bases.Replace(t.Context(), "digest", "", rec.Value)
		if err != nil || !slices.Equal(rec.Value.Versions, c.sees) || !slices.Equal(pool.value.Versions, before) {
			t.Errorf("written back, it is %q in the pool, and %q to the catalog, %v", pool.value.Versions,
				rec.Value.Versions, err)
		}
	}
}

func TestNothingIsReadWithoutTheID(t *testing.T) {
	silent := errors.New("silent")
	bases := Catalog{ID: func(context.Context) (string, error) { return "", silent }}.Bases(&stored{})
	_, read := bases.Get(t.Context(), "digest")
	_, written := bases.Replace(t.Context(), "digest", "", catalog.Base{})
	if !errors.Is(read, silent) || !errors.Is(written, silent) {
		t.Errorf("got %v and %v", read, written)
	}
}
