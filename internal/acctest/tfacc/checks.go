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

// LeavesNothing checks, after the test destroyed everything, that the host has nothing left with
// marker in its name.
func LeavesNothing(t testing.TB, host *acctest.Host, pool, marker string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if left := host.Leftovers(t, pool, marker); len(left) > 0 {
			return fmt.Errorf("left over: %q", left)
		}
		return nil
	}
}

// OnHost runs checks on the host after a step.
func OnHost(check func()) resource.TestCheckFunc {
	return func(*terraform.State) error {
		check()
		return nil
	}
}

// Planned expects that a step's plan has an action for a resource.
func Planned(address string, action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)}}
}

// EmptyImage creates an empty qcow2 image of a virtual size, as qemu-img writes it. It does not
// boot. Two empty images of the same size have the same digest.
func EmptyImage(t testing.TB, size string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "empty.qcow2")
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", path, size).CombinedOutput(); err != nil {
		t.Fatalf("making an empty image: %v\n%s", err, out)
	}
	return path
}
