package template_test

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A state whose template, version and instance the provider's user or tenant may not see loses none of them, by whichever
// command.
func TestAccAStateOfSomebodyElsesLosesNothing(t *testing.T) {
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
	for _, c := range []struct{ tenant, user, says string }{{"shop", "bob", "May not be read any more"}, {"bank", "ann", "Not of this tenant"}} {
		w.Configure(t, as(c.tenant, c.user))
		tfacc.Says(t, w.Fails(t, "plan"), c.says)
		tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve"), c.says)
	}
	tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve", "-refresh=false", "-target=novacron_instance.it"), "Not of this tenant", "instance")
	w.Configure(t, as("shop", "ann"))
	w.EmptyPlan(t)
}
