// Package storetest is the contract of every catalog: one suite for all implementations of
// catalog.Store.
package storetest

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
)

// Tenants are the tenants of a Site.
var Tenants = []string{"t1", "t2", "t3"}

// Site is an empty catalog.
type Site struct {
	// Open opens the catalog as a process of that tenant does; "" is the administrator.
	Open func(tenant string) catalog.Store
	// Enforced says that the store itself keeps tenants apart. Otherwise the library does, and a
	// store shows everything.
	Enforced bool
	// Damage makes the template of that key unreadable, in every place where the catalog keeps it.
	Damage func(key string)
	// Slow says that each call takes milliseconds: the suite then runs only a third of the random
	// operations.
	Slow bool
}

// Run runs the suite; open creates a catalog for one test.
func Run(t *testing.T, open func(t *testing.T) Site) {
	for name, test := range map[string]func(*testing.T, Site){
		"ADocumentLivesAndDies":          livesAndDies,
		"ARevisionIsNeverUsedAgain":      revisions,
		"ListsByPrefixInOrder":           listing,
		"KeepsEveryCharacter":            characters,
		"KindsAreApart":                  kinds,
		"ConcurrentWritersLoseNothing":   writers,
		"OneOfManyCreatorsAndDeleters":   creators,
		"ACancelledCallDoesNothing":      cancelled,
		"RandomOperationsOfManyCompared": model,
		"TellsItsTime":                   clock,
		"WhatIsDamagedIsNotGone":         damaged,
		"APlacementIsAClaim":             claims,
		"OneOfManyGetsAName":             oneClaim,
		"UnsettledPlacementsAreFound":    unsettled,
		"ComingVersionsAreFound":         coming,
		"SomeDocumentsAreReadTogether":   among,
		"LongListingsAreWhole":           longListing,
		"DocumentsAreSelectedByKey":      selected,
		"WhatATenantHasIsCounted":        totals,
		"WhatAPoolHasIsCounted":          poolUse,
		"QuotasLimitPlacements":          quotas,
		"EachFigureHasALimit":            eachFigure,
		"ManyTakeExactlyTheQuota":        crowds,
		"ManyNeverExceedTheQuota":        changes,
		"StrictGroupsAreApart":           groups,
		"ManyNeverShareAValue":           groupCrowd,
		"ResourcePoolsAreForAll":         resourcePools,
		"HostsAreForAll":                 hosts,
		"ContainersAreKept":              containers,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// template is a template of the tenant t1.
func template(name string) catalog.Template {
	return catalog.Template{ID: catalog.TemplateID{Tenant: "t1", Name: name}, Type: catalog.TypeVM}
}

func livesAndDies(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Templates(), t.Context()
	wants(t, "reading nothing", catalog.ErrNotFound)(c.Get(ctx, "t1/a"))
	wants(t, "changing nothing", catalog.ErrNotFound)(c.Replace(ctx, "t1/a", "1", template("a")))
	if err := c.Delete(ctx, "t1/a", "1"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("deleting nothing: %v", err)
	}
	made := must.Value(c.Create(ctx, "t1/a", template("a")))
	if made.Key != "t1/a" || made.Revision == "" || made.Value.ID.Name != "a" {
		t.Errorf("created %+v", made)
	}
	wants(t, "creating it again", catalog.ErrExists)(c.Create(ctx, "t1/a", template("a")))
	if read := must.Value(c.Get(ctx, "t1/a")); !reflect.DeepEqual(read, made) {
		t.Errorf("read %+v, where %+v was created", read, made)
	}
	changed := made.Value
	changed.Description = "changed"
	second := must.Value(c.Replace(ctx, "t1/a", made.Revision, changed))
	if read := must.Value(site.Open("t1").Templates().Get(ctx, "t1/a")); !reflect.DeepEqual(read, second) ||
		read.Value.Description != "changed" {
		t.Errorf("another process reads %+v, where %+v was written", read, second)
	}
	wants(t, "changing it with an old revision", catalog.ErrConflict)(c.Replace(ctx, "t1/a", made.Revision, changed))
	if err := c.Delete(ctx, "t1/a", made.Revision); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("deleting it with an old revision: %v", err)
	}
	if err := c.Delete(ctx, "t1/a", second.Revision); err != nil {
		t.Error(err)
	}
	wants(t, "reading what was deleted", catalog.ErrNotFound)(c.Get(ctx, "t1/a"))
}

// clock checks that all who open a catalog see one time, before they have written anything and
// afterwards.
func clock(t *testing.T, site Site) {
	writer, reader, ctx := site.Open("t1"), site.Open("t2"), t.Context()
	began := must.Value(reader.Now(ctx))
	must.Value(writer.Templates().Create(ctx, "t1/a", template("a")))
	wrote := must.Value(writer.Now(ctx))
	ended := must.Value(reader.Now(ctx))
	// A reading may be a little late, but never early.
	if late := time.Minute; wrote.Before(began.Add(-late)) || ended.Before(wrote.Add(-late)) || ended.Before(began) ||
		wrote.After(began.Add(late)) {
		t.Errorf("one process says %s and then %s, and another one between them %s", began, ended, wrote)
	}
	if wrote.Location() != time.UTC {
		t.Errorf("the time is one of %s", wrote.Location())
	}
	rec := must.Value(writer.Templates().Get(ctx, "t1/a"))
	if err := writer.Templates().Delete(ctx, rec.Key, rec.Revision); err != nil {
		t.Error(err)
	}
}

// damaged checks that a template that cannot be read is never reported as absent, and never
// changed.
func damaged(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Templates(), catalog.WithStandIns(t.Context(), &catalog.StandIns{})
	rec := must.Value(c.Create(ctx, "t1/a", template("a")))
	rec = must.Value(c.Replace(ctx, "t1/a", rec.Revision, rec.Value))
	other := catalog.Version{ID: template("a").ID.Version("1.0.0")}
	must.Value(site.Open("t1").Versions().Create(ctx, other.ID.String(), other))
	site.Damage("t1/a")
	c = site.Open("t1").Templates()
	wants(t, "reading it", catalog.ErrDamaged)(c.Get(ctx, "t1/a"))
	for _, prefix := range []string{"", "t1/", "t1/a"} {
		if found, err := c.List(ctx, prefix); !errors.Is(err, catalog.ErrDamaged) {
			t.Errorf("listing %q: %+v, %v", prefix, found, err)
		}
	}
	for doing, err := range map[string]error{
		"creating it again": second(c.Create(ctx, "t1/a", template("a"))),
		"changing it":       second(c.Replace(ctx, "t1/a", rec.Revision, rec.Value)),
		"deleting it":       c.Delete(ctx, "t1/a", rec.Revision),
	} {
		if err == nil || errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("%s: %v", doing, err)
		}
	}
	wants(t, "reading it after all that", catalog.ErrDamaged)(c.Get(ctx, "t1/a"))
	// no version is in a damaged document
	if found := must.Value(site.Open("t1").Versions().List(ctx, "t1/")); len(found) != 1 {
		t.Errorf("versions: %+v", found)
	}
}

func second[T any](_ T, err error) error { return err }

func revisions(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Templates(), t.Context()
	seen := map[catalog.Revision]bool{}
	for range 5 {
		rec := must.Value(c.Create(ctx, "t1/a", template("a")))
		for old := range seen {
			wants(t, "changing it with a revision of one that was deleted",
				catalog.ErrConflict)(c.Replace(ctx, "t1/a", old, rec.Value))
		}
		next := must.Value(c.Replace(ctx, "t1/a", rec.Revision, rec.Value)) // writing the same again is a change, too
		if seen[rec.Revision] || seen[next.Revision] || rec.Revision == next.Revision {
			t.Fatalf("revision %q or %q was used before", rec.Revision, next.Revision)
		}
		seen[rec.Revision], seen[next.Revision] = true, true
		if err := c.Delete(ctx, "t1/a", next.Revision); err != nil {
			t.Fatal(err)
		}
	}
}

func listing(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Versions(), t.Context()
	all := []string{}
	for _, name := range []string{"a", "a_b", "axb", "a.b", "a-b", "ab", "b", "0"} {
		for _, number := range []string{"1.0.0", "1.0.0-rc.1", "10.0.0", "2.0.0+build.5"} {
			v := catalog.Version{ID: catalog.TemplateID{Tenant: "t1", Name: name}.Version(number)}
			must.Value(c.Create(ctx, v.ID.String(), v))
			all = append(all, v.ID.String())
		}
	}
	slices.Sort(all)
	for _, prefix := range []string{
		"", "t", "t1/", "t1/a", "t1/a@", "t1/a_", "t1/a_b@", "t1/a.b@", "t1/a@1", "t1/a@1.0.0", "t1/a@2.0.0+", "t1/%",
		"t1/c", "t2/", "t1/zz",
	} {
		var want, got []string
		for _, key := range all {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		for _, rec := range must.Value(c.List(ctx, prefix)) {
			got = append(got, rec.Key)
			if rec.Value.ID.String() != rec.Key {
				t.Errorf("under %q is %q", rec.Key, rec.Value.ID)
			}
			if read := must.Value(c.Get(ctx, rec.Key)); read.Revision != rec.Revision {
				t.Errorf("%q is listed with revision %q and read with %q", rec.Key, rec.Revision, read.Revision)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q lists %q, want %q", prefix, got, want)
		}
	}
}

func characters(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Templates(), t.Context()
	doc := template("a")
	doc.Description = "quotes ' \" ` \\ $1 $$ %s; -- \n\r\t\v \x01\x1f\x7f <&> ünï \u2028 \U0001F680 \ufeff"
	doc.Labels = map[string]string{"Upper Case": "1", "": "empty", doc.Description: strings.Repeat("long ", 200_000)}
	low, high := "-1e400", "0.10000000000000000000000000000000000001"
	most, least := int64(math.MaxInt64), int64(math.MinInt64)
	doc.Spec.Parameters = map[string]parameter.Parameter{
		"P": {MinValue: &low, MaxValue: &high, MaxLength: &most, MinLength: &least},
	}
	doc.CreatedAt = time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)
	must.Value(c.Create(ctx, "t1/a", doc))
	if read := must.Value(site.Open("t1").Templates().Get(ctx, "t1/a")); !reflect.DeepEqual(read.Value, doc) {
		t.Errorf("read\n%+v\nwhere this was written:\n%+v", read.Value, doc)
	}
}

func kinds(t *testing.T, site Site) {
	s, ctx := site.Open("t1"), t.Context()
	must.Value(s.Templates().Create(ctx, "t1/a", template("a")))
	must.Value(s.Requests().Create(ctx, "t1/a", catalog.ProvisioningRequest{
		ID: catalog.RequestID{Tenant: "t1", ID: "a"}, Error: "mine",
	}))
	wants(t, "reading a version", catalog.ErrNotFound)(s.Versions().Get(ctx, "t1/a"))
	request := must.Value(s.Requests().Get(ctx, "t1/a"))
	if err := s.Requests().Delete(ctx, "t1/a", request.Revision); err != nil || request.Value.Error != "mine" {
		t.Errorf("%+v, %v", request, err)
	}
	must.Value(s.Templates().Get(ctx, "t1/a"))
}

func cancelled(t *testing.T, site Site) {
	c := site.Open("t1").Templates()
	rec := must.Value(c.Create(t.Context(), "t1/a", template("a")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wants(t, "creating", context.Canceled)(c.Create(ctx, "t1/b", template("b")))
	wants(t, "changing", context.Canceled)(c.Replace(ctx, "t1/a", rec.Revision, template("a")))
	wants(t, "reading", context.Canceled)(c.Get(ctx, "t1/a"))
	if err := c.Delete(ctx, "t1/a", rec.Revision); !errors.Is(err, context.Canceled) {
		t.Errorf("deleting: %v", err)
	}
	if _, err := c.List(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("listing: %v", err)
	}
	if all := must.Value(c.List(t.Context(), "")); len(all) != 1 || all[0].Revision != rec.Revision {
		t.Errorf("there is %+v", all)
	}
}

func wants(t *testing.T, doing string, want error) func(any, error) {
	t.Helper()
	return func(_ any, err error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", doing, err, want)
		}
	}
}
