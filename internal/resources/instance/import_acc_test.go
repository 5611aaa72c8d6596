package instance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// An instance whose state was lost is imported. What only the configuration knows about it is
// written to the state; the instance itself stays as it is.
func TestAccInstanceIsTakenOver(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("adopt")
	t.Parallel()
	w := newWorkspace(t, host, name, shopOf(name, blankImage(t),
		`hostname = { type = "string" }, port = { type = "integer", default = 80 }, tags = { type = "list" },
	  env = { type = "map" }, tier = { type = "string", default = "web" },
	  pass = { type = "string", sensitive = true }`))
	plain := func(settings ...string) string {
		return fmt.Sprintf("resource \"novacron_instance\" \"it\" {\n  name = %q\n  template_id = "+
			"novacron_template.it.id\n  power_state = \"stopped\"\n  depends_on  = "+
			"[novacron_template_version.it]\n  %s\n}\n", name, strings.Join(settings, "\n  "))
	}
	takeOver := func(id string) string {
		return fmt.Sprintf("import {\n  to = novacron_instance.it\n  id = %q\n}\n", id)
	}
	settings := []string{`description = "web"`, `labels = { team = "a" }`, `autostart = true`,
		`parameters = { hostname = "h", port = 8080, tags = ["a", "b"], env = { A = "1" } }`}
	w.instances(t, plain(settings...))
	w.Apply(t)
	uuid := strings.TrimSpace(host.Virsh(t, "domuuid", name))
	before := host.Virsh(t, "dumpxml", name)
	lose := func() {
		t.Helper()
		w.Succeeds(t, "state", "rm", "novacron_instance.it")
	}

	// If the configuration says what the host knows, there is nothing to do.
	for _, id := range []string{uuid, name} {
		lose()
		w.Succeeds(t, "import", "novacron_instance.it", id)
		w.EmptyPlan(t)
	}
	lose()
	w.instances(t, plain(settings...), takeOver("default/"+name))
	tfacc.Says(t, w.Succeeds(t, "plan"), "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy.")

	// What only the configuration knows is written to the state, also a secret.
	given := func(pass, tier string) []string {
		return append(settings[:3:3], `version = "~> 1.0"`, `wait_for = []`, `allow_restart = false`,
			`hardware_profile = { memory_mb = 128 }`,
			fmt.Sprintf(`parameters = { hostname = "h", port = "8080", tags = toset(["a", "b"]), env = { A = 1 }, `+
				`tier = %q, pass = %q }`, tier, pass))
	}
	w.instances(t, plain(given("one", "web")...), takeOver(name))
	tfacc.Says(t, w.Succeeds(t, "plan"), "~ resource \"novacron_instance\" \"it\"",
		"Plan: 1 to import, 0 to add, 1 to change, 0 to destroy.")
	w.Apply(t)
	w.EmptyPlan(t)
	if after := host.Virsh(t, "dumpxml", name); after != before {
		t.Errorf("the domain was\n%s\nand is\n%s", before, after)
	}
	// From then on a change is a change.
	w.instances(t, plain(given("two", "web")...))
	tfacc.Says(t, w.Succeeds(t, "plan"), "must be replaced", "1 to add, 0 to change, 1 to destroy.")
	// What differs from the host also differs after an import.
	lose()
	w.instances(t, plain(given("one", "db")...), takeOver(name))
	tfacc.Says(t, w.Succeeds(t, "plan"), "must be replaced", "1 to add, 0 to change, 1 to destroy.")

	for id, says := range map[string]string{
		name + "-not": `The host has no instance "` + name +
			`-not": use its UUID, "tenant/name", or its name in the provider's tenant.`,
		"team-2/" + name: `The host has no instance "team-2/` + name + `"`,
	} {
		w.instances(t, plain(settings...), takeOver(id))
		tfacc.Says(t, w.Fails(t, "plan"), "Could not import instance", says)
	}
	w.instances(t, plain(settings...), takeOver(uuid))
	w.Apply(t)
}
