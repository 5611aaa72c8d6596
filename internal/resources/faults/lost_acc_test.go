//go:build linux

package faults_test

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// A host that cannot be asked, and a pool that is not active, are errors of the plan, at any point
// of it. The plan never creates again what it cannot see.
func TestAccLostAnywhereIsNeverPlannedAnew(t *testing.T) {
	host, pool := acctest.RequireHost(t), tfacc.Name("lost")
	t.Parallel()
	lastingPool(t, host, pool)
	b := newBench(t, host, pool, operation{name: "plan"})
	config := tfconfig.Render(template(pool), version("1.0.0", tfacc.EmptyImage(t, "16M")), stopped(pool))
	b.configure(t, config)
	b.space.Apply(t)

	b.way.Arm(acctest.Fault{Reads: true})
	b.space.EmptyPlan(t)
	asked := len(b.way.Steps())
	for _, c := range []struct {
		name    string
		do      func()
		restore func()
		says    string
	}{
		{"connection", b.way.Break, b.way.Mend, "Check the provider's uri"},
		{"pool", func() { host.Virsh(t, "pool-destroy", pool) }, func() { host.Virsh(t, "pool-start", pool) },
			"is not active"},
	} {
		t.Run(c.name+" at the start", func(t *testing.T) {
			c.do()
			defer c.restore()
			out, code := b.plan(t)
			if code != planFailed {
				t.Errorf("the plan ended with %d:\n%s", code, out)
			}
			tfacc.Says(t, out, c.says)
		})
		failed := 0
		for n := 1; n <= asked; n++ {
			if n != asked/3 && n != asked*2/3 && !everything() {
				continue
			}
			ok := t.Run(fmt.Sprintf("%s at request %d", c.name, n), func(t *testing.T) {
				b.way.Arm(acctest.Fault{At: n, When: acctest.Before, Reads: true, Do: func(int) { c.do() }})
				out, code := b.plan(t)
				if !b.way.Done() { // this plan has asked less, and nothing was lost
					if code != planEmpty {
						t.Errorf("the plan ended with %d:\n%s", code, out)
					}
					return
				}
				c.restore()
				switch code {
				case planFailed:
					failed++
				case planEmpty: // the lost answer was not needed any more
				default:
					t.Errorf("the plan changes something:\n%s", out)
				}
			})
			b.note(n, "any request", "before", c.name+" lost", ok, "an error, or nothing to do")
		}
		if failed == 0 {
			t.Errorf("no plan failed without its %s", c.name)
		}
	}
	b.way.Arm(acctest.Fault{})
	b.space.EmptyPlan(t)
}

// The exit statuses of terraform plan -detailed-exitcode.
const (
	planEmpty  = 0
	planFailed = 1
)

// plan plans and returns what was printed and the exit status.
func (b *bench) plan(t *testing.T) (output string, code int) {
	t.Helper()
	out, err := b.space.Run(t.Context(), "plan", "-detailed-exitcode")
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return out, code
}

// lastingPool creates a pool that still exists when it is not active. The test must have left
// nothing in it when it ends.
func lastingPool(t *testing.T, host *acctest.Host, name string) {
	t.Helper()
	directory := "/var/lib/libvirt/" + name
	for _, command := range [][]string{
		{"pool-define-as", name, "dir", "--target", directory}, {"pool-build", name}, {"pool-autostart", name},
		{"pool-start", name},
	} {
		host.Virsh(t, command...)
	}
	t.Cleanup(func() {
		if left := host.Leftovers(t, name, "nova."); len(left) > 0 {
			t.Errorf("left over in pool %s: %q", name, left)
		}
		host.Virsh(t, "pool-destroy", name)
		host.Virsh(t, "pool-undefine", name)
		host.Exec(t, "rm", "-r", directory)
	})
}
