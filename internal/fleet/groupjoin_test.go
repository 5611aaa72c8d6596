package fleet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// A change of the group is a claim, which comes first.
func TestAnInstanceJoinsAndLeavesAGroup(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		f := w.process()
		made, b := map[string]kind.Instance{}, Where{Hosts: []string{"b"}}
		for _, name := range []string{"one", "two"} {
			made[name] = w.instance(t, name, b)
		}
		on, _ := f.Member("b")
		joins := func(name string, where Where) error {
			i := must.Get[kind.Instance](t)(on.Read(t.Context(), made[name].UUID))
			_, err := w.process().Update(t.Context(), on, i, change(t, on, i, request(name, 64)), where)
			return err
		}
		says := func(err error, text string) {
			t.Helper()
			list, located := errors.AsType[finding.List](err)
			if _, refused := errors.AsType[*GroupRefusal](err); !refused || !located ||
				list[0].Path.String() != "placement.group" || !strings.Contains(list[0].Detail, text) {
				t.Errorf("got %v, want %q", err, text)
			}
		}
		plan := w.process()
		if err := plan.PlanGroup(t.Context(), "one", on, strict); err != nil {
			t.Error(err)
		}
		says(plan.PlanGroup(t.Context(), "two", on, strict), `instance "one" of group "web" is there`)
		for _, c := range []struct {
			name  string
			where Where
			says  string
			has   string
		}{
			{"one", Where{Group: "web"}, "", "web by host: "},
			{"two", Where{Group: "web"}, "", "web by host: "},
			{"one", strict, "", "web by host: b"},
			{"two", strict, `instance "one" of group "web" is there`, "web by host: "},
			{"two", Where{Group: "web", Apart: "rack", Strict: true}, "", "web by rack: b"},
			{"two", Where{Group: "db", Strict: true}, "", "db by host: b"},
			{"two", strict, `instance "one" of group "web" is there`, "db by host: b"},
			{"one", Where{}, "", " by : "},
			{"two", strict, "", "web by host: b"},
		} {
			err := joins(c.name, c.where)
			if c.says != "" {
				says(err, c.says)
				says(w.process().PlanGroup(t.Context(), c.name, on, c.where), c.says)
			} else if err != nil {
				t.Errorf("%s, %v: %v", c.name, c.where, err)
			}
			if got := w.claimed(t, c.name); got != c.has {
				t.Errorf("%s, %v: it claims %q, want %q", c.name, c.where, got, c.has)
			}
		}
		plan = w.process() // two that join in one plan
		joined := Where{Group: "new", Strict: true}
		if err := plan.PlanGroup(t.Context(), "one", on, joined); err != nil {
			t.Error(err)
		}
		says(plan.PlanGroup(t.Context(), "two", on, joined), `instance "one" of group "new" is there`)
		// A change that fails takes the claim back.
		w.hosts["b"].Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "RedefineDomain" {
				return fakehost.Fault{Before: errors.New("no")}
			}
			return fakehost.Fault{}
		}
		i, db := made["one"], Where{Group: "db", Strict: true}
		_, err := w.process().Update(t.Context(), on, i, change(t, on, i, request("one", 128)), db)
		if got := w.claimed(t, "one"); err == nil || got != " by : " {
			t.Errorf("after %v, it claims %q", err, got)
		}
	})
}

// An instance that other means have brought to another one of its group is recorded where it is, and keeps
// others away from there.
func TestAnInstanceThatWasBroughtToAnotherStays(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		one := w.instance(t, "one", strict)
		two := w.instance(t, "two", strict)
		w.carry(t, two.UUID, "b", "a")
		i, on, err := w.process().Refresh(t.Context(), "b", two.UUID)
		if err != nil || on.Name != "a" {
			t.Fatal(on, err)
		}
		for range 2 {
			_, err := w.process().Update(t.Context(), on, i, change(t, on, i, request("two", 64)), strict)
			if got := w.claimed(t, "two"); err != nil || got != "web by host: " {
				t.Errorf("%v: it claims %q", err, got)
			}
		}
		if err := w.process().Adopt(t.Context(), i, on, nil); err != nil {
			t.Error(err)
		}
		for name, other := range map[string]string{"one": "two", "two": "one"} {
			list, err := w.process().Together(t.Context(), name, on, strict)
			if err != nil || len(list) != 1 ||
				!strings.Contains(list[0].Detail, fmt.Sprintf(`instance %q of group`, other)) {
				t.Errorf("%s: %v, %v", name, list, err)
			}
		}
		err = w.process().Delete(t.Context(), "a", 0, one.UUID, naming.DefaultTenant, "one", hostid.ID{})
		if err != nil {
			t.Fatal(err)
		}
		at := strict
		at.Hosts = []string{"a"}
		if _, _, err := create(t.Context(), w.process(), request("three", 64), at); err == nil ||
			!strings.Contains(err.Error(), `a: instance "two" of group "web" is there`) {
			t.Errorf("got %v", err)
		}
		i = must.Get[kind.Instance](t)(on.Read(t.Context(), two.UUID))
		_, err = w.process().Update(t.Context(), on, i, change(t, on, i, request("two", 64)), strict)
		if got := w.claimed(t, "two"); err != nil || got != "web by host: a" {
			t.Errorf("%v: it claims %q", err, got)
		}
	})
}

// carry moves the domain of an instance to another host by other means than the provider's.
func (w *world) carry(t *testing.T, uuid, from, to string) {
	t.Helper()
	f := w.process()
	i, on, err := f.Read(t.Context(), from, uuid)
	if err != nil {
		t.Fatal(err)
	}
	key := catalog.PlacementKey(naming.DefaultTenant, i.Facts.Name)
	before := must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Get(t.Context(), key))
	free := before.Value
	free.Group, free.Apart, free.Strict, free.Value = "", "", false, ""
	must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Replace(t.Context(), before.Key, before.Revision, free))
	b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, request(i.Facts.Name, 64)))
	c := provision.Change{Blueprint: &b, AllowRestart: true}
	if _, _, err = f.Move(t.Context(), on, i, Where{Hosts: []string{to}}, c, false); err != nil {
		t.Fatal(err)
	}
	now := must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Get(t.Context(), key))
	must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Replace(t.Context(), key, now.Revision, before.Value))
}

// A move goes to a host that has none of the group, keeps both values until it is over, and can always return.
func TestAStrictGroupMoves(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b", "c"}, func(t *testing.T, w *world) {
		group := func(hosts ...string) Where { where := strict; where.Hosts = hosts; return where }
		w.instance(t, "other", group("b"))
		i, _, err := create(t.Context(), w.process(), movable(), group("a"))
		if err != nil {
			t.Fatal(err)
		}
		w.upload(t, "a", dataDisk, marker, markerAt)
		w.guarded(t)
		_, err = apply(t.Context(), w.process(), "a", i.UUID, group("b"))
		if _, none := errors.AsType[*NoRoomError](err); !none ||
			!strings.Contains(err.Error(), `"other" of group "web" is there`) {
			t.Errorf("to the other's host: %v", err)
		}
		w.isOn(t, "a", i.UUID, "refused")
		seen := map[string]bool{}
		w.inject(t, "c", func(c fakehost.Call) fakehost.Fault {
			if c.Method == "Upload" && len(seen) == 0 {
				seen[w.claimed(t, "it")] = true
				for _, host := range []string{"a", "c"} {
					if _, _, err := create(t.Context(), w.process(), request("new", 64), group(host)); err == nil {
						t.Errorf("during the move, host %s takes another one", host)
					}
				}
				return fakehost.Fault{Before: errors.New("no")}
			}
			return fakehost.Fault{}
		})
		if _, err := apply(t.Context(), w.process(), "a", i.UUID, group("c")); err == nil {
			t.Error("the move goes on")
		}
		if got := slices.Collect(maps.Keys(seen)); !slices.Equal(got, []string{"web by host: a+c"}) {
			t.Errorf("during the move, it claims %q", got)
		}
		w.guarded(t)
		w.isOn(t, "a", i.UUID, "undone")
		if got := w.claimed(t, "it"); got != "web by host: a" {
			t.Errorf("undone, it claims %q", got)
		}
		if on, err := apply(t.Context(), w.process(), "a", i.UUID, group("b", "c")); err != nil || on != "c" {
			t.Fatal(on, err)
		}
		w.isOn(t, "c", i.UUID, "moved")
		if got := w.claimed(t, "it"); got != "web by host: c" {
			t.Errorf("moved, it claims %q", got)
		}
		// into another group, together with a move
		db := Where{Group: "db", Strict: true, Hosts: []string{"b"}}
		if on, err := apply(t.Context(), w.process(), "c", i.UUID, db); err != nil || on != "b" {
			t.Fatal(on, err)
		}
		if got := w.claimed(t, "it"); got != "db by host: b" {
			t.Errorf("in another group, it claims %q", got)
		}
		w.apart(t, "at the end")
	})
}
