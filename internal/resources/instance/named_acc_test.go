package instance_test

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A configuration may name its hosts once it has instances, give them other names, and name none again:
// nothing is changed, and nothing is left in the end.
func TestAccAConfigurationMayNameItsHostsLater(t *testing.T) {
	shared, name := acctest.RequireHost(t), tfacc.Name("named")
	t.Parallel()
	pool, _ := shared.Pool(t, name)
	image := shop(name, blankImage(t))
	unnamed := fmt.Sprintf("provider \"novacron\" {\n  uri  = %q\n  pool = %q\n}\n", shared.URI, pool)
	named := func(key string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  hosts = { %s = { uri = %q, pool = %q, overcommit = "+
			"{ vcpus = 1000, memory = 100 } } }\n}\n", key, shared.URI, pool)
	}
	w := tfacc.NewWorkspace(t, "")
	described := func(provider, description string, more ...string) {
		t.Helper()
		it := off("it", name)
		it.Description = description
		config := provider + image + it.String()
		for _, one := range more {
			config += one
		}
		w.Configure(t, config)
	}
	placed := func(address string, want any) {
		t.Helper()
		if got := stateOf(t, w, address)["placed_on"]; got != want {
			t.Errorf("%s is placed on %v, want %v", address, got, want)
		}
	}
	const it = "novacron_instance.it"
	described(unnamed, "one")
	t.Cleanup(func() {
		described(unnamed, "one")
		w.Destroy(t)
	})
	w.Apply(t)
	placed(it, nil)

	described(named("kvm1"), "one")
	w.EmptyPlan(t)
	described(named("kvm1"), "two") // the state does not have the name yet
	out, err := w.Run(t.Context(), "apply", "-auto-approve", "-refresh=false")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "0 added, 1 changed, 0 destroyed")
	placed(it, "kvm1")
	w.EmptyPlan(t)

	second := off("second", name+"-2").String()
	described(named("node1"), "two", second)
	tfacc.Says(t, w.Apply(t), "1 added, 0 changed, 0 destroyed")
	placed(it, "node1")
	placed("novacron_instance.second", "node1")
	w.EmptyPlan(t)

	described(unnamed, "two", second)
	w.EmptyPlan(t)
	described(unnamed, "three")
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 1 destroyed")
	placed(it, nil)
	described(named("node1"), "three", second) // its placement was left over
	tfacc.Says(t, w.Apply(t), "1 added, 0 changed, 0 destroyed")
	w.EmptyPlan(t)
	w.Destroy(t)
	if left := shared.Leftovers(t, pool, name); len(left) > 0 {
		t.Errorf("destroy has left %q", left)
	}
	if left := shared.Leftovers(t, pool, "nova.placement."); len(left) > 0 {
		t.Errorf("destroy has left %q", left)
	}
}
