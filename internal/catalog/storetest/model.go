package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// errRefused stands for any refusal by a store that keeps tenants apart.
var errRefused = errors.New("not the tenant's own")

// reference is the simplest possible catalog: the store is compared with it.
type reference struct {
	enforced  bool
	templates map[string]entry[catalog.Template]
	versions  map[string]entry[catalog.Version]
}

type entry[T any] struct {
	value    T
	revision catalog.Revision // as the store has it
}

// seesTemplate reports whether a tenant sees a template.
func (r *reference) seesTemplate(tenant string, t catalog.Template) bool {
	shared := slices.Contains(t.Access.ReadTenants, tenant) || slices.Contains(t.Access.UseTenants, tenant)
	return !r.enforced || t.ID.Tenant == tenant || t.State != catalog.Draft && (t.Public || shared)
}

// seesVersion reports whether a tenant sees a version.
func (r *reference) seesVersion(tenant string, v catalog.Version) bool {
	if !r.enforced || v.ID.Template.Tenant == tenant {
		return true
	}
	of, there := r.templates[v.ID.Template.String()]
	return there && r.seesTemplate(tenant, of.value) && v.State != catalog.Draft && v.Claim == nil
}

// model runs random operations of several tenants on the store and on the reference, and compares
// all their answers.
func model(t *testing.T, site Site) {
	r := &reference{site.Enforced, map[string]entry[catalog.Template]{}, map[string]entry[catalog.Version]{}}
	stores := map[string]catalog.Store{}
	for _, tenant := range Tenants {
		stores[tenant] = site.Open(tenant)
	}
	c := rand.New(rand.NewPCG(1, 2))
	steps := 1500
	if site.Slow {
		steps /= 3
	}
	for step := range steps {
		actor, owner := Tenants[c.IntN(len(Tenants))], Tenants[c.IntN(len(Tenants))]
		if c.IntN(3) > 0 {
			owner = actor
		}
		id := catalog.TemplateID{Tenant: owner, Name: string(rune('a' + c.IntN(3)))}
		var err error
		if c.IntN(2) == 0 {
			k := kind[catalog.Template]{r, actor, stores[actor].Templates(), r.templates, r.seesTemplate}
			err = k.play(t.Context(), c, id.String(), randomTemplate(c, id))
		} else {
			v := randomVersion(c, id)
			k := kind[catalog.Version]{r, actor, stores[actor].Versions(), r.versions, r.seesVersion}
			err = k.play(t.Context(), c, v.ID.String(), v)
		}
		if err != nil {
			t.Fatalf("step %d: %s: %v", step, actor, err)
		}
	}
}

func randomTemplate(c *rand.Rand, id catalog.TemplateID) catalog.Template {
	t := catalog.Template{ID: id, Type: catalog.TypeVM, Description: fmt.Sprint(c.Uint64()), Public: c.IntN(4) == 0}
	t.State = catalog.State(append(catalog.States(), "")[c.IntN(5)])
	some := func() (names []string) {
		for _, tenant := range Tenants {
			if c.IntN(4) == 0 {
				names = append(names, tenant)
			}
		}
		return names
	}
	t.Access.ReadTenants, t.Access.UseTenants, t.Access.WriteUsers = some(), some(), some()
	return t
}

func randomVersion(c *rand.Rand, id catalog.TemplateID) catalog.Version {
	v := catalog.Version{ID: id.Version(fmt.Sprintf("%d.0.0", c.IntN(2))), Description: fmt.Sprint(c.Uint64())}
	v.State = catalog.State(append(catalog.States(), "")[c.IntN(5)])
	if c.IntN(5) == 0 {
		v.Claim = &catalog.Claim{Runner: "build/1"}
	}
	return v
}

// kind is the documents of one kind, in the store and in the reference.
type kind[T any] struct {
	reference *reference
	actor     string
	store     catalog.Collection[T]
	there     map[string]entry[T]
	sees      func(tenant string, value T) bool
}

func (k kind[T]) play(ctx context.Context, c *rand.Rand, key string, value T) error {
	own := !k.reference.enforced || strings.HasPrefix(key, k.actor+"/")
	now, there := k.there[key]
	visible := there && k.sees(k.actor, now.value)
	rev, current := now.revision, c.IntN(4) > 0
	if !current || !there {
		rev, current = "0", false
	}
	// The reason why a change fails, if it does.
	var refused error
	switch {
	case !visible:
		refused = catalog.ErrNotFound
	case !current:
		refused = catalog.ErrConflict
	case !own:
		refused = errRefused
	}
	switch c.IntN(6) {
	case 0:
		rec, err := k.store.Create(ctx, key, value)
		want := error(nil)
		if !own {
			want = errRefused
		} else if there {
			want = catalog.ErrExists
		}
		return k.wrote(key, rec, err, want)
	case 1:
		rec, err := k.store.Replace(ctx, key, rev, value)
		return k.wrote(key, rec, err, refused)
	case 2:
		err := k.store.Delete(ctx, key, rev)
		if err == nil {
			delete(k.there, key)
		}
		return compare("deleting "+key, err, refused)
	case 3:
		rec, err := k.store.Get(ctx, key)
		want := error(nil)
		if !visible {
			want = catalog.ErrNotFound
		} else if err == nil && (!reflect.DeepEqual(rec.Value, now.value) || rec.Revision != now.revision) {
			return fmt.Errorf("%s is %+v, want %+v", key, rec, now)
		}
		return compare("reading "+key, err, want)
	default:
		return k.list(ctx, []string{"", "t1/", "t2", "t3/a", "t2/b@"}[c.IntN(5)])
	}
}

// wrote compares the results of a write, and applies it to the reference.
func (k kind[T]) wrote(key string, rec catalog.Record[T], err, want error) error {
	if err == nil {
		k.there[key] = entry[T]{rec.Value, rec.Revision}
	}
	return compare("writing "+key, err, want)
}

func compare(doing string, err, want error) error {
	refused := errors.Is(want, errRefused) && err != nil && !errors.Is(err, catalog.ErrExists)
	if errors.Is(err, want) || refused {
		return nil
	}
	return fmt.Errorf("%s: %w, want %w", doing, orDone(err), orDone(want))
}

var errDone = errors.New("done")

func orDone(err error) error {
	if err == nil {
		return errDone
	}
	return err
}

func (k kind[T]) list(ctx context.Context, prefix string) error {
	records, err := k.store.List(ctx, prefix)
	if err != nil {
		return err
	}
	got, want := map[string]entry[T]{}, map[string]entry[T]{}
	for _, rec := range records {
		got[rec.Key] = entry[T]{rec.Value, rec.Revision}
	}
	for key, e := range k.there {
		if strings.HasPrefix(key, prefix) && k.sees(k.actor, e.value) {
			want[key] = e
		}
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%q lists %+v, want %+v", prefix, got, want)
	}
	return nil
}
