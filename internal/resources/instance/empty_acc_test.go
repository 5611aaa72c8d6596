package instance_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// Terraform drops names that a nested attribute does not have if a value comes from a variable. The
// remaining value may be empty: every plan warns of that, regardless of how many instances are
// alike.
func TestAccMisspeltNamesInVariablesAreWarnedOf(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("misspelt")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	plan := func(config ...string) string {
		t.Helper()
		w.instances(t, config...)
		out, err := w.Run(t.Context(), "plan")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	right := instance("right", name+"-right", `power_state = "stopped"`, `customization = { timezone = "UTC" }`)
	tfacc.Says(t, plan(right, `
variable "asked" {
  type    = any
  default = { packages = ["nginx"] }
}
`, instance("it", numbered(name), `count = 3`, `power_state = "stopped"`, `customization = var.asked`)),
		"Nothing is set", "with novacron_instance.it[", "customization = var.asked",
		"This has files, install_packages,", "look for a misspelled one", "leave it out",
		"(and 2 more similar warnings elsewhere)")
	tfacc.Says(t, plan(right, `
variable "users" {
  type    = any
  default = { deploy = { keys = ["ssh-ed25519 AAAA"] } }
}
`, instance("it", name+"-it", `power_state = "stopped"`, `customization = { users = var.users }`)),
		"Nothing is set", `customization.users["deploy"]: This has groups, shell, ssh_authorized_keys, sudo`,
		"write one of them with its default")
	if out := plan(right); strings.Contains(out, "Nothing is set") {
		t.Errorf("something is set, and warned of:\n%s", out)
	}
	w.instances(t)
}
