package pgstore

import (
	"context"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// document is a collection of one base, in the form that the pool stores.
type document struct {
	catalog.Collection[catalog.Base]
	base catalog.Base
}

func (d *document) Get(_ context.Context, key string) (catalog.Record[catalog.Base], error) {
	return catalog.Record[catalog.Base]{Key: key, Value: d.base}, nil
}

func (d *document) List(context.Context, string) ([]catalog.Record[catalog.Base], error) {
	return []catalog.Record[catalog.Base]{{Value: d.base}}, nil
}

func (d *document) Create(_ context.Context, key string, base catalog.Base) (catalog.Record[catalog.Base], error) {
	d.base = base
	return catalog.Record[catalog.Base]{Key: key, Value: base}, nil
}

func (d *document) Replace(
	ctx context.Context, key string, _ catalog.Revision, base catalog.Base,
) (catalog.Record[catalog.Base], error) {
	return d.Create(ctx, key, base)
}

// The same id in the pool's catalog, in two databases and of two tenants names that many different
// versions.
func TestVersionsOfSeveralCatalogsShareABase(t *testing.T) {
	first, second := newDatabase(t), newDatabase(t)
	pool := &document{base: catalog.Base{Versions: []string{"t1/a@1.0.0"}}}
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
	if !slices.Equal(pool.base.Versions, want) {
		t.Errorf("in the pool: %q, want %q", pool.base.Versions, want)
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
	if left := slices.Delete(want, 1, 2); !slices.Equal(pool.base.Versions, left) {
		t.Errorf("after one left: %q, want %q", pool.base.Versions, left)
	}

	administrator := must.Value(New(Options{DSN: first.dsn(pgtest.Superuser), Bases: pool}))
	defer administrator.Close()
	if seen := must.Value(
		administrator.Bases().Create(t.Context(), "digest", catalog.Base{Versions: []string{"t2/b@1.0.0"}}),
	); seen.Value.Versions[0] != "t2/b@1.0.0" || pool.base.Versions[0] != ids[0]+":t2/b@1.0.0" {
		t.Errorf("the administrator has %q, the pool %q", seen.Value.Versions, pool.base.Versions)
	}
}
