package template_test

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A state whose template, version and instance are another tenant's loses none of them, by whichever
// command.
func TestAccAStateOfAnotherTenantLosesNothing(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("theirs")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := tfacc.EmptyImage(t, "16M")
	as := func(tenant, user string) string {
		return fmt.Sprintf(`
provider "novacron" {
  pool   = %[1]q
  tenant = %[2]q
  user   = %[3]q
}
resource "novacron_template" "it" {
  name           = %[1]q
  access_control = { read_users = ["ann"] }
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "1.0.0"
  source      = { path = %[4]q }
}
resource "novacron_instance" "it" {
  name        = %[1]q
  template_id = novacron_template.it.id
  version     = novacron_template_version.it.version
  power_state = "stopped"
  wait_for    = []
}
`, pool, tenant, user, image)
	}
	w := tfacc.NewWorkspace(t, as("shop", "ann"))
	w.Apply(t)
	t.Cleanup(func() {
		w.Configure(t, as("shop", "ann"))
		w.Destroy(t)
	})
	w.Configure(t, as("bank", "ann"))
	tfacc.Says(t, w.Fails(t, "plan"), "Belongs to another tenant")
	tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve"), "Belongs to another tenant")
	tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve", "-refresh=false", "-target=novacron_instance.it"), "Belongs to another tenant", "instance")
	w.Configure(t, as("shop", "ann"))
	w.EmptyPlan(t)
}
