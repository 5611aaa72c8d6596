package template_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// Two configurations with separate states, as on two machines, share one library.
func TestAccTwoWorkspacesSeeOneLibrary(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("two")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	platform := tfacc.NewWorkspace(t, tfacc.Provider(pool)+template(name, `description = "one"`))
	t.Cleanup(func() { platform.Destroy(t) })
	platform.Apply(t)

	team := tfacc.NewWorkspace(t, tfacc.Provider(pool)+fmt.Sprintf(`
data "novacron_template" "it" {
  name = %q
}
resource "novacron_template" "own" {
  name        = "%s-own"
  description = data.novacron_template.it.description
}
output "description" {
  value = data.novacron_template.it.description
}
`, name, name))
	t.Cleanup(func() { team.Destroy(t) })
	tfacc.Says(t, team.Apply(t), "1 added", `description = "one"`)

	platform.Configure(t, tfacc.Provider(pool)+template(name, `description = "two"`))
	tfacc.Says(t, platform.Apply(t), "0 added, 1 changed, 0 destroyed")
	tfacc.Says(t, team.Apply(t), "0 added, 1 changed, 0 destroyed", `description = "two"`)

	// Each tenant has its own names: another tenant can use the same one.
	stranger := tfacc.NewWorkspace(t, tfacc.Provider(pool)+template(name, `description = "theirs"`))
	stranger.Setenv("NOVACRON_TENANT", "team-2")
	stranger.Setenv("NOVACRON_USER", "eve")
	t.Cleanup(func() { stranger.Destroy(t) })
	tfacc.Says(t, stranger.Apply(t), "1 added")
	tfacc.Says(t, stranger.Show(t, address), `"team-2/`+name+`"`, `"eve"`)
	platform.EmptyPlan(t)
	team.EmptyPlan(t)
}

// If the same apply creates the provider's host, the plan does not connect to it.
func TestAccUnknownProviderDefersThePlan(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("defer")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := tfacc.EmptyImage(t, "16M")
	config := func(uri string) string {
		return fmt.Sprintf(`
resource "terraform_data" "host" {
  input = %q
}
provider "novacron" {
  uri  = terraform_data.host.output
  pool = %q
}
`, uri, pool) + template(name) + fmt.Sprintf(`
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "1.0.0"
  source      = { path = %q }
}
resource "novacron_instance" "it" {
  name        = %q
  template_id = novacron_template.it.id
  version     = novacron_template_version.it.version
  power_state = "stopped"
}
`, image, name)
	}
	w := tfacc.NewWorkspace(t, config(os.Getenv("NOVACRON_URI")))
	// The environment names a host that cannot be reached, so the test fails if the provider uses
	// it.
	w.Setenv("NOVACRON_URI", "qemu+unix:///system?socket=/nowhere/libvirt-sock")
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Apply(t), "4 added")
	w.EmptyPlan(t)

	// Everything exists, and the host's address becomes unknown again.
	w.Configure(t, config(os.Getenv("NOVACRON_URI")+"&"))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
}

func TestAccTemplateWithVersionsStays(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("keep")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	w := tfacc.NewWorkspace(t, tfacc.Provider(pool)+template(name))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	// The version is in another configuration, so Terraform does not know which of the two to
	// destroy first.
	other := tfacc.NewWorkspace(t, tfacc.Provider(pool)+fmt.Sprintf(`
resource "novacron_template_version" "it" {
  template_id = "default/%s"
  version     = "1.0.0"
  source      = { path = %q }
}
`, name, tfacc.EmptyImage(t, "16M")))
	other.Apply(t)
	destroyed := false
	t.Cleanup(func() {
		if !destroyed {
			other.Destroy(t)
		}
	})
	tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve"), "Template still has versions",
		`Template "default/`+name+`" cannot be removed while it has versions: 1.0.0. Destroy them first`)
	w.EmptyPlan(t)
	other.EmptyPlan(t)
	other.Destroy(t)
	destroyed = true
}
