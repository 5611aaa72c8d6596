package imagestore

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
)

const digestA, digestB = "sha256:aa", "sha256:bb"

// Only certain facts count: things of another tenant or another catalog may be hidden.
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
		"by another catalog's":               {listed("4711:shop/web@9.0.0"), false},
		"by the pool's own, for a database":  {listed(":shop/web@9.0.0"), false},
		"by one of another tenant that left": {listed("shop/web@9.0.0", "bank/vault@1.0.0"), false},
	} {
		s := inMemory(t)
		s.version(t, catalog.Version{ID: web.Version("1.0.0"), Digest: digestA})
		s.version(t, catalog.Version{ID: web.Version("1.1.0"), Digest: digestB})
		s.version(t, catalog.Version{ID: web.Version("2.0.0"), Claim: &catalog.Claim{Volume: "nova.base.x"}})
		rec := s.base(t, catalog.Base{Digest: digestA, State: catalog.BaseReady, Versions: c.versions})
		found := (collector{s.Store}).unlisted(must.Get[holdings](t)((collector{s.Store}).holdings(t.Context())))
		if (len(found) == 1) != c.unused {
			t.Errorf("used %s: found %d unused bases", name, len(found))
		}
		if certain := must.Get[bool](t)((collector{s.Store}).certainlyUnlisted(t.Context(), rec.Value)); c.unused &&
			!certain {
			t.Errorf("used %s: not certain of what the listing says", name)
		}
	}
}

func TestTheTimeWithoutAUseIsNoted(t *testing.T) {
	s := inMemory(t)
	rec := s.base(t, catalog.Base{Digest: digestA, State: catalog.BaseReady})
	again := func(hung bool) *time.Time {
		t.Helper()
		before := rec
		if err := (collector{s.Store}).collectBase(t.Context(), rec, hung); err != nil {
			t.Fatal(err)
		}
		rec = must.Get[catalog.Record[catalog.Base]](t)(s.documents.Bases().Get(t.Context(), rec.Key))
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
	s.unusedFor = 0
	joined := rec.Value
	joined.Versions = []string{"shop/web@1.0.0"} // as a process that registers a version of it writes meanwhile
	must.Get[catalog.Record[catalog.Base]](t)(s.documents.Bases().Replace(t.Context(), rec.Key, rec.Revision, joined))
	if err := (collector{s.Store}).collectBase(t.Context(), rec, false); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("what somebody uses by now: %v, want %v", err, catalog.ErrConflict)
	}
}

// A linked clone keeps its base, even if its disk is in a pool that cannot be looked into.
func TestABaseIsUsedByItsLinkedClones(t *testing.T) {
	s := inMemory(t)
	clone := func(change func(*metadata.Facts)) []host.Domain {
		facts := metadata.Facts{
			Tenant:   "bank",
			Name:     "vault",
			Library:  "novacron",
			Digest:   digestA,
			Strategy: "linked_clone",
		}
		change(&facts)
		return []host.Domain{{Name: "bank.vault", Metadata: must.Get[string](t)(facts.Marshal())}}
	}
	hung := func(domains []host.Domain) (bool, error) {
		instances := must.Get[[]usage.Instance](t)(s.Store.usage.InstancesAmong(domains))
		return collector{s.Store}.hung(t.Context(), instances, catalog.Base{Digest: digestA})
	}
	for name, domains := range map[string][]host.Domain{
		"a linked clone":                clone(func(*metadata.Facts) {}),
		"one that does not say of whom": clone(func(f *metadata.Facts) { f.Library = "" }),
		"another one, and then one of it": slices.Concat(clone(func(f *metadata.Facts) { f.Digest = digestB }),
			clone(func(*metadata.Facts) {})),
		"one of any tenant and any domain": clone(func(f *metadata.Facts) { f.Tenant = "mill" }),
	} {
		if hung, err := hung(domains); !hung || err != nil {
			t.Errorf("%s: %t, %v", name, hung, err)
		}
	}
	for name, domains := range map[string][]host.Domain{
		"a full clone":          clone(func(f *metadata.Facts) { f.Strategy = "clone" }),
		"another image's":       clone(func(f *metadata.Facts) { f.Digest = digestB }),
		"another library's":     clone(func(f *metadata.Facts) { f.Library = "other" }),
		"somebody's own domain": {{Name: "own"}},
	} {
		if hung, err := hung(domains); hung || err != nil {
			t.Errorf("%s: %t, %v", name, hung, err)
		}
	}
}

func TestImagesOfThePoolAreToldFromStrays(t *testing.T) {
	old, just := time.Now().Add(-2*time.Hour), time.Now()
	volumes := []host.Volume{
		{Name: "nova.base.a.raw", Allocation: 10, Modified: old},
		{Name: "nova.base.b.qcow2", Allocation: 20, Modified: old},
		{Name: "nova.base.coming.2.raw", Allocation: 5, Modified: old},
		{Name: "nova.base.comin.raw", Allocation: 7, Modified: old},
		{Name: "nova.base.another.raw", Allocation: 7, Modified: just},
		{Name: "nova.base.1.raw", Allocation: 7, Modified: old},
		{Name: "nova.base.b.qcow2.map", Allocation: 3, Modified: old},
		{Name: "nova.base.1.raw.map", Allocation: 7, Modified: old},
		{Name: "nova.warm.a.qcow2", Allocation: 7, Modified: old},
		{Name: "nova.warm.b.save", Allocation: 7, Modified: old},
		{Name: "nova.warm.c.save", Allocation: 7, Modified: just},
	}
	held := holdings{
		bases: []catalog.Record[catalog.Base]{{Value: catalog.Base{Volume: "nova.base.a.raw"}},
			{Value: catalog.Base{Volume: "nova.base.b.qcow2"}},
			{Value: catalog.Base{Volume: "nova.base.gone.raw"}}},
		versions: map[string]catalog.Version{"shop/web@1.0.0": {}},
	}
	coming := []catalog.Record[catalog.Version]{
		{Value: catalog.Version{Claim: &catalog.Claim{Volume: "nova.base.coming"}}},
	}
	var got PoolContents
	got.count(volumes, held, coming, map[string]bool{
		"nova.base.b.qcow2": true, "nova.base.a.raw": false, "nova.base.gone.raw": true,
	}, []string{"nova.warm.a", "nova.warm.gone"})
	want := PoolContents{
		Images:      3,
		ImageBytes:  38,
		Unused:      1,
		UnusedBytes: 23,
		Strays:      []string{"nova.base.1.raw", "nova.base.1.raw.map", "nova.base.comin.raw", "nova.warm.b.save"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// The mark on a version that is being removed expires. The mark on its base does not.
func TestAVersionIsHeldByItsBase(t *testing.T) {
	s, id := inMemory(t), web.Version("1.0.0")
	base := catalog.Base{Digest: digestA, State: catalog.BaseReady, Volume: "nova.base.a.raw"}
	rec := s.base(t, base)
	if err := s.Holds(t.Context(), id, base); err != nil {
		t.Errorf("a base that is ready: %v", err)
	}
	for name, change := range map[string]func(*catalog.Base){
		"being removed": func(b *catalog.Base) { b.State = catalog.BaseDeleting },
		"sent anew":     func(b *catalog.Base) { b.State = catalog.BaseUploading },
		"another one":   func(b *catalog.Base) { b.Volume = "nova.base.b.raw" },
	} {
		is := base
		change(&is)
		s.lookAgain = func(ctx context.Context) (err error) { // it shows what another host has written
			rec, err = s.documents.Bases().Replace(ctx, rec.Key, rec.Revision, is)
			return err
		}
		if err := s.Holds(t.Context(), id, base); err == nil ||
			!strings.Contains(err.Error(), "being removed by another process") {
			t.Errorf("a base that is %s: %v", name, err)
		}
	}
	s.lookAgain = func(ctx context.Context) error { return s.documents.Bases().Delete(ctx, rec.Key, rec.Revision) }
	if err := s.Holds(t.Context(), id, base); err == nil || errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a base that is gone: %v", err)
	}
}
