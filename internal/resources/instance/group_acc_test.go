package instance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// Instances of a group are kept apart by host or by a label, and the plan says what cannot hold.
func TestAccInstancesOfAGroupAreKeptApart(t *testing.T) {
	shared, name := acctest.RequireHost(t), tfacc.Name("apart")
	t.Parallel()
	uris := map[string]string{}
	for _, key := range []string{"kvm1", "kvm2", "kvm3"} {
		uris[key] = shared.Own(t, "ap-"+key).URI
	}
	image := blankImage(t)
	zones := map[string]string{"kvm1": "a", "kvm2": "a", "kvm3": "b"}
	configured := func(instances ...string) string {
		var b strings.Builder
		b.WriteString("provider \"novacron\" {\n  hosts = {\n")
		for _, key := range slices.Sorted(maps.Keys(uris)) {
			fmt.Fprintf(&b, "    %s = { uri = %q, labels = { zone = %q }, overcommit = { vcpus = 100, memory = 4 } }\n",
				key, uris[key], zones[key])
		}
		b.WriteString("  }\n  catalog = { host = \"kvm1\" }\n}\n")
		return b.String() + shop(name, image) + strings.Join(instances, "")
	}
	placed := func(label, placement string) string {
		return instance(label, name+"-"+label, `power_state = "stopped"`, "placement = { "+placement+" }")
	}
	const strict = `group = "web", strict = true`
	on := func(w *tfacc.Workspace, labels ...string) (all []string) {
		for _, label := range labels {
			all = append(all, fmt.Sprint(stateOf(t, w, "novacron_instance."+label)["placed_on"]))
		}
		slices.Sort(all)
		return all
	}

	// What the plan refuses, before anything is there.
	three := placed("one", strict) + placed("two", strict) + placed("three", strict)
	w := tfacc.NewWorkspace(t, configured(three, placed("four", strict)))
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Fails(t, "plan"), "No host takes the instance", "kvm1: this plan has more instances of the strict",
		"kvm3: this plan has more instances of the strict")
	for placement, says := range map[string][]string{
		`apart = "zone"`:                              {`"placement.group" must be specified`},
		`strict = true`:                               {`"placement.group" must be specified`},
		`group = "Web"`:                               {"name of a group"},
		`group = "web", apart = "zoen"`:               {"Unknown label", `No host of the provider has a label "zoen"`},
		strict + `, hosts = ["kvm1"], apart = "zoen"`: {"Unknown label"},
	} {
		w.Configure(t, configured(placed("one", placement)))
		tfacc.Says(t, w.Fails(t, "plan"), says...)
	}

	w.Configure(t, configured(three))
	tfacc.Says(t, w.Apply(t), "5 added")
	w.EmptyPlan(t)
	if got := on(w, "one", "two", "three"); !slices.Equal(got, []string{"kvm1", "kvm2", "kvm3"}) {
		t.Errorf("they are on %q", got)
	}
	w.Configure(t, configured(three, placed("four", strict)))
	tfacc.Says(t, w.Fails(t, "plan"), "No host takes the instance", `of group "web" is there`,
		"with create_before_destroy")

	// A change of the group is made in place, if it holds.
	byZone := strict + `, apart = "zone"`
	w.Configure(t, configured(placed("one", byZone), placed("two", byZone), placed("three", byZone)))
	tfacc.Says(t, w.Fails(t, "plan"), "Instances of a strict group are together", "is on a host with zone=a")
	const lax = `group = "web"`
	w.Configure(t, configured(placed("one", lax), placed("two", lax), placed("three", lax), placed("four", lax)))
	tfacc.Says(t, w.Apply(t), "1 added, 3 changed, 0 destroyed")
	w.EmptyPlan(t)

	// By zone: a replaced instance finds the place of the one that it replaces.
	w.Configure(t, configured())
	tfacc.Says(t, w.Apply(t), "4 destroyed")
	two := placed("one", byZone) + placed("two", byZone)
	w.Configure(t, configured(two))
	tfacc.Says(t, w.Apply(t), "2 added")
	if got := on(w, "one", "two"); !slices.Contains(got, "kvm3") || got[0] == got[1] {
		t.Errorf("by zone, they are on %q", got)
	}
	if out, err := w.Run(t.Context(), "apply", "-replace=novacron_instance.one", "-auto-approve"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.EmptyPlan(t)

	// A move does not go where another one of the group is.
	third := "two"
	if fmt.Sprint(stateOf(t, w, "novacron_instance.one")["placed_on"]) == "kvm3" {
		third = "one"
	}
	moved := map[string]string{"one": byZone, "two": byZone}
	moved[third] += `, require = { zone = "a" }`
	w.Configure(t, configured(placed("one", moved["one"]), placed("two", moved["two"])))
	tfacc.Says(t, w.Fails(t, "plan"), "No host takes the instance", "is on a host with zone=a", "kvm3: no label zone=a")

	// Labels that change bring instances together. The plan warns, and changes nothing.
	zones["kvm3"] = "a"
	w.Configure(t, configured(two))
	out := w.Apply(t)
	tfacc.Says(t, out, "Warning: Instances of a strict group are together", "0 added, 0 changed, 0 destroyed")
	w.EmptyPlan(t)
	zones["kvm3"] = "b"
	w.Configure(t, configured(two))
	w.EmptyPlan(t)
}
