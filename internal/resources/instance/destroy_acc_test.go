package instance_test

import (
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
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
	// The time is for the guest that can hear. The paused guest, which has five minutes, cannot.
	if took < grace || took > time.Minute {
		t.Errorf("destroying took %s", took)
	}
	if left := domains(t, host, name); len(left) > 0 {
		t.Errorf("the host still has %q", left)
	}
}

// What others attached to an instance goes with it: its saved memory, and snapshots within and
// beside its disk.
func TestAccDestroyTakesSavedStatesAndSnapshotsAlong(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("hung")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	saved, within, beside := name+"-saved", name+"-within", name+"-beside"
	quickly := `timeouts {
	  delete = "6s"
	}`
	w.instances(t,
		instance("saved", saved, `wait_for = []`, quickly),
		instance("within", within, `wait_for = []`, quickly),
		instance("beside", beside, `wait_for = []`, quickly))
	w.Apply(t)
	host.Virsh(t, "managedsave", saved)
	host.Virsh(t, "snapshot-create-as", within, "one")
	host.Virsh(t, "snapshot-create-as", within, "two")
	host.Virsh(t, "snapshot-create-as", beside, "one", "--disk-only")

	w.instances(t)
	w.Apply(t)
	if left := host.Leftovers(t, volumes.DefaultPool, name+"-"); len(left) > 0 {
		t.Errorf("the host still has %q", left)
	}
}
