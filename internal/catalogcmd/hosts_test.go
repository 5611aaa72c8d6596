package catalogcmd

import (
	"context"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/sharing"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// Copies on other hosts become those of the second catalog, as far as that has their versions.
func TestCopiesOnOtherHostsChangeTheirCatalog(t *testing.T) {
	h := fakehost.New()
	must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "pool", "/pool"))
	bases := poolstore.New(h, "pool").Bases()
	as := func(id string) catalog.Collection[catalog.Base] {
		return sharing.Catalog{ID: func(context.Context) (string, error) { return id, nil }}.Bases(bases)
	}
	const moved, stays, foreign = "default/web@1.0.0", "default/web@2.0.0", "third:default/web@1.0.0"
	must.Value(bases.Create(t.Context(), "sha256:aa", catalog.Base{
		Versions: []string{"first:" + moved, "first:" + stays, foreign},
	}))
	must.Value(bases.Create(t.Context(), "sha256:bb", catalog.Base{Versions: []string{foreign}}))
	shares := func(leave bool, want ...string) {
		t.Helper()
		n, err := share(t.Context(), as("first"), as("second"), func(b *catalog.Base) *[]string { return &b.Versions },
			func(id string) (bool, error) { return id == moved, nil }, leave)
		if err != nil || n != 1 {
			t.Errorf("%d documents are shared, %v", n, err)
		}
		got := must.Value(bases.Get(t.Context(), "sha256:aa")).Value.Versions
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for range 2 { // it may be run again
		shares(false, "first:"+moved, "first:"+stays, "second:"+moved, foreign)
	}
	shares(true, "first:"+stays, "second:"+moved, foreign)
	if got := must.Value(bases.Get(t.Context(), "sha256:bb")).Value.Versions; !slices.Equal(got, []string{foreign}) {
		t.Errorf("another catalog's document has %q", got)
	}
}
