package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// register creates a version of a tenant's template in a store.
func register(t *testing.T, s catalog.Store, template, number string, edit func(*catalog.Version)) string {
	t.Helper()
	tenant, name, _ := strings.Cut(template, "/")
	v := catalog.Version{ID: catalog.TemplateID{Tenant: tenant, Name: name}.Version(number), Digest: "sha256:aa"}
	edit(&v)
	return must.Value(s.Versions().Create(t.Context(), v.ID.String(), v)).Key
}

func claimed(v *catalog.Version) {
	v.Digest, v.Claim = "", &catalog.Claim{Runner: "build/1", By: "it", Volume: "nova.base." + v.ID.Version}
}

func keysOf[T any](records []catalog.Record[T]) []string {
	keys := []string{}
	for _, rec := range records {
		keys = append(keys, rec.Key)
	}
	return keys
}

// Versions that are being registered are found among those that are.
func coming(t *testing.T, site Site) {
	s, ctx := site.Open("t1"), t.Context()
	c := s.Versions()
	var want []string
	for n := range 6 {
		number := fmt.Sprintf("%d.0.0", n)
		if n%2 == 0 {
			want = append(want, register(t, s, "t1/a", number, claimed))
		} else {
			register(t, s, "t1/a", number, func(*catalog.Version) {})
		}
	}
	register(t, s, "t1/b", "1.0.0", func(*catalog.Version) {})
	want = append(want, register(t, s, "t1/b", "2.0.0", claimed))
	register(t, site.Open("t2"), "t2/a", "1.0.0", claimed)
	for prefix, want := range map[string][]string{"t1/": want, "t1/b@": want[3:], "t1/c@": {}} {
		found := must.Value(catalog.Coming(ctx, c, prefix))
		if got := keysOf(found); !slices.Equal(got, want) {
			t.Errorf("with the prefix %q, %q are coming, want %q", prefix, got, want)
		}
		for _, rec := range found {
			if read := must.Value(c.Get(ctx, rec.Key)); !reflect.DeepEqual(read, rec) {
				t.Errorf("listed %+v, where %+v is", rec, read)
			}
		}
	}
	rec := must.Value(c.Get(ctx, want[0]))
	rec.Value.Claim, rec.Value.Digest = nil, "sha256:bb"
	must.Value(c.Replace(ctx, rec.Key, rec.Revision, rec.Value))
	if got := keysOf(must.Value(catalog.Coming(ctx, c, "t1/"))); !slices.Equal(got, want[1:]) {
		t.Errorf("once one of them is registered, %q are coming, want %q", got, want[1:])
	}
}

// Some documents are read at once by their keys.
func among(t *testing.T, site Site) {
	s, ctx := site.Open("t1"), t.Context()
	c := s.Versions()
	all := make([]string, 5)
	for n := range all {
		all[n] = register(t, s, "t1/a", fmt.Sprintf("%d.0.0", n), func(*catalog.Version) {})
	}
	for _, keys := range [][]string{
		nil, {all[3]}, {all[4], all[0]}, {all[2], "t1/a@9.0.0", all[2], "t1/gone@1.0.0"}, {"t1/a@"}, all,
	} {
		want := []string{}
		for _, key := range all {
			if slices.Contains(keys, key) {
				want = append(want, key)
			}
		}
		found := must.Value(catalog.Among(ctx, c, "t1/", keys))
		if got := keysOf(found); !slices.Equal(got, want) {
			t.Errorf("among %q are %q, want %q", keys, got, want)
		}
		for _, rec := range found {
			if read := must.Value(c.Get(ctx, rec.Key)); !reflect.DeepEqual(read, rec) {
				t.Errorf("listed %+v, where %+v is", rec, read)
			}
		}
	}
}

// Documents are selected by their keys, of kinds that a store keeps in different ways.
func selected(t *testing.T, site Site) {
	s, ctx := site.Open("t1"), t.Context()
	for _, name := range []string{"a", "a.b", "b", "c"} {
		must.Value(s.Templates().Create(ctx, "t1/"+name, template(name)))
		register(t, s, "t1/"+name, "1.0.0", func(*catalog.Version) {})
	}
	for _, name := range []string{"gold", "silver", "iron"} {
		pool := gold(1)
		pool.Name = name
		offer(t, site, pool)
	}
	selects(t, s.Templates(), "t1/", []string{"t1/a", "t1/a.b", "t1/b", "t1/c"})
	selects(t, s.Versions(), "t1/a", []string{"t1/a.b@1.0.0", "t1/a@1.0.0"})
	selects(t, site.Open("").ResourcePools(), "", []string{"gold", "iron", "silver"})
}

func selects[T any](t *testing.T, c catalog.Collection[T], prefix string, all []string) {
	t.Helper()
	for n := range len(all) + 1 {
		wanted := func(key string) bool { return slices.Contains(all[n:], key) }
		if got := keysOf(must.Value(catalog.Selected(t.Context(), c, prefix, wanted))); !slices.Equal(got, all[n:]) {
			t.Errorf("selected %q, want %q", got, all[n:])
		}
	}
	none := must.Value(catalog.Selected(t.Context(), c, prefix, func(string) bool { return false }))
	if len(none) > 0 {
		t.Errorf("selected %q, want nothing", keysOf(none))
	}
}

// A listing that a store reads in parts has every document once, in order.
func longListing(t *testing.T, site Site) {
	documents := 1050
	if site.Slow {
		documents = 100
	}
	writer := site.Open("t1").Requests()
	var group errgroup.Group
	group.SetLimit(64)
	want := make([]string, documents)
	for n := range want {
		id := catalog.RequestID{Tenant: "t1", ID: fmt.Sprintf("r-%d-%d", n%8, n)}
		want[n] = id.String()
		group.Go(func() error {
			return second(writer.Create(t.Context(), id.String(), catalog.ProvisioningRequest{ID: id}))
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	c := site.Open("t1").Requests()
	for prefix, want := range map[string][]string{
		"": want, "t1/": want, "t1/r-1-": slices.DeleteFunc(slices.Clone(want), func(key string) bool {
			return !strings.HasPrefix(key, "t1/r-1-")
		}),
	} {
		if got := keysOf(must.Value(c.List(t.Context(), prefix))); !slices.Equal(got, want) {
			t.Errorf("%q lists %d documents, want %d in order", prefix, len(got), len(want))
		}
	}
	keys := append(slices.Clone(want), "t1/none")
	if got := keysOf(must.Value(catalog.Among(t.Context(), c, "t1/", keys))); !slices.Equal(got, want) {
		t.Errorf("among all are %d documents, want %d in order", len(got), len(want))
	}
}

func totals(t *testing.T, site Site) {
	s, ctx := site.Open("t1"), t.Context()
	counts := func(doing string, want catalog.Totals) {
		t.Helper()
		if got := must.Value(catalog.TotalsOf(ctx, s, "t1")); got != want {
			t.Errorf("%s: %+v, want %+v", doing, got, want)
		}
	}
	counts("nothing", catalog.Totals{})
	for _, name := range []string{"a", "b", "c"} {
		must.Value(s.Templates().Create(ctx, "t1/"+name, template(name)))
	}
	counts("templates alone", catalog.Totals{Templates: 3})
	stored := func(digest string, size int64) func(*catalog.Version) {
		return func(v *catalog.Version) { v.Digest, v.StoredSize = digest, size }
	}
	register(t, s, "t1/a", "1.0.0", stored("sha256:aa", 5_000_000_000))
	register(t, s, "t1/a", "1.0.1", stored("sha256:aa", 5_000_000_000))
	register(t, s, "t1/b", "1.0.0", stored("sha256:aa", 5_000_000_000))
	register(t, s, "t1/b", "2.0.0", stored("fsverity:bb", 70))
	register(t, s, "t1/b", "3.0.0", claimed)
	register(t, site.Open("t2"), "t2/a", "1.0.0", stored("sha256:cc", 1))
	counts("versions", catalog.Totals{Templates: 3, Versions: 4, Images: 2, ImageBytes: 5_000_000_070})
}

func poolUse(t *testing.T, site Site) {
	offer(t, site, gold(100))
	silver := gold(100)
	silver.Name = "silver"
	offer(t, site, silver)
	ctx, all := t.Context(), site.Open("").Placements()
	uses := func(doing, pool string, first int, want catalog.PoolUse) {
		t.Helper()
		if got := must.Value(catalog.UseOf(ctx, all, pool, first)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", doing, got, want)
		}
	}
	uses("nothing", "gold", 3, catalog.PoolUse{Tenants: map[string]catalog.Usage{}})
	for _, p := range []catalog.Placement{
		placement("c", 4), placement("a", 2), placement("b", 1), {Tenant: "t1", Name: "free", VCPUs: 9},
		{Tenant: "t2", Name: "d", Pool: "gold", VCPUs: 3, DiskGB: 5},
		{Tenant: "t1", Name: "aa", Pool: "silver", MemoryMB: 8},
	} {
		must.Value(site.Open(p.Tenant).Placements().Create(ctx, p.Key(), p))
	}
	tenants := map[string]catalog.Usage{
		"t1": {VCPUs: 7, MemoryMB: 3584, DiskGB: 30, Instances: 3}, "t2": {VCPUs: 3, DiskGB: 5, Instances: 1},
	}
	uses("some", "gold", 2, catalog.PoolUse{Tenants: tenants, First: []string{"t1/a", "t1/b"}})
	uses("all", "gold", 9, catalog.PoolUse{Tenants: tenants, First: []string{"t1/a", "t1/b", "t1/c", "t2/d"}})
	uses("none named", "gold", 0, catalog.PoolUse{Tenants: tenants})
	uses("another pool", "silver", 9, catalog.PoolUse{
		Tenants: map[string]catalog.Usage{"t1": {MemoryMB: 8, Instances: 1}}, First: []string{"t1/aa"},
	})
	if use := must.Value(catalog.UseOf(ctx, all, "gold", 0)); use.Instances() != 4 {
		t.Errorf("%d instances", use.Instances())
	}
}
