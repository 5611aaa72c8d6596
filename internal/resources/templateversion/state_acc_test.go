package templateversion_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A draft follows its template until it is published, and then no longer changes. Constraints find
// active versions only.
func TestAccVersionIsPublished(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("draft")
	pool, _ := host.Pool(t, name)
	image := fromPath(rawImage(t, 1<<20))
	const address = "novacron_template_version.new"
	data := func(label, constraint string) string {
		return fmt.Sprintf("data \"novacron_template_version\" %q {\n  template_id = novacron_template.it.id\n  "+
			"constraint = %q\n  depends_on = [novacron_template_version.old, novacron_template_version.new]\n}\n",
			label, constraint)
	}
	memory := func(data string, mb int64) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.novacron_template_version."+data,
			tfjsonpath.New("hardware_profile").AtMapKey("memory_mb"), knownvalue.Int64Exact(mb))
	}
	is := func(address, attribute string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), want)
	}
	published := statecheck.CompareValue(compare.ValuesSame())
	step := func(mb int, old, settings string, action plancheck.ResourceActionType,
		checks ...statecheck.StateCheck) resource.TestStep {
		return resource.TestStep{
			Config: library(pool, name, fmt.Sprintf("hardware_profile = { memory_mb = %d }", mb)) +
				version("old", "1.0.0", image, old) +
				version("new", "1.1.0", image, settings) + data("exact", "1.1.0") + data("newest", ">= 1.0"),
			ConfigStateChecks: checks,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
		}
	}
	at := func() statecheck.StateCheck { return published.AddStateValue(address, tfjsonpath.New("published_at")) }
	newest := func(want string) statecheck.StateCheck {
		return is("data.novacron_template_version.newest", "version", knownvalue.StringExact(want))
	}
	const update, none = plancheck.ResourceActionUpdate, plancheck.ResourceActionNoop
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			step(64, "", `state = "draft"`, plancheck.ResourceActionCreate,
				is(address, "published_at", knownvalue.Null()), memory("exact", 64), newest("1.0.0")),
			step(96, "", `state = "draft"`, none, memory("exact", 96), memory("newest", 64)),
			step(96, "", ``, update, is(address, "state", knownvalue.StringExact("active")), at(), memory("exact", 96),
				newest("1.1.0")),
			step(128, "", ``, none, memory("exact", 96)),
			{
				ResourceName: address, ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"source"},
			},
			step(128, "", "state = \"deprecated\"\n  deprecation_message = \"CVE\"", update, at(),
				is(address, "deprecation_message", knownvalue.StringExact("CVE")), newest("1.0.0")),
			{
				ResourceName: address, ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"source"},
			},
			step(128, `state = "archived"`, "state = \"deprecated\"\n  deprecation_message = \"CVE\"", none,
				newest("1.1.0")),
		},
	})
}

// A draft that no longer fits its template cannot be published, and a version with instances cannot
// become a draft again.
func TestAccVersionThatCannotChangeItsStateIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("states")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := fromPath(tfacc.EmptyImage(t, "2G"))
	w := tfacc.NewWorkspace(t, "")
	configure := func(template, settings, more string) {
		w.Configure(t, library(pool, name, template)+version("it", "1.0.0", image, settings)+more)
	}
	instance := fmt.Sprintf("resource \"novacron_instance\" \"it\" {\n  name = %q\n  template_id = "+
		"novacron_template.it.id\n  version = novacron_template_version.it.version\n  power_state = \"stopped\"\n  "+
		"wait_for = []\n}\n", name)
	t.Cleanup(func() { w.Destroy(t) })
	configure("", `state = "draft"`, "")
	w.Apply(t)
	const small = "storage_profile = { disks = { system = { size_gb = 1 } } }"
	configure(small, `state = "draft"`, "")
	w.Apply(t)
	w.EmptyPlan(t)
	const at = `resource "novacron_template_version" "it":`
	configure(small, "", "")
	tfacc.Says(t, w.Fails(t, "plan"), "Could not publish draft", at,
		`version "default/`+name+`@1.0.0" would have this wrong with it`, "size_gb")
	configure("", `deprecation_message = "no"`, "")
	tfacc.Says(t, w.Fails(t, "plan"), "Unexpected deprecation message", at)
	configure("", "", instance) // publishes the version, now that the template is corrected
	w.Apply(t)
	w.EmptyPlan(t)
	configure("", `state = "archived"`, instance)
	w.Apply(t)
	w.EmptyPlan(t)
	configure("", `state = "draft"`, instance)
	tfacc.Says(t, w.Fails(t, "plan"), "State cannot return to draft", at, `state = "draft"`,
		`Version "default/`+name+`@1.0.0" is archived and has instances: default/`+name+
			`. Only its writers see a draft`)
	configure("", `state = "archived"`, "")
	w.Apply(t)
	configure("", `state = "draft"`, "") // now no instance is left
	w.Apply(t)
	w.EmptyPlan(t)
}
