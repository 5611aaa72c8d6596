package instance_test

import (
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

func TestAccDestroyForcesAGuestThatDoesNotHear(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("deaf")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	deaf, paused := name+"-deaf", name+"-paused"
	const grace = 6 * time.Second
	w.instances(t,
		instance("deaf", deaf, `wait_for = []`, `timeouts {
		  delete = "`+grace.String()+`"
		}`),
		instance("paused", paused, `wait_for = []`))
	w.Apply(t)
	host.Virsh(t, "suspend", paused)

	w.instances(t)
	begun := time.Now()
	w.Apply(t)
	took := time.Since(begun)
	// The time belongs to the guest that could hear. The paused one, which has five minutes, cannot.
	if took < grace || took > time.Minute {
		t.Errorf("destroying took %s", took)
	}
	if left := domains(t, host, name); len(left) > 0 {
		t.Errorf("the host still has %q", left)
	}
}
