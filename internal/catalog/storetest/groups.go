package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// grouped is a placement of the tenant t1 in the strict group web, which claims a zone.
func grouped(name, zone string) catalog.Placement {
	return catalog.Placement{
		Tenant: "t1", Name: name, Host: "kvm1", State: catalog.PlacementPlaced,
		Group: "web", Apart: "zone", Strict: true, Value: zone,
	}
}

func groups(t *testing.T, site Site) {
	c, ctx := site.Open("t1").Placements(), t.Context()
	create := func(p catalog.Placement) error { return second(c.Create(ctx, p.Key(), p)) }
	change := func(name string, edit func(*catalog.Placement)) error {
		return second(catalog.Change(ctx, c, "t1/"+name, func(p *catalog.Placement) error { edit(p); return nil }))
	}
	admitted := func(doing string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", doing, err)
		}
	}
	refused := func(doing string, err error, value, holder string) {
		t.Helper()
		want := catalog.GroupError{
			GroupClaim: catalog.GroupClaim{Tenant: "t1", Group: "web", Apart: "zone", Value: value}, Holder: holder,
		}
		if got, is := errors.AsType[*catalog.GroupError](err); !is || *got != want {
			t.Errorf("%s: %v, want %v", doing, err, &want)
		}
	}
	edited := func(p catalog.Placement, edit func(*catalog.Placement)) catalog.Placement { edit(&p); return p }

	admitted("the first", create(grouped("a", "one")))
	refused("another one with its value", create(grouped("b", "one")), "one", "a")
	wants(t, "reading what was refused", catalog.ErrNotFound)(c.Get(ctx, "t1/b"))
	wants(t, "claiming its name and its value", catalog.ErrExists)(c.Create(ctx, "t1/a", grouped("a", "one")))
	admitted("one with another value", create(grouped("b", "two")))

	// What does not claim the same.
	for doing, edit := range map[string]func(*catalog.Placement){
		"of another group":       func(p *catalog.Placement) { p.Group = "web2" },
		"apart by another label": func(p *catalog.Placement) { p.Apart = "rack" },
		"which is not strict":    func(p *catalog.Placement) { p.Strict = false },
		"which claims nothing":   func(p *catalog.Placement) { p.Value = "" },
		"of no group": func(p *catalog.Placement) {
			p.Group, p.Apart, p.Strict, p.Value = "", "", false, ""
		},
		"with a value like a part": func(p *catalog.Placement) { p.Value = "one/zone/on" },
	} {
		p := edited(grouped("other", "one"), edit)
		admitted("one "+doing, create(p))
		rec := must.Value(c.Get(ctx, p.Key()))
		admitted("deleting it", c.Delete(ctx, rec.Key, rec.Revision))
	}
	foreign := edited(grouped("a", "one"), func(p *catalog.Placement) { p.Tenant = "t2" })
	admitted("one of another tenant", second(site.Open("t2").Placements().Create(ctx, foreign.Key(), foreign)))

	// A move claims the value that it goes to from its beginning, and keeps the one that it comes from.
	admitted("changing something else", change("a", func(p *catalog.Placement) { p.VCPUs = 2 }))
	moving := func(to string) func(p *catalog.Placement) {
		return func(p *catalog.Placement) { p.State, p.ToValue = catalog.PlacementMoving, to }
	}
	refused("moving to a value that is claimed", change("a", moving("two")), "two", "b")
	admitted("moving to a free one", change("a", moving("three")))
	refused("the value that it comes from", create(grouped("c", "one")), "one", "a")
	refused("the value that it goes to", create(grouped("c", "three")), "three", "a")
	refused("changing to that", change("b", func(p *catalog.Placement) { p.Value = "three" }), "three", "a")
	admitted("arriving", change("a", func(p *catalog.Placement) {
		p.State, p.Value, p.ToValue = catalog.PlacementPlaced, p.ToValue, ""
	}))
	admitted("claiming what that frees", create(grouped("c", "one")))
	admitted("moving again", change("a", moving("four")))
	admitted("staying", change("a", func(p *catalog.Placement) { p.State, p.ToValue = catalog.PlacementPlaced, "" }))
	admitted("claiming what that frees", create(grouped("d", "four")))

	// What a change frees.
	refused("joining the group", change("d", func(p *catalog.Placement) { p.Value = "two" }), "two", "b")
	admitted("leaving it", change("b", func(p *catalog.Placement) { p.Strict, p.Value = false, "" }))
	admitted("claiming what that frees", change("d", func(p *catalog.Placement) { p.Value = "two" }))
	refused("coming back", change("b", func(p *catalog.Placement) { p.Strict, p.Value = true, "two" }), "two", "d")
	rec := must.Value(c.Get(ctx, "t1/d"))
	admitted("deleting", c.Delete(ctx, rec.Key, rec.Revision))
	admitted("claiming what that frees", change("b", func(p *catalog.Placement) { p.Strict, p.Value = true, "two" }))

	for doing, edit := range map[string]func(*catalog.Placement){
		"a group with a wrong name":          func(p *catalog.Placement) { p.Group = "a/b" },
		"a group that is apart by nothing":   func(p *catalog.Placement) { p.Apart = "" },
		"no group that is apart by anything": func(p *catalog.Placement) { p.Group = "" },
		"a value that is too long": func(p *catalog.Placement) {
			p.Value = fmt.Sprintf("%0256d", 1)
		},
	} {
		if err := create(edited(grouped("wrong", "five"), edit)); err == nil {
			t.Errorf("%s is stored", doing)
		}
	}
	for _, tenant := range []string{"t1", "t2"} {
		c := site.Open(tenant).Placements()
		for _, rec := range must.Value(c.List(ctx, tenant+"/")) {
			admitted("deleting "+rec.Key, c.Delete(ctx, rec.Key, rec.Revision))
		}
	}
}

// groupCrowd checks that processes which place instances of a group, move them and remove them at the same
// time never share a value.
func groupCrowd(t *testing.T, site Site) {
	const processes, values = 8, 4
	rounds := 60
	if site.Slow {
		rounds = 20
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	held, met := map[string]string{}, 0 // by value
	has := func(p catalog.Placement) {
		mu.Lock()
		defer mu.Unlock()
		for _, claim := range p.Claims() {
			if other, taken := held[claim.Value]; taken && other != p.Name {
				t.Errorf("%s has %s, and %s has it, too", p.Name, claim.Value, other)
			}
			held[claim.Value] = p.Name
		}
	}
	gives := func(name string, all ...string) {
		mu.Lock()
		defer mu.Unlock()
		for _, value := range all {
			if held[value] == name {
				delete(held, value)
			}
		}
	}
	clash := func(err error) {
		if _, is := errors.AsType[*catalog.GroupError](err); !is {
			t.Error(err)
		}
		mu.Lock()
		met++
		mu.Unlock()
	}
	for n := range processes {
		c := site.Open("t1").Placements()
		draw, name := rand.New(rand.NewPCG(uint64(n), 7)), fmt.Sprint("i", n)
		group.Go(func() {
			for range rounds {
				p := grouped(name, fmt.Sprint("v", draw.IntN(values)))
				rec, err := c.Create(t.Context(), p.Key(), p)
				if err != nil {
					clash(err)
					continue
				}
				has(p)
				to := p
				to.ToValue = fmt.Sprint("v", draw.IntN(values))
				moved, err := c.Replace(t.Context(), rec.Key, rec.Revision, to)
				if err != nil {
					clash(err)
				} else {
					has(to)
					rec = moved
				}
				gives(name, p.Value, to.ToValue) // before the delete frees them
				if err := c.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if met == 0 {
		t.Error("no process has met another")
	}
}
