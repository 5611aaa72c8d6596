package tfacc

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
)

// LeavesNothing checks, after everything was destroyed, that nothing with marker in its name is
// left on the host.
func LeavesNothing(t testing.TB, host *acctest.Host, pool, marker string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if left := host.Leftovers(t, pool, marker); len(left) > 0 {
			return fmt.Errorf("left over: %q", left)
		}
		return nil
	}
}

// OnHost checks facts of the host after a step.
func OnHost(check func()) resource.TestCheckFunc {
	return func(*terraform.State) error {
		check()
		return nil
	}
}

// Planned expects what a step's plan does with a resource.
func Planned(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}}
}

// EmptyImage creates a qcow2 image of a virtual size, as qemu-img writes it, that has nothing on
// it: nothing boots from it. Two of one size have one digest.
func EmptyImage(t testing.TB, size string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "empty.qcow2")
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", path, size).CombinedOutput(); err != nil {
		t.Fatalf("making an empty image: %v\n%s", err, out)
	}
	return path
}
