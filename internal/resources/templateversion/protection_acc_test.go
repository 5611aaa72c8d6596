package templateversion_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

func TestAccProtectedVersionStays(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("guard")
	pool, _ := host.Pool(t, name)
	image, other := tfacc.EmptyImage(t, "16M"), tfacc.EmptyImage(t, "17M")
	const protected = `deletion_protection = true`
	of := func(number, source string, settings ...string) string {
		return library(pool, name) + version("it", number, source, settings...)
	}
	refused := func(config string) resource.TestStep {
		return resource.TestStep{
			Config: config, PlanOnly: true,
			ExpectError: regexp.MustCompile(`(?s)Version is protected.*set it to false and\s+apply\s+first`),
		}
	}
	update := tfacc.Planned(address, plancheck.ResourceActionUpdate)
	is := func(want bool) []statecheck.StateCheck {
		return []statecheck.StateCheck{value(address, "deletion_protection", knownvalue.Bool(want))}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{Config: of("1.0.0", fromPath(image)), ConfigStateChecks: is(false)},
			{Config: of("1.0.0", fromPath(image), protected), ConfigPlanChecks: update, ConfigStateChecks: is(true)},
			{
				ResourceName: address, ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"source", "timeouts"},
			},
			{
				Config: of("1.0.0", fromPath(image), protected), Destroy: true,
				ExpectError: regexp.MustCompile(`Version is protected`),
			},
			refused(of("1.1.0", fromPath(image), protected)),
			refused(of("1.0.0", fromPath(other), protected)),
			refused(of("1.0.0", fromPath(image), protected, `hardware_profile = { memory_mb = 256 }`)),
			refused(of("1.0.0", fromPath(image), protected, `cloud_init = { user_data = "#cloud-config\n" }`)),
			refused(library(pool, name)), // removed from the configuration
			// The same apply cannot both lift the protection and replace the version.
			refused(of("1.1.0", fromPath(image))),
			{
				Config: of("1.0.0", fromPath(image), protected, `description = "may change"`), ConfigPlanChecks: update,
				ConfigStateChecks: is(true),
			},
			{Config: of("1.0.0", fromPath(image)), ConfigPlanChecks: update, ConfigStateChecks: is(false)},
			{
				Config:            of("1.0.0", fromPath(other), protected),
				ConfigPlanChecks:  tfacc.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
				ConfigStateChecks: is(true),
			},
			{Config: of("1.0.0", fromPath(other)), ConfigPlanChecks: update},
		},
	})
}

// The protection belongs to the version, not to a configuration: it also holds for other
// configurations that have the version.
func TestAccProtectionHoldsForOthers(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("guard2")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	source := fromPath(tfacc.EmptyImage(t, "16M"))
	open := library(pool, name) + version("it", "1.0.0", source)
	owner := tfacc.NewWorkspace(t, open)
	owner.Apply(t)
	t.Cleanup(func() {
		owner.Configure(t, open)
		owner.Apply(t)
		owner.Destroy(t)
	})
	other := tfacc.NewWorkspace(t, open)
	for _, args := range [][]string{{"import", "novacron_template.it", name}, {"import", address, name + "@1.0.0"}} {
		if out, err := other.Run(t.Context(), args...); err != nil {
			t.Fatalf("terraform %q: %v\n%s", args, err, out)
		}
	}
	owner.Configure(t, library(pool, name)+version("it", "1.0.0", source, `deletion_protection = true`))
	tfacc.Says(t, owner.Apply(t), "1 changed")
	// With a refreshed state the plan refuses; without a refresh the library does.
	tfacc.Says(t, other.Fails(t, "destroy", "-auto-approve"), "Version is protected",
		"the plan would destroy or replace it")
	tfacc.Says(t, other.Fails(t, "destroy", "-auto-approve", "-refresh=false"), "Version is protected",
		`Version "default/`+name+`@1.0.0" has deletion_protection: set it to false and apply before it can be `+
			`destroyed or replaced`)
	owner.EmptyPlan(t)
}

// A state written before deletion_protection existed needs no change.
func TestAccStateOfBeforeProtection(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("guard3")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	w := tfacc.NewWorkspace(t, library(pool, name)+version("it", "1.0.0", fromPath(tfacc.EmptyImage(t, "16M"))))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	state := filepath.Join(w.Dir, "terraform.tfstate")
	var document struct {
		Version          int              `json:"version"`
		TerraformVersion string           `json:"terraform_version"`
		Serial           int              `json:"serial"`
		Lineage          string           `json:"lineage"`
		Resources        []map[string]any `json:"resources"`
	}
	if err := json.Unmarshal(readFile(t, state), &document); err != nil {
		t.Fatal(err)
	}
	forgotten := false
	for _, r := range document.Resources {
		if r["type"] == "novacron_template_version" {
			instance, _ := r["instances"].([]any)[0].(map[string]any)
			attributes, _ := instance["attributes"].(map[string]any)
			_, forgotten = attributes["deletion_protection"]
			delete(attributes, "deletion_protection")
			delete(instance, "private") // earlier providers did not watch files either
		}
	}
	old, err := json.Marshal(document)
	if err != nil || !forgotten {
		t.Fatalf("the state has no deletion_protection (%v):\n%s", err, old)
	}
	writeFile(t, state, old)
	w.EmptyPlan(t)
	tfacc.Says(t, w.Apply(t), "0 added, 0 changed, 0 destroyed")
	if got := attribute(w.Show(t, address), "deletion_protection"); got != "false" {
		t.Errorf("the protection became %q", got)
	}
}
