//go:build linux

package faults_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// If a slow host carries out a request only after the apply has given up, the very next apply
// removes the result. The apply that gave up names what has set its time limit.
func TestAccWhatAHostCarriesOutLateIsNotInTheWay(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	for _, request := range []struct {
		name string
		at   int
	}{
		{"define the domain", 1},
		{"create a volume", 2}, // the first volume is the request's document
		{"start the domain", 1},
	} {
		t.Run(request.name, func(t *testing.T) {
			t.Parallel()
			pool := tfacc.Name("late")
			host.Pool(t, pool)
			b := newBench(t, host, pool, operation{name: "late"})
			shop := tfconfig.Render(template(pool), version("1.0.0", tfacc.EmptyImage(t, "16M")))
			b.configure(t, shop)
			b.space.Apply(t)
			name := pool + "-it"
			config := func(create string) string {
				i := instance(name)
				i.Timeouts.Create = create
				return shop + i.String()
			}
			var out string
			var err error
			// a busy machine may not reach the request in the first of them
			for _, create := range []string{"20s", "1m", "3m"} {
				b.configure(t, config(create))
				over := make(chan struct{})
				b.way.Arm(acctest.Fault{
					Of:   request.name,
					At:   request.at,
					When: acctest.Before,
					Late: true,
					Do:   func(int) { <-over },
				})
				out, err = b.apply(t)
				close(over)
				if b.way.Done() {
					break
				}
			}
			if err == nil || !b.way.Done() {
				t.Fatalf("nothing was late (%v):\n%s", err, out)
			}
			tfacc.Says(t, out, "did not answer", "The timeouts block sets how long it may take")
			b.way.Arm(acctest.Fault{})
			b.configure(t, config("5m"))
			b.space.Apply(t)
			b.space.EmptyPlan(t)
			b.operation = operation{domains: itself, volumes: disk, bases: 1}
			b.check(t, name)
		})
	}
}
