package template_test

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

// A template is created as a draft, then published, shared, deprecated and archived, all in place.
func TestAccTemplateIsPublishedAndShared(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("published")
	pool, _ := host.Pool(t, name)
	published := statecheck.CompareValue(compare.ValuesSame())
	at := func() statecheck.StateCheck { return published.AddStateValue(address, tfjsonpath.New("published_at")) }
	step := func(action plancheck.ResourceActionType, settings []string,
		checks ...statecheck.StateCheck) resource.TestStep {
		return resource.TestStep{
			Config: tfacc.Provider(pool) + template(name, settings...), ConfigStateChecks: checks,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, action)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
		}
	}
	list := func(name string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, tfjsonpath.New("access_control").AtMapKey(name), want)
	}
	const update = plancheck.ResourceActionUpdate
	shared := `access_control = { read_users = [], use_tenants = ["bank", "mill"], write_groups = ["ops"] }`
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			step(plancheck.ResourceActionCreate, []string{`state = "draft"`, `access_control = {}`},
				value("state", knownvalue.StringExact("draft")), value("published_at", knownvalue.Null()),
				value("enforcement", knownvalue.StringExact("advisory")), value("is_public", knownvalue.Bool(false))),
			step(update, []string{`state = "draft"`, `description = "later"`}, value("published_at", knownvalue.Null()),
				value("access_control", knownvalue.Null())),
			step(update, nil, value("state", knownvalue.StringExact("active")),
				value("published_at", knownvalue.NotNull()), at()),
			step(update, []string{shared, `is_public = true`}, at(), value("is_public", knownvalue.Bool(true)),
				list("read_users", knownvalue.SetSizeExact(0)),
				list("use_tenants", knownvalue.SetExact([]knownvalue.Check{
					knownvalue.StringExact("mill"), knownvalue.StringExact("bank"),
				}))),
			{
				ResourceName: address, ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"access_control.read_users"},
			},
			step(update, []string{shared, `state = "deprecated"`, `deprecation_message = "Use the other."`}, at(),
				value("deprecation_message", knownvalue.StringExact("Use the other."))),
			{
				ResourceName: address, ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"access_control.read_users"},
			},
			step(update, []string{shared, `state = "archived"`}, at(), value("deprecation_message", knownvalue.Null())),
			step(update, []string{`state = "draft"`}, at(), value("access_control", knownvalue.Null())),
			step(update, nil, at()),
		},
	})
}

// If another user changes who may use a template, a refresh finds that and the apply reverts it.
func TestAccSharingThatSomebodyElseChangedIsPutRight(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("reshared")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	mine := tfacc.NewWorkspace(t, tfacc.Provider(pool)+template(name, `access_control = { use_tenants = ["bank"] }`))
	mine.Apply(t)
	t.Cleanup(func() { mine.Destroy(t) })
	theirs := tfacc.NewWorkspace(t, tfacc.Provider(pool)+template(name, `access_control = { use_tenants = ["mill"] }`,
		`is_public = true`, `state = "deprecated"`, `deprecation_message = "old"`)+
		fmt.Sprintf("import {\n  to = novacron_template.it\n  id = %q\n}\n", name))
	tfacc.Says(t, theirs.Apply(t), "1 imported, 0 added, 1 changed, 0 destroyed")
	theirs.EmptyPlan(t)
	tfacc.Says(t, mine.Apply(t), `~ use_tenants = [ - "mill", + "bank",`, `- deprecation_message = "old" -> null`,
		"~ is_public = true -> false", `~ state = "deprecated" -> "active"`, "0 added, 1 changed, 0 destroyed")
	mine.EmptyPlan(t)
}

func TestAccSharingThatCannotBeMeantIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("missharing")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	refusals := tfacc.NewWorkspace(t, "").Refusals(tfacc.Provider(pool))
	const at = `resource "novacron_template" "it":`
	for mistake, c := range map[string]struct {
		settings string
		says     []string
	}{
		"state": {
			`state = "retired"`, []string{at, `state = "retired"`, `"draft" "active" "deprecated" "archived"`},
		},
		"message": {
			`deprecation_message = "old"`, []string{
				"Unexpected deprecation message", at, `deprecation_message = "old"`, "it is active: set state",
			},
		},
		"tenant": {
			`access_control = { use_tenants = ["a.b"] }`,
			[]string{"Invalid tenant", at, `access_control.use_tenants: "a.b" is not a valid tenant`},
		},
		"own tenant": {
			`access_control = { read_tenants = ["default"] }`,
			[]string{"Redundant tenant", at, `access_control.read_tenants: "default" is the template's own tenant`},
		},
		"user": {
			`access_control = { write_users = [""] }`, []string{"Empty name", at, "access_control.write_users"},
		},
		"public and what": {`is_public = "maybe"`, []string{at, `is_public = "maybe"`}},
	} {
		refusals.Add(mistake, template(name, c.settings), c.says...)
	}
	refusals.Check(t)
}

// A user may read another tenant's template but not change it, and the plan says so.
func TestAccWhoMayNotWriteIsToldWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("readonly")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	as := func(user string, settings ...string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  pool = %q\n  user = %q\n  groups = [\"staff\"]\n}\n",
			pool, user) + template(name, settings...)
	}
	ann := tfacc.NewWorkspace(t, as("ann", `access_control = { write_users = ["eve"] }`))
	ann.Apply(t)
	t.Cleanup(func() { ann.Destroy(t) })
	bob := tfacc.NewWorkspace(t, as("bob", `access_control = { write_users = ["bob"] }`)+
		fmt.Sprintf("import {\n  to = novacron_template.it\n  id = %q\n}\n", name))
	tfacc.Says(t, bob.Fails(t, "plan"), "No permission to change template",
		`this needs the right to write template "default/`+name+`", and user "bob" of tenant "default" `+
			`may only use it. Its owner "ann", or a user who may write it, can grant the right in access_control: `+
			`write_users or write_groups.`)
	eve := tfacc.NewWorkspace(t, as("eve", `access_control = { write_groups = ["staff"] }`)+
		fmt.Sprintf("import {\n  to = novacron_template.it\n  id = %q\n}\n", name))
	tfacc.Says(t, eve.Apply(t), "0 added, 1 changed, 0 destroyed") // lets bob write the template
	tfacc.Says(t, bob.Apply(t), "0 added, 1 changed, 0 destroyed")
	bob.EmptyPlan(t)
}
