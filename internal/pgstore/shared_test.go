package pgstore

import (
	"context"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// document is a collection of one document, in the form that the pool stores.
type document[T any] struct {
	catalog.Collection[T]
	value T
}

func (d *document[T]) Get(_ context.Context, key string) (catalog.Record[T], error) {
	return catalog.Record[T]{Key: key, Value: d.value}, nil
}

func (d *document[T]) List(context.Context, string) ([]catalog.Record[T], error) {
	return []catalog.Record[T]{{Value: d.value}}, nil
}

func (d *document[T]) Create(_ context.Context, key string, value T) (catalog.Record[T], error) {
	d.value = value
	return catalog.Record[T]{Key: key, Value: value}, nil
}

func (d *document[T]) Replace(
	ctx context.Context, key string, _ catalog.Revision, value T,
) (catalog.Record[T], error) {
	return d.Create(ctx, key, value)
}

// The same id in the pool's catalog, in two databases and of two tenants names that many different
// versions.
func TestVersionsOfSeveralCatalogsShareABase(t *testing.T) {
	first, second := newDatabase(t), newDatabase(t)
	pool := &document[catalog.Base]{value: catalog.Base{Versions: []string{"t1/a@1.0.0"}}}
	open := func(d database, tenant string) catalog.Collection[catalog.Base] {
		s := must.Value(New(Options{DSN: d.dsn(d.roles[tenant]), Tenant: tenant, Bases: pool}))
		t.Cleanup(s.Close)
		return s.Bases()
	}
	join := func(c catalog.Collection[catalog.Base], version string) {
		t.Helper()
		rec := must.Value(c.Get(t.Context(), "digest"))
		if slices.Contains(rec.Value.Versions, version) {
			t.Errorf("%s is there before it joined: %q", version, rec.Value.Versions)
		}
		rec.Value.Versions = append(rec.Value.Versions, version)
		written := must.Value(c.Replace(t.Context(), "digest", "", rec.Value))
		if !slices.Equal(written.Value.Versions, rec.Value.Versions) {
			t.Errorf("wrote %q and got %q", rec.Value.Versions, written.Value.Versions)
		}
	}
	one, two, other := open(first, "t1"), open(second, "t1"), open(first, "t2")
	join(one, "t1/a@1.0.0")
	join(two, "t1/a@1.0.0")
	join(other, "t2/a@1.0.0")

	ids := []string{}
	for _, d := range []database{first, second} {
		ids = append(ids, must.Value(d.store(t, "t1").ID(t.Context())))
	}
	want := []string{"t1/a@1.0.0", ids[0] + ":t1/a@1.0.0", ids[1] + ":t1/a@1.0.0", ids[0] + ":t2/a@1.0.0"}
	if !slices.Equal(pool.value.Versions, want) {
		t.Errorf("in the pool: %q, want %q", pool.value.Versions, want)
	}
	for _, c := range []catalog.Collection[catalog.Base]{one, two, other} {
		var mine []string
		for _, v := range must.Value(c.List(t.Context(), ""))[0].Value.Versions {
			if _, err := catalog.ParseVersionID(v); err == nil {
				mine = append(mine, v)
			}
		}
		if len(mine) != 1 {
			t.Errorf("one of them has for its own %q", mine)
		}
	}

	rec := must.Value(one.Get(t.Context(), "digest"))
	rec.Value.Versions = slices.DeleteFunc(rec.Value.Versions, func(v string) bool { return v == "t1/a@1.0.0" })
	must.Value(one.Replace(t.Context(), "digest", "", rec.Value))
	if left := slices.Delete(want, 1, 2); !slices.Equal(pool.value.Versions, left) {
		t.Errorf("after one left: %q, want %q", pool.value.Versions, left)
	}

	warm := &document[catalog.Snapshot]{}
	database := must.Value(New(Options{DSN: first.dsn(first.roles["t1"]), Tenant: "t1", Snapshots: warm}))
	defer database.Close()
	seen := must.Value(database.Snapshots().Create(t.Context(), "key",
		catalog.Snapshot{Versions: []string{"t1/a@1.0.0", ":t1/a@1.0.0"}}))
	if got := warm.value.Versions; !slices.Equal(got, []string{ids[0] + ":t1/a@1.0.0", "t1/a@1.0.0"}) ||
		!slices.Equal(seen.Value.Versions, []string{"t1/a@1.0.0", ":t1/a@1.0.0"}) {
		t.Errorf("a snapshot's versions are %q, in the pool %q", seen.Value.Versions, got)
	}

	administrator := must.Value(New(Options{DSN: first.dsn(pgtest.Superuser), Bases: pool}))
	defer administrator.Close()
	if seen := must.Value(
		administrator.Bases().Create(t.Context(), "digest", catalog.Base{Versions: []string{"t2/b@1.0.0"}}),
	); seen.Value.Versions[0] != "t2/b@1.0.0" || pool.value.Versions[0] != ids[0]+":t2/b@1.0.0" {
		t.Errorf("the administrator has %q, the pool %q", seen.Value.Versions, pool.value.Versions)
	}
}
