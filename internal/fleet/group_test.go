package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// strict is the group web, whose instances are never together.
var strict = Where{Group: "web", Strict: true}

// zoned makes hosts a and b one zone, and the others another one.
func (w *world) zoned() {
	w.zones = map[string]string{"a": "north", "b": "north", "c": "south", "d": "south"}
}

// instance creates an instance.
func (w *world) instance(t *testing.T, name string, where Where) kind.Instance {
	t.Helper()
	i, _, err := create(t.Context(), w.process(), request(name, 64), where)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// claimed is what the placement of an instance claims: "web by host: a", with "+b" while it moves.
func (w *world) claimed(t *testing.T, name string) string {
	t.Helper()
	p := must.Get[catalog.Record[catalog.Placement]](t)(w.process().placements.Get(context.WithoutCancel(t.Context()),
		catalog.PlacementKey(naming.DefaultTenant, name))).Value
	text := fmt.Sprintf("%s by %s: %s", p.Group, p.Apart, p.Value)
	if p.ToValue != "" {
		text += "+" + p.ToValue
	}
	return text
}

// Instances of a group go to different hosts, whatever the room is, as far as there are hosts.
func TestAGroupIsKeptApartAsFarAsItGoes(t *testing.T) {
	for policy, want := range map[catalog.PlacementPolicy][]string{
		"": {"a", "b", "c", "a", "b", "c"}, catalog.Pack: {"a", "b", "c", "a", "b", "c"},
	} {
		inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
			var got []string
			for n := range want {
				_, on, err := create(t.Context(), w.process(), request(fmt.Sprintf("i%d", n), 1024),
					Where{Group: "web", Policy: policy})
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, on)
			}
			if !slices.Equal(got, want) {
				t.Errorf("policy %q places on %q, want %q", policy, got, want)
			}
		})
	}
	inWorld(t, plenty, []string{"a", "b", "c", "d"}, func(t *testing.T, w *world) {
		w.zoned()
		var got []string
		for n := range 4 {
			_, on, err := create(t.Context(), w.process(), request(fmt.Sprintf("i%d", n), 1024),
				Where{Group: "web", Apart: "zone", Policy: catalog.Pack})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, on)
		}
		if want := []string{"a", "c", "a", "c"}; !slices.Equal(got, want) {
			t.Errorf("by zone, they are on %q, want %q", got, want)
		}
	})
}

// Creates of one process that begin at the same time are kept apart as well.
func TestAGroupThatIsCreatedAtOnceIsKeptApart(t *testing.T) {
	for _, where := range []Where{
		{Group: "web", Policy: catalog.Pack}, {Group: "web", Strict: true, Policy: catalog.Pack},
	} {
		inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
			f := w.process()
			var group sync.WaitGroup
			for n := range 3 {
				group.Go(func() {
					if _, _, err := create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), where); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			for _, name := range w.names {
				if has := w.domains(t, name); len(has) != 1 {
					t.Errorf("strict %t: host %s has %q", where.Strict, name, has)
				}
			}
		})
	}
}

// Processes that create at the same time place as many instances of a strict group as there are values, and what
// is refused leaves nothing.
func TestAStrictGroupIsExact(t *testing.T) {
	for apart, most := range map[string]int{"host": 4, "zone": 2} {
		inWorld(t, plenty, []string{"a", "b", "c", "d"}, func(t *testing.T, w *world) {
			w.zoned()
			where := Where{Group: "web", Apart: apart, Strict: true}
			var group sync.WaitGroup
			errs := make([]error, 12)
			for n := range errs {
				f := w.process()
				group.Go(func() {
					_, _, errs[n] = create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), where)
				})
			}
			group.Wait()
			placed := 0
			for _, err := range errs {
				if err == nil {
					placed++
				} else if _, none := errors.AsType[*NoRoomError](err); !none ||
					!strings.Contains(err.Error(), `of group "web" is`) ||
					!strings.Contains(err.Error(), "with create_before_destroy") {
					t.Error(err)
				}
			}
			domains := 0
			for _, name := range w.names {
				domains += len(w.domains(t, name))
			}
			if placed != most || domains != most || len(w.placements(t)) != most {
				t.Errorf("apart by %s: %d are placed, and the placements are %q", apart, placed, w.placements(t))
			}
			w.apart(t, "at the end")
		})
	}
}

// apart checks that no two strict instances of a group are on one host, or on hosts with the same label.
func (w *world) apart(t *testing.T, when string) {
	t.Helper()
	f, has := w.process(), map[catalog.GroupClaim]string{}
	for _, rec := range must.Get[[]catalog.Record[catalog.Placement]](t)(f.listed(context.WithoutCancel(t.Context()))) {
		p := rec.Value
		on, _ := f.Member(p.Host)
		if claims := p.Claims(); p.Strict && p.State == catalog.PlacementPlaced &&
			(len(claims) != 1 || claims[0].Value != on.claims(p)) {
			t.Errorf("%s, %s is on %s, and claims %v", when, p.Name, p.Host, claims)
		}
		for _, claim := range p.Claims() {
			if other, taken := has[claim]; taken {
				t.Errorf("%s, %s and %s claim %v", when, p.Name, other, claim)
			}
			has[claim] = p.Name
		}
	}
}

// Only strict instances of the same group and tenant are in each other's way.
func TestOnlyItsGroupIsInTheWay(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		shared := w.process().library
		must.Get[catalog.Template](t)(shared.UpdateTemplate(t.Context(), theTemplate, func(t *catalog.Template) {
			t.Public = true
		}))
		at := func(where Where) Where { where.Hosts = []string{"a"}; return where }
		for name, where := range map[string]Where{
			"first": strict, "other-group": {Group: "db", Strict: true}, "lax": {Group: "web"}, "none": {},
		} {
			if _, _, err := create(t.Context(), w.process(), request(name, 64), at(where)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, err := create(t.Context(), w.as("other"), request("first", 64), at(strict)); err != nil {
			t.Errorf("of another tenant: %v", err)
		}
		_, _, err := create(t.Context(), w.process(), request("second", 64), at(strict))
		if _, none := errors.AsType[*NoRoomError](err); !none ||
			!strings.Contains(err.Error(), `a: instance "first" of group "web" is there`) ||
			!strings.Contains(err.Error(), "b: not among placement.hosts") {
			t.Errorf("got %v", err)
		}
		w.leaves(t, "second")
	})
}

// A host without the label takes no instance of a strict group, and one that no host has is a mistake.
func TestAHostWithoutTheLabelTakesNoneOfAStrictGroup(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		w.zones = map[string]string{"b": "south"}
		zone := Where{Group: "web", Apart: "zone", Strict: true}
		_, on, err := create(t.Context(), w.process(), request("one", 1024), zone)
		if err != nil || on != "b" {
			t.Errorf("it is on %q, %v", on, err)
		}
		_, _, err = create(t.Context(), w.process(), request("two", 1024), zone)
		if err == nil || !strings.Contains(err.Error(),
			`a: no label zone, by which the instances of group "web" are kept apart (labels: rack=a)`) ||
			!strings.Contains(err.Error(), `b: instance "one" of group "web" is on a host with zone=south`) {
			t.Errorf("got %v", err)
		}
		zone.Hosts = []string{"a"}
		if list := w.process().Check(zone); len(list) != 1 || list[0].Path.String() != "placement" {
			t.Errorf("got %v", list)
		}
		for _, s := range []bool{false, true} {
			list := w.process().Check(Where{Group: "web", Apart: "zoen", Strict: s})
			if len(list) != 1 || list[0].Path.String() != "placement.apart" {
				t.Errorf("got %v", list)
			}
		}
	})
}

// plans plans an instance of a group.
func plans(t *testing.T, f *Fleet, name string, w Where) error {
	t.Helper()
	p := &placing{fleet: f, request: request(name, 64)}
	if err := p.decide(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := f.Plan(t.Context(), name, p.blueprint, w)
	return err
}

// A plan counts what it creates in a strict group, and refuses what can have no host of its own.
func TestAPlanCountsAStrictGroup(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		on := func(hosts ...string) Where { where := strict; where.Hosts = hosts; return where }
		f := w.process()
		i, _, err := create(t.Context(), f, request("there", 64), on("a"))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // Terraform may plan an instance twice
			for name, where := range map[string]Where{"one": strict, "two": on("a", "b")} {
				if err := plans(t, f, name, where); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		err = plans(t, f, "three", strict)
		if err == nil || !strings.Contains(err.Error(), `a: instance "there" of group "web" is there`) ||
			!strings.Contains(err.Error(), `b: this plan has more instances of the strict group "web" than hosts`) {
			t.Errorf("one too many: %v", err)
		}
		if err := plans(t, f, "lax", Where{Group: "web"}); err != nil {
			t.Errorf("one that is not strict: %v", err)
		}
		f.library.Plan.WillGo(i.UUID)
		if err := plans(t, f, "three", strict); err != nil {
			t.Errorf("in place of one that goes: %v", err)
		}
		f = w.process() // two that can only be on the same host
		if err := plans(t, f, "one", on("b")); err != nil {
			t.Error(err)
		}
		if err := plans(t, f, "two", on("b")); err == nil || !strings.Contains(err.Error(), `such as "one"`) {
			t.Errorf("got %v", err)
		}
		// An instance that was removed by other means is not in the way, unless a host is silent.
		if err := w.hosts["a"].UndefineDomain(t.Context(), i.UUID); err != nil {
			t.Fatal(err)
		}
		w.hosts["c"].Inject = silent
		if err := plans(t, w.process(), "gone", on("a")); err == nil {
			t.Error("an instance that may be on a silent host is not in the way")
		}
		w.hosts["c"].Inject = nil
		if err := plans(t, w.process(), "gone", on("a")); err != nil {
			t.Error(err)
		}
		if _, has, err := create(t.Context(), w.process(), request("gone", 64), on("a")); err != nil || has != "a" {
			t.Errorf("it is on %q, %v", has, err)
		}
		if got := w.placements(t); !slices.Equal(got, []string{"gone on a (placed)"}) {
			t.Errorf("the placements are %q", got)
		}
	})
}

// What the same process removes frees its place.
func TestRemovalsFreeAPlaceInAStrictGroup(t *testing.T) {
	inWorld(t, plenty, []string{"a"}, func(t *testing.T, w *world) {
		f := w.process()
		i, _, err := create(t.Context(), f, request("old", 64), strict)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		group.Go(func() {
			if _, _, err := create(t.Context(), f, request("new", 64), strict); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		if err := f.Delete(t.Context(), "a", 0, i.UUID, naming.DefaultTenant, "old", hostid.ID{}); err != nil {
			t.Error(err)
		}
		group.Wait()
		if got := w.placements(t); !slices.Equal(got, []string{"new on a (placed)"}) {
			t.Errorf("the placements are %q", got)
		}
	})
}

// A create that has died frees its place once that is certain.
func TestADeadCreateFreesItsPlace(t *testing.T) {
	inWorld(t, plenty, []string{"a"}, func(t *testing.T, w *world) {
		f := w.process()
		f.sweep(t.Context()) // it will not again
		now := must.Get[time.Time](t)(f.clock(t.Context()))
		p := catalog.Placement{
			Tenant: naming.DefaultTenant, Name: "dead", Host: "a", State: catalog.PlacementReserved,
			Runner: leasetest.Dead(t), Since: now, Deadline: now.Add(time.Hour),
		}
		strict.join(&p)
		p.Value = "a"
		must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Create(t.Context(), p.Key(), p))
		if _, on, err := create(t.Context(), f, request("it", 64), strict); err != nil || on != "a" {
			t.Errorf("it is on %q, %v", on, err)
		}
		w.apart(t, "after that")
	})
}
