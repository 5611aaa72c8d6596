//go:build linux

package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
)

// If the provider is killed while it moves an instance, at any step on the host that the instance comes from,
// which is also the home of the catalog, or on the one that it goes to, the next apply recovers, and nothing is
// left where the instance is not.
func TestAccKilledWhileMovingTheNextApplyConverges(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	for n, disturbed := range []string{"kvm1", "kvm2"} {
		t.Run(disturbed, func(t *testing.T) {
			t.Parallel()
			p := onTwoHosts(t, shared, fmt.Sprint(2+n), "move an instance", disturbed)
			p.run(t, func(t *testing.T, fault acctest.Fault) []string { return p.move(t, fault) })
		})
	}
}

// The same goes for a guest that runs on while it is moved. It is never started again, because its host may have
// sent it before the provider was killed, or may go on to.
func TestAccKilledWhileMovingAGuestTheNextApplyConverges(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	for n, disturbed := range []string{"kvm1", "kvm2"} {
		t.Run(disturbed, func(t *testing.T) {
			t.Parallel()
			p := onTwoHosts(t, shared, fmt.Sprint(4+n), "move a guest", disturbed)
			p.hosts["kvm1"].Join(t, p.hosts["kvm2"])
			p.live = true
			p.run(t, func(t *testing.T, fault acctest.Fault) []string {
				steps := p.move(t, fault)
				state := p.hosts["kvm2"].Virsh(t, "domstate", "--reason", "moving")
				if !strings.Contains(state, "migrated") {
					t.Errorf("it is %s", state)
				}
				return steps
			})
		})
	}
}

// move runs one case: the disturbed apply, which is to move the instance from kvm1 to kvm2, and, if that
// failed, the apply that recovers. It returns the steps of the disturbed apply.
func (p *placing) move(t *testing.T, fault acctest.Fault) []string {
	t.Helper()
	const name = "moving"
	p.way.Arm(acctest.Fault{})
	p.on = "kvm1"
	p.configure(t, name)
	p.space.Apply(t)
	p.on = "kvm2"
	p.configure(t, name)
	steps := p.recovered(t, fault)
	if got := strings.Fields(p.hosts["kvm2"].Virsh(t, "list", "--name")); !slices.Equal(got, []string{name}) {
		t.Errorf("on host kvm2, %q run", got)
	}
	if got := strings.Fields(p.hosts["kvm1"].Virsh(t, "list", "--all", "--name")); len(got) > 0 {
		t.Errorf("host kvm1 has the domains %q", got)
	}
	for _, prefix := range []string{"nova.disk.", "nova.seed.", "nova.console."} {
		if left := p.hosts["kvm1"].Leftovers(t, "novacron", prefix); len(left) > 0 {
			t.Errorf("host kvm1 has %q", left)
		}
	}
	return steps
}
