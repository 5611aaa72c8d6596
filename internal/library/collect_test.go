package library

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

const digestA, digestB = "sha256:aa", "sha256:bb"

func (m *memory) base(t *testing.T, b catalog.Base) catalog.Record[catalog.Base] {
	t.Helper()
	return must[catalog.Record[catalog.Base]](t)(m.bases.Create(t.Context(), catalog.BaseKey(b.Digest), b))
}

// Only what is certain counts: what is another tenant's, or another catalogue's, may be hidden.
func TestABaseIsUsedByWhatMayBeThere(t *testing.T) {
	listed := func(ids ...string) []string { return ids }
	for name, c := range map[string]struct {
		versions []string
		unused   bool
	}{
		"by nothing":                         {nil, true},
		"by a version":                       {listed("shop/web@1.0.0"), false},
		"by one that comes":                  {listed("shop/web@2.0.0"), false},
		"by one that is not there":           {listed("shop/web@9.0.0"), true},
		"by one that has another image":      {listed("shop/web@1.1.0"), true},
		"by one of two":                      {listed("shop/web@9.0.0", "shop/web@1.0.0"), false},
		"by another tenant's":                {listed("bank/vault@1.0.0"), false},
		"by another catalogue's":             {listed("4711:shop/web@9.0.0"), false},
		"by the pool's own, for a database":  {listed(":shop/web@9.0.0"), false},
		"by one of another tenant that left": {listed("shop/web@9.0.0", "bank/vault@1.0.0"), false},
	} {
		m := &memory{}
		l := m.as(t, "shop", "ann")
		m.version(t, catalog.Version{ID: web.Version("1.0.0"), Digest: digestA})
		m.version(t, catalog.Version{ID: web.Version("1.1.0"), Digest: digestB})
		m.version(t, catalog.Version{ID: web.Version("2.0.0"), Coming: &catalog.Coming{Volume: "nova.base.x"}})
		rec := m.base(t, catalog.Base{Digest: digestA, State: catalog.BaseReady, Versions: c.versions})
		found := l.unlisted(must[holdings](t)(l.holdings(t.Context())))
		if (len(found) == 1) != c.unused {
			t.Errorf("used %s: found %d unused bases", name, len(found))
		}
		if certain := must[bool](t)(l.certainlyUnlisted(t.Context(), rec.Value)); c.unused && !certain {
			t.Errorf("used %s: not certain of what the listing says", name)
		}
	}
}

func TestTheTimeWithoutAUseIsNoted(t *testing.T) {
	m := &memory{}
	l := m.as(t, "shop", "ann")
	rec := m.base(t, catalog.Base{Digest: digestA, State: catalog.BaseReady})
	again := func(hung bool) *time.Time {
		t.Helper()
		before := rec
		if err := l.collectBase(t.Context(), rec, hung); err != nil {
			t.Fatal(err)
		}
		rec = must[catalog.Record[catalog.Base]](t)(m.bases.Get(t.Context(), rec.Key))
		if rec.Revision == before.Revision && (rec.Value.UnusedSince != nil) == hung {
			t.Error("nothing was noted")
		}
		return rec.Value.UnusedSince
	}
	if since := again(true); since != nil {
		t.Errorf("with a disk on it, unused since %v", since)
	}
	first := again(false)
	if first == nil || time.Since(*first) > time.Minute {
		t.Fatalf("unused since %v", first)
	}
	if since := again(false); !since.Equal(*first) {
		t.Errorf("unused since %v, and then since %v", first, since)
	}
	if since := again(true); since != nil {
		t.Errorf("with a disk on it, unused since %v", since)
	}
	again(false)
	l.unusedFor = 0
	joined := rec.Value
	joined.Versions = []string{"shop/web@1.0.0"} // as somebody who registers a version of it writes meanwhile
	must[catalog.Record[catalog.Base]](t)(m.bases.Replace(t.Context(), rec.Key, rec.Revision, joined))
	if err := l.collectBase(t.Context(), rec, false); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("what somebody uses by now: %v, want %v", err, catalog.ErrConflict)
	}
}

// A linked clone keeps its base, also where its disk is in a pool that cannot be looked into.
func TestABaseIsUsedByItsLinkedClones(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	clone := func(change func(*metadata.Facts)) []host.Domain {
		facts := metadata.Facts{Tenant: "bank", Name: "vault", Library: "novacron", Digest: digestA, Strategy: "linked_clone"}
		change(&facts)
		return []host.Domain{{Name: "bank.vault", Metadata: must[string](t)(facts.Marshal())}}
	}
	for name, domains := range map[string][]host.Domain{
		"a linked clone":                   clone(func(*metadata.Facts) {}),
		"one that does not say of whom":    clone(func(f *metadata.Facts) { f.Library = "" }),
		"another one, and then one of it":  slices.Concat(clone(func(f *metadata.Facts) { f.Digest = digestB }), clone(func(*metadata.Facts) {})),
		"one of any tenant and any domain": clone(func(f *metadata.Facts) { f.Tenant = "mill" }),
	} {
		if hung, err := l.hung(t.Context(), domains, catalog.Base{Digest: digestA}); !hung || err != nil {
			t.Errorf("%s: %t, %v", name, hung, err)
		}
	}
	for name, domains := range map[string][]host.Domain{
		"a full clone":          clone(func(f *metadata.Facts) { f.Strategy = "clone" }),
		"another image's":       clone(func(f *metadata.Facts) { f.Digest = digestB }),
		"another library's":     clone(func(f *metadata.Facts) { f.Library = "other" }),
		"somebody's own domain": {{Name: "own"}},
	} {
		// Then the pools are asked, of which there are none here.
		if hung, err := l.hung(t.Context(), domains, catalog.Base{Digest: digestA}); !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("%s: %t, %v", name, hung, err)
		}
	}
}

// Metadata that cannot be read are in the way where they may be an instance's, and nowhere else.
func TestDamagedMetadataMatterWhereADiskIsAnInstances(t *testing.T) {
	l := (&memory{}).as(t, "default", "ann")
	damaged := host.Domain{Name: "odd", Metadata: "<instance"}
	of := func(path string) []host.Domain {
		damaged.Disks = []host.DomainDisk{{Path: path}}
		return []host.Domain{damaged}
	}
	for path, want := range map[string]error{
		"/pool/nova.disk.default.odd.system.qcow2": catalog.ErrDamaged,
		"/pool/odd.qcow2":                          nil,
		"":                                         nil,
	} {
		if found, err := l.madeOf(of(path)); len(found) > 0 || !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("with the disk %q: %d instances, %v, want %v", path, len(found), err, want)
		}
	}
}

func TestTheStockTellsImagesFromWhatNobodyKnows(t *testing.T) {
	old, just := time.Now().Add(-2*time.Hour), time.Now()
	volumes := []host.Volume{
		{Name: "nova.base.a.raw", Allocation: 10, Modified: old}, {Name: "nova.base.b.qcow2", Allocation: 20, Modified: old},
		{Name: "nova.base.coming.2.raw", Allocation: 5, Modified: old}, {Name: "nova.base.comin.raw", Allocation: 7, Modified: old},
		{Name: "nova.base.another.raw", Allocation: 7, Modified: just}, {Name: "nova.base.1.raw", Allocation: 7, Modified: old},
		{Name: "nova.base.b.qcow2.map", Allocation: 3, Modified: old}, {Name: "nova.base.1.raw.map", Allocation: 7, Modified: old},
	}
	held := holdings{
		bases: []catalog.Record[catalog.Base]{{Value: catalog.Base{Volume: "nova.base.a.raw"}}, {Value: catalog.Base{Volume: "nova.base.b.qcow2"}},
			{Value: catalog.Base{Volume: "nova.base.gone.raw"}}},
		versions: map[string]catalog.Version{"shop/web@1.0.0": {}, "shop/web@2.0.0": {Coming: &catalog.Coming{Volume: "nova.base.coming"}}},
	}
	var s Stock
	s.count(volumes, held, map[string]bool{"nova.base.b.qcow2": true, "nova.base.a.raw": false, "nova.base.gone.raw": true})
	want := Stock{Images: 3, ImageBytes: 38, Unused: 1, UnusedBytes: 23, Strays: []string{"nova.base.1.raw", "nova.base.1.raw.map", "nova.base.comin.raw"}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("counted %+v, want %+v", s, want)
	}
}

// The mark on a version that is being removed expires. That on its base does not.
func TestAVersionIsHeldByItsBase(t *testing.T) {
	m := &memory{}
	l, id := m.as(t, "shop", "ann"), ubuntu.Version("1.0.0")
	base := catalog.Base{Digest: digestA, State: catalog.BaseReady, Volume: "nova.base.a.raw"}
	rec := m.base(t, base)
	if err := l.Holds(t.Context(), id, base); err != nil {
		t.Errorf("a base that is ready: %v", err)
	}
	for name, change := range map[string]func(*catalog.Base){
		"being removed": func(b *catalog.Base) { b.State = catalog.BaseDeleting },
		"sent anew":     func(b *catalog.Base) { b.State = catalog.BaseUploading },
		"another one":   func(b *catalog.Base) { b.Volume = "nova.base.b.raw" },
	} {
		is := base
		change(&is)
		l.lookAgain = func(ctx context.Context) (err error) { // which shows what another host has written
			rec, err = m.bases.Replace(ctx, rec.Key, rec.Revision, is)
			return err
		}
		if err := l.Holds(t.Context(), id, base); err == nil || !strings.Contains(err.Error(), "being removed by another process") {
			t.Errorf("a base that is %s: %v", name, err)
		}
	}
	l.lookAgain = func(ctx context.Context) error { return m.bases.Delete(ctx, rec.Key, rec.Revision) }
	if err := l.Holds(t.Context(), id, base); err == nil || errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a base that is gone: %v", err)
	}
}
