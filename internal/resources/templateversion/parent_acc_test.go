package templateversion_test

import (
	"fmt"
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

// A second version sends only its differences from the first, and instances are created from it.
// The first version cannot be removed before it.
func TestAccVersionSendsWhatDiffers(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("inc")
	pool, directory := host.Pool(t, name)
	const block = 64 << 10
	first := rawImage(t, 32*block)
	disk := readFile(t, first)
	disk[5*block] ^= 1
	disk[9*block] ^= 1
	second := writeFile(t, filepath.Join(t.TempDir(), "second.raw"), disk)
	one := library(pool, name) + version("one", "1.0.0", fromPath(first))
	two := version("it", "1.1.0", fromPath(second), "parent_version = novacron_template_version.one.version")
	instances := ""
	for _, strategy := range []string{"linked_clone", "clone"} {
		instances += fmt.Sprintf(`
resource "novacron_instance" %[1]q {
  name        = "%[2]s-${replace(%[1]q, "_", "-")}"
  template_id = novacron_template.it.id
  version     = novacron_template_version.it.version
  strategy    = %[1]q
  power_state = "stopped"
  wait_for    = []
}
`, strategy, name)
	}
	refused := func(config, pattern string) resource.TestStep {
		return resource.TestStep{Config: config, ExpectError: regexp.MustCompile(`(?s)` + pattern)}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{
				Config: one + two + instances,
				ConfigStateChecks: []statecheck.StateCheck{
					value(address, "parent_version", knownvalue.StringExact("1.0.0")),
					value(address, "digest", knownvalue.StringExact(digestOf(t, second))),
					value(address, "format", knownvalue.StringExact("qcow2")),
					value(address, "virtual_size_bytes", knownvalue.Int64Exact(32*block)),
					value(address, "transferred_bytes", knownvalue.Int64Exact((2+5)*block)),
					value(address, "stored_size_bytes", knownvalue.Int64Exact((2+5)*block)),
				},
				Check: tfacc.OnHost(func() {
					for _, strategy := range []string{"linked-clone", "clone"} {
						disks, err := filepath.Glob(filepath.Join(host.HostPath(directory),
							"nova.disk.default."+name+"-"+strategy+".*"))
						if err != nil || len(disks) != 1 {
							t.Fatalf("the disks of the %s are %q, %v", strategy, disks, err)
						}
						path := filepath.Join(directory, filepath.Base(disks[0]))
						read := filepath.Join(directory, "read-"+strategy+".raw")
						host.Exec(t, "qemu-img", "convert", "-O", "raw", path, read)
						if got := readFile(t, host.HostPath(read)); len(got) < len(disk) ||
							string(got[:len(disk)]) != string(disk) {
							t.Errorf("a %s has another disk", strategy)
						}
						host.Exec(t, "rm", read)
					}
				}),
			},
			{
				ResourceName: address, ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"source", "timeouts"},
			},
			refused(library(pool, name)+version("it", "1.1.0", fromPath(second), `parent_version = "1.0.0"`),
				`"default/`+name+`@1.0.0"\s+cannot\s+be\s+removed.*parent_version.*`+name+`@1.1.0`),
			{
				Config:           one + two,
				ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionNoop),
			},
			{
				Config:           one + version("it", "1.1.0", fromPath(second)),
				ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					value(address, "parent_version", knownvalue.Null()),
					value(address, "format", knownvalue.StringExact("raw")),
					value(address, "transferred_bytes", knownvalue.Int64Exact(32*block)),
				},
			},
		},
	})
}

func TestAccParentThatCannotBeIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("par")
	pool, _ := host.Pool(t, name)
	disk := rawImage(t, 1<<20)
	step := func(source, parent, pattern string) resource.TestStep {
		return resource.TestStep{
			Config: library(pool, name) + version("it", "1.1.0", source, fmt.Sprintf("parent_version = %q",
				parent)),
			PlanOnly:    true,
			ExpectError: regexp.MustCompile(`(?s)` + pattern),
		}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{Config: library(pool, name)},
			step(fromPath(disk), "1.0.0", `parent_version.*Version not found|Version not found.*parent_version`),
			step(fromPath(disk), "1.1.0", `Invalid parent version`),
			step(fromPath(disk), "~> 1.0", `parent_version`),
			step(`instance_id = "11111111-2222-4333-8444-555555555555"`, "1.0.0",
				`Conflicting parent_version and instance_id`),
			{Config: library(pool, name)}, // the final destroy needs a valid configuration
		},
	})
}
