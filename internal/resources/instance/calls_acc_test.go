package instance_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// Planning many instances of one template asks the host no more than planning a few.
func TestAccPlanReadsTheCatalogueOnce(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("once")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	asked := func(count string) int64 {
		counted := host.Count(t)
		w.instances(t, "provider \"novacron\" {\n  uri = \""+counted.URI+"\"\n}\n",
			instance("it", name+"-${count.index}", "count = "+count, `parameters = { hostname = "it-${count.index}" }`))
		if out, err := w.Run(t.Context(), "plan"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return counted.Calls()
	}
	few, many := asked("2"), asked("500")
	if few == 0 || many > few+3 { // where it takes long, the pool is refreshed again
		t.Errorf("a plan of 500 instances makes %d requests, one of 2 makes %d", many, few)
	}
	w.instances(t)
}

// Refreshing instances asks the host one thing of each, and a few things of all.
func TestAccRefreshAsksOneThingOfEachInstance(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("refresh")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	asked := func(count string) int64 {
		counted := host.Count(t)
		of := func(uri string) {
			w.instances(t, "provider \"novacron\" {\n  uri = \""+uri+"\"\n}\n",
				instance("it", name+"-${count.index}", "count = "+count, "power_state = \"stopped\"\n  wait_for = []"))
		}
		of(host.URI)
		w.Apply(t)
		of(counted.URI)
		w.EmptyPlan(t)
		return counted.Calls()
	}
	few, many := asked("2"), asked("22")
	if more := many - few; more < 15 || more > 30 { // what is asked of all may be asked again, of the few as of the many, where it takes long
		t.Errorf("a plan of 22 instances makes %d requests, one of 2 makes %d: about 20 more were to be expected", many, few)
	}
	w.instances(t)
	w.Apply(t)
}
