package library

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// TestManyTenantsSeeWhatTheyShould runs random changes by several users against a reference that
// implements only the rules.
func TestManyTenantsSeeWhatTheyShould(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	random := rand.New(rand.NewPCG(1, 2))
	people := []catalog.Principal{
		{Tenant: "a", User: "x"},
		{Tenant: "a", User: "y", Groups: []string{"g"}},
		{Tenant: "b", User: "x"},
		{Tenant: "c", User: "z", Groups: []string{"g"}},
	}
	reference := map[catalog.TemplateID]catalog.Template{}
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	names := func(of ...string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(string) bool { return random.IntN(4) > 0 })
	}
	for step := range 4000 {
		me := people[random.IntN(len(people))]
		l := m.as(t, me.Tenant, me.User, me.Groups...)
		id := catalog.TemplateID{Tenant: pick("a", "b", "c"), Name: pick("one", "two", "three")}
		edit := func(t *catalog.Template) {
			t.Access = catalog.AccessControl{
				ReadUsers:   names("x", "y"),
				UseGroups:   names("g"),
				WriteUsers:  names("x", "y"),
				ReadTenants: names("d"),
				UseTenants:  names("d", "e"),
			}
			t.Public, t.State = random.IntN(5) == 0, catalog.State(pick("active", "archived", "deprecated"))
			if t.Access.ReadTenants == nil {
				t.Access.ReadTenants = []string{}
			}
			for _, tenant := range []string{"a", "b", "c"} {
				if tenant != t.ID.Tenant && random.IntN(3) == 0 {
					t.Access.UseTenants = append(t.Access.UseTenants, tenant)
				}
			}
		}
		was, there := reference[id]
		right := catalog.Nothing
		if there {
			right = was.Right(me)
		}
		switch random.IntN(4) {
		case 0:
			made := catalog.Template{ID: catalog.TemplateID{Tenant: me.Tenant, Name: id.Name}, Type: catalog.TypeVM}
			edit(&made)
			created, err := l.CreateTemplate(ctx, made)
			if _, taken := reference[made.ID]; taken != (err != nil) {
				t.Fatalf("step %d: %v makes %s, which is there: %v; %v", step, me, made.ID, taken, err)
			} else if !taken {
				reference[made.ID] = created
			}
		case 1:
			changed, err := l.UpdateTemplate(ctx, id, edit)
			wanted(t, step, me, right, catalog.Write, err)
			if err == nil {
				reference[id] = changed
			}
		case 2:
			err := l.DeleteTemplate(ctx, id)
			if right == catalog.Nothing && id.Tenant == me.Tenant {
				if (err != nil) != there {
					t.Fatalf("step %d: %v removes what is there: %t, and is not to be seen: %v", step, me, there, err)
				}
				break
			}
			if right == catalog.Nothing {
				if err == nil {
					t.Fatalf("step %d: %v has removed %s, or thinks so", step, me, id)
				}
				break
			}
			wanted(t, step, me, right, catalog.Write, err)
			if err == nil {
				delete(reference, id)
			}
		case 3:
			_, err := l.Template(ctx, id)
			wanted(t, step, me, right, catalog.Read, err)
		}
		var got, want []string
		for _, found := range must.Get[[]catalog.Template](t)(l.Search(ctx, catalog.Filter{})) {
			got = append(got, fmt.Sprint(found.ID, found.State, found.Owner))
		}
		for _, t := range reference {
			if t.Right(me) >= catalog.Read {
				want = append(want, fmt.Sprint(t.ID, t.State, t.Owner))
			}
		}
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("step %d: %v finds %q, want %q", step, me, got, want)
		}
	}
}

func wanted(t *testing.T, step int, me catalog.Principal, right, needs catalog.Right, err error) {
	t.Helper()
	_, refused := errors.AsType[*catalog.RightError](err)
	if hidden := errors.Is(err, catalog.ErrNotFound); (right >= needs) != (err == nil) ||
		(right == catalog.Nothing) != hidden || err != nil && !hidden && !refused {
		t.Fatalf("step %d: %v may %s, needs %s: %v", step, me, right, needs, err)
	}
}
