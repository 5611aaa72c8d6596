package instance_test

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// An apply that moves an instance to another version may change which version is the newest. Then
// the instance has the newest one that is there afterwards.
func TestAccTheNewestVersionChangesWithItsInstance(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("offer")
	t.Parallel()
	image := blankImage(t)
	w := newWorkspace(t, host, name, shop(name, image))
	configure := func(way, newest, version string) {
		w.Configure(t, shop(name, image)+anotherVersion("middle", "1.1.0", image)+
			anotherVersion("newest", newest, image)+fmt.Sprintf(`
resource "novacron_instance" "it" {
  name              = %q
  template_id       = novacron_template.it.id
  version           = %q
  power_state       = "stopped"
  on_version_change = %q
  depends_on        = [novacron_template_version.it, novacron_template_version.middle, novacron_template_version.newest]
}
`, name, version, way))
	}
	for way, done := range map[string]string{
		"reimage": "1 added, 1 changed, 1 destroyed", "replace": "2 added, 0 changed, 2 destroyed",
	} {
		configure(way, "4.0.0", "1.0.0")
		w.Apply(t)
		configure(way, "3.0.0", "1.1.0")
		tfacc.Says(t, w.Apply(t), done)
		w.EmptyPlan(t)
		if newest := stateOf(t, w.Workspace, "novacron_instance.it")["update_available"]; newest != "3.0.0" {
			t.Errorf("%s: version %v is newer, want 3.0.0", way, newest)
		}
	}
}
