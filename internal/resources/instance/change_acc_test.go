package instance_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A blank guest with two interfaces and random addresses is changed in every way that needs no
// replacement.
func TestAccInstanceChangesInPlace(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("change")
	image := blankImage(t)
	const off = `power_state = "stopped"`
	// The guest has no system and does not shut down: an update would wait for it half of its time.
	config := func(settings ...string) string {
		update := "20m"
		if slices.Contains(settings, off) {
			update = "30s"
		}
		return shop(name, image) + instance("it", name, append(settings, `wait_for = []`,
			fmt.Sprintf("timeouts {\n    update = %q\n    delete = \"5s\"\n  }", update),
			`network_profile = { interfaces = { eth0 = {}, eth1 = {} } }`)...)
	}
	// It is the same machine throughout: no step may replace it.
	same := statecheck.CompareValue(compare.ValuesSame())
	id := func() []statecheck.StateCheck {
		return []statecheck.StateCheck{same.AddStateValue("novacron_instance.it", tfjsonpath.New("id"))}
	}
	change := func(check func(), settings ...string) resource.TestStep {
		return resource.TestStep{
			Config: config(settings...), ConfigPlanChecks: planned(plancheck.ResourceActionUpdate),
			ConfigStateChecks: id(), Check: tfacc.OnHost(check),
		}
	}
	refused := func(message string, settings ...string) resource.TestStep {
		return resource.TestStep{Config: config(settings...), PlanOnly: true, ExpectError: regexp.MustCompile(message)}
	}
	expect := func(key, want string) {
		if got := fact(t, host, name, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	const (
		described = `description = "Says & <what> it is for"`
		labelled  = `labels = { team = "a", "" = "empty key" }`
		large     = `storage_profile = { disks = { system = { size_gb = 2 } } }`
		small     = `storage_profile = { disks = { system = { size_gb = 1 } } }`
		protected = `deletion_protection = true`
	)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{
			{Config: config(off), ConfigStateChecks: id(), Check: tfacc.OnHost(func() { expect("State", "shut off") })},
			change(func() {
				if got := strings.TrimSpace(host.Virsh(t, "desc", name)); got != "Says & <what> it is for" {
					t.Errorf("the domain's description is %q", got)
				}
			}, off, described, labelled),
			change(func() { expect("Autostart", "enable") }, off, described, `autostart = true`),
			change(func() { expect("Autostart", "disable") }, off),
			change(func() { expect("State", "running") }),
			change(func() {}, large),
			refused(`(?s)Disk would shrink.*has 2 GiB and cannot shrink to\s+1`, small),
			refused(`(?s)Disk would shrink.*has 2 GiB and cannot shrink to\s+0\.01562`), // size_gb is left out again
			change(func() { expect("State", "shut off") }, off, large),
			change(func() {}, off, large, protected),
			{
				Config: config(off, large, protected), Destroy: true,
				ExpectError: regexp.MustCompile(`(?s)Instance is protected.*set it to false and\s+apply first`),
			},
			refused(`Instance is protected`, off, large, protected, `strategy = "clone"`),
			change(func() {}, off, large),
			{
				ResourceName: "novacron_instance.it", ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: notOnHost,
			},
			{
				ResourceName:            "novacron_instance.it",
				ImportState:             true,
				ImportStateId:           "default/" + name,
				ImportStateVerify:       true,
				ImportStateVerifyIgnore: notOnHost,
			},
			{
				ResourceName: "novacron_instance.it", ImportState: true, ImportStateId: name + "-not",
				ExpectError: regexp.MustCompile(`(?s)The host has no instance.*use its\s+UUID`),
			},
		},
	})
}

// notOnHost are the settings that an import cannot know: how the configuration wrote them, and how
// the instance was created.
var notOnHost = []string{
	"version", "parameters", "network_profile", "storage_profile", "wait_for", "timeouts", "provisioning",
}
