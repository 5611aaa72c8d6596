package instance_test

import (
	"syscall"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

func TestAccCtrlCLeavesNothing(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("ctrlc")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	for _, c := range []struct {
		when     string
		fact     func(*acctest.Host, string) bool
		settings string
	}{
		{"early", defined, ``},
		{"copying", onDisk, `strategy = "clone"`},
		{"starting", started, ``},
		{"waiting", waitedFor(t), ``},
	} {
		t.Run(c.when, func(t *testing.T) {
			domain := name + "-" + c.when
			// A blank guest never has an address, so without Ctrl-C the apply would wait for the
			// whole timeout.
			w.instances(t, instance("it", domain, `wait_for = ["ip"]`, c.settings))
			out, err := w.Start(t, "apply", "-auto-approve").Until(t, c.when, func() bool {
				return c.fact(host, domain)
			}, syscall.SIGINT)
			if err == nil {
				t.Errorf("terraform succeeded in spite of Ctrl-C:\n%s", out)
			}
			tfacc.Says(t, out, "Could not create instance", `Making instance "`+domain+`" was cancelled.`)
			if left := host.Leftovers(t, volumes.DefaultPool, domain); len(left) > 0 {
				t.Errorf("left over: %q\n%s", left, out)
			}
			if instances := instancesIn(t, w); len(instances) > 0 {
				t.Errorf("the state has %q", instances)
			}
		})
	}
}

// waitedFor reports that the guest runs, so only waiting is left to do.
func waitedFor(t *testing.T) func(*acctest.Host, string) bool {
	return func(host *acctest.Host, domain string) bool {
		return started(host, domain) && fact(t, host, domain, "State") == "running"
	}
}

func TestAccKilledApplyIsMadeGoodByTheNext(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("killed")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	apply := func(until func(*acctest.Host, string) bool) {
		w.instances(t, instance("it", domain, `wait_for = ["ip"]`))
		out, err := w.Start(t, "apply", "-auto-approve").Until(t, "the kill", func() bool {
			return until(host, domain)
		}, syscall.SIGKILL)
		if err == nil {
			t.Errorf("terraform succeeded in spite of the kill:\n%s", out)
		}
	}
	apply(defined)
	// What the first apply left is in the way of the second, which is killed as well.
	apply(waitedFor(t))
	remains := fact(t, host, domain, "UUID")

	w.instances(t, instance("it", domain, `wait_for = []`, `timeouts {
	  delete = "5s"
	}`))
	w.Apply(t)
	w.EmptyPlan(t)
	if uuid := fact(t, host, domain, "UUID"); uuid == remains {
		t.Errorf("the remains of the killed apply, domain %s, were taken over", uuid)
	}
	if found := domains(t, host, name); len(found) != 1 {
		t.Errorf("the host has the domains %q", found)
	}
}
