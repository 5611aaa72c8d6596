package instance_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A plan that takes long asks a few of its shared questions once or twice more.
const again = 10

// Planning many instances of one template asks the host no more than planning a few. The test has a
// pool of its own, because a plan also reads what others write to a catalog meanwhile.
func TestAccPlanReadsTheCatalogOnce(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("once")
	t.Parallel()
	pool, _ := host.Pool(t, name)
	by := func(uri string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  uri  = %q\n  pool = %q\n}\n", uri, pool)
	}
	w := &workspace{shop: shop(name, blankImage(t))}
	w.Workspace = tfacc.NewWorkspace(t, by(host.URI)+w.shop)
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	asked := func(count string) *acctest.Counted {
		counted := host.Count(t)
		w.instances(t, by(counted.URI),
			instance("it", numbered(name), "count = "+count, `parameters = { hostname = "it-${count.index}" }`))
		if out, err := w.Run(t.Context(), "plan"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return counted
	}
	few, many := asked("2"), asked("500")
	// A plan that takes long looks again at what others may have written.
	if few, many := few.CallsOf(acctest.ReadVolume), many.CallsOf(acctest.ReadVolume); few == 0 || many > few+again {
		t.Errorf("a plan of 500 instances reads %d documents, one of 2 reads %d", many, few)
	}
	if few, many := few.Calls(), many.Calls(); many > few+again {
		t.Errorf("a plan of 500 instances makes %d requests, one of 2 makes %d", many, few)
	}
	w.instances(t, by(host.URI))
}

// statusAge is how long a refresh reuses the status it has read of all domains; see provision.
const statusAge = 30 * time.Second

// Refreshing instances asks the host one question for each of them. What they share is asked once,
// or twice a minute if the refresh takes long.
func TestAccRefreshAsksOneThingOfEachInstance(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("refresh")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	const fewer = "2"
	asked := func(count string) (counted *acctest.Counted, others int) {
		counted = host.Count(t)
		of := func(uri string) {
			w.instances(t, "provider \"novacron\" {\n  uri = \""+uri+"\"\n}\n",
				instance("it", numbered(name), "count = "+count, "power_state = \"stopped\"\n  wait_for = []"))
		}
		of(host.URI)
		w.Apply(t)
		of(counted.URI)
		begun, answered := time.Now(), fastAnswers()
		w.EmptyPlan(t)
		for n, of := range fastAnswers() {
			// Instances that are validated at the same time, up to Terraform's parallelism, cannot
			// use each other's answers.
			together := n == 0 && count == fewer
			if of == answered[n] && !together {
				t.Errorf("a plan of %s instances with nothing to do gets no answer %d of the fast path", count, n)
			}
		}
		statistics, domains := counted.CallsOf(acctest.ListStatistics), counted.CallsOf(acctest.ListDomains)
		if most := 1 + int(time.Since(begun)/statusAge); statistics == 0 || statistics > most || domains > statistics {
			t.Errorf("a plan of %s instances lists statistics %d times and domains %d times, want both at "+
				"most %d times", count, statistics, domains, most)
		}
		return counted, counted.Calls() - statistics - domains
	}
	few, fewOthers := asked(fewer)
	many, manyOthers := asked("22")
	if more := many.CallsOf(acctest.ReadDefinition) - few.CallsOf(acctest.ReadDefinition); more != 20 {
		t.Errorf("20 more instances were read %d times", more)
	}
	if manyOthers > fewOthers+20+again {
		t.Errorf("a plan of 22 instances makes %d requests but for listings, one of 2 makes %d: 20 more were "+
			"to be expected", manyOthers, fewOthers)
	}
	w.instances(t)
	w.Apply(t)
}

// fastAnswers is how many answers, compared with the framework's, the fast path has given so far to
// each kind of request that it knows.
func fastAnswers() [4]int64 {
	return [...]int64{
		tfacc.Compared[tfprotov6.ValidateResourceConfigResponse](),
		tfacc.Compared[tfprotov6.UpgradeResourceStateResponse](),
		tfacc.Compared[tfprotov6.ReadResourceResponse](),
		tfacc.Compared[tfprotov6.PlanResourceChangeResponse](),
	}
}
