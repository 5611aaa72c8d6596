package instance_test

import (
	"fmt"
	"regexp"
	"strings"
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

// Every step ends with two plans that plugin-testing wants empty, one of them after a refresh.

func TestAccOneApplyMakesALinkedAndAFullClone(t *testing.T) {
	host, image, name := acctest.RequireHost(t), "", tfacc.Name("clones")
	image = acctest.TinyImage(t)
	linked, full := name+"-linked", name+"-full"
	config := func(disk string) string {
		return shop(name, image) +
			instance("it", linked, `parameters = { hostname = "first" }`, `wait_for = ["ip", "agent"]`, disk) +
			instance("full", full, `strategy = "clone"`, `parameters = tomap({ hostname = "second" })`,
				`wait_for = ["agent", "ip"]`)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{{
			Config: config(""),
			ConfigStateChecks: append(computed("it", linked, "linked_clone", "first"),
				computed("full", full, "clone", "second")...),
			Check: tfacc.OnHost(func() {
				for domain, want := range map[string]string{linked: "first", full: "second"} {
					if got, err := guestAgent(t, host, domain).HostName(t.Context()); err != nil || got != want {
						t.Errorf("guest %s calls itself %q (%v), want %q", domain, got, err, want)
					}
				}
				if base := backingOf(
					t, host, diskPath(linked, "system"),
				); !strings.HasPrefix(base, "/var/lib/libvirt/novacron/") {
					t.Errorf("the linked clone hangs on %q, no base of the library", base)
				}
				if base := backingOf(t, host, diskPath(full, "system")); base != "" {
					t.Errorf("the full clone hangs on %q", base)
				}
			}),
		}, {
			// A disk grows under the running guest.
			Config:           config(`storage_profile = { disks = { system = { size_gb = 1 } } }`),
			ConfigPlanChecks: planned(plancheck.ResourceActionUpdate),
			Check: tfacc.OnHost(func() {
				if sectors := guestSays(
					t, host, linked, "/bin/cat", "/sys/block/vda/size",
				); sectors != fmt.Sprint(1<<30/512) {
					t.Errorf("the guest sees a disk of %s sectors, want 1 GiB", sectors)
				}
			}),
		}},
	})
}

// computed checks the computed attributes of a running instance.
func computed(label, name, strategy, hostname string) []statecheck.StateCheck {
	matches := func(pattern string) knownvalue.Check { return knownvalue.StringRegexp(regexp.MustCompile(pattern)) }
	address := matches(`^192\.168\.122\.\d+$`)
	var checks []statecheck.StateCheck
	for attribute, want := range map[string]knownvalue.Check{
		"id":               matches(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
		"tenant":           knownvalue.StringExact("default"),
		"domain_name":      knownvalue.StringExact(name),
		"host":             matches(`.`),
		"resolved_version": knownvalue.StringExact("1.0.0"),
		"image_digest":     matches(`^fsverity:[0-9a-f]{64}$`),
		"strategy":         knownvalue.StringExact(strategy),
		"effective_parameters": knownvalue.ObjectExact(map[string]knownvalue.Check{
			"hostname": knownvalue.StringExact(hostname),
		}),
		"ip_address":   address,
		"ip_addresses": knownvalue.ListExact([]knownvalue.Check{address}),
		"mac_addresses": knownvalue.MapExact(map[string]knownvalue.Check{
			"eth0": matches(`^52:54:00(:[0-9a-f]{2}){3}$`),
		}),
		"status": knownvalue.StringExact("running"),
		"provisioning": knownvalue.ObjectPartial(map[string]knownvalue.Check{
			"request_id":   matches(`.`),
			"requested_by": matches(`.`),
			"status":       knownvalue.StringExact("completed"),
			"error":        knownvalue.Null(),
			"created_at":   matches(`^\d{4}-\d\d-\d\dT.*Z$`),
			"completed_at": matches(`^\d{4}-\d\d-\d\dT.*Z$`),
		}),
	} {
		checks = append(checks, statecheck.ExpectKnownValue("novacron_instance."+label, tfjsonpath.New(attribute),
			want))
	}
	return checks
}

// Two libraries of one host may have templates of the same name, with the same image: clones of one
// do not hold the other's.
func TestAccLibrariesOfOneHostKeepApart(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("apart")
	t.Parallel()
	image := blankImage(t)
	library := func(suffix string) *tfacc.Workspace {
		pool, _ := host.Pool(t, name+suffix)
		w := tfacc.NewWorkspace(t, tfacc.Provider(pool)+shop(name, image)+instance("it", name+suffix, `wait_for = []`,
			`power_state = "stopped"`))
		t.Cleanup(func() { w.Destroy(t) })
		w.Apply(t)
		return w
	}
	first, second := library("-1"), library("-2")
	first.Destroy(t)
	second.EmptyPlan(t)
}

// A version that is replaced under its own number does not say what the instance replaced with it
// will be.
func TestAccVersionIsReplacedTogetherWithItsInstance(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("renewed")
	config := func(image, motd, hostname string) string {
		return shopOf(name, image, fmt.Sprintf("hostname = { type = \"string\" }\nmotd = { type = \"string\", "+
			"default = %q }", motd)) +
			instance("it", name+"-it", `power_state = "stopped"`, `wait_for = []`,
				fmt.Sprintf("parameters = { hostname = %q }", hostname))
	}
	has := func(motd string) []statecheck.StateCheck {
		return []statecheck.StateCheck{
			statecheck.ExpectKnownValue("novacron_instance.it", tfjsonpath.New("effective_parameters").AtMapKey("motd"),
				knownvalue.StringExact(motd)),
			statecheck.CompareValuePairs("novacron_instance.it", tfjsonpath.New("image_digest"),
				"novacron_template_version.it", tfjsonpath.New("digest"), compare.ValuesSame()),
		}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{
			{Config: config(tfacc.EmptyImage(t, "16M"), "old", "first"), ConfigStateChecks: has("old")},
			{
				Config:           config(tfacc.EmptyImage(t, "24M"), "new", "second"),
				ConfigPlanChecks: planned(plancheck.ResourceActionReplace), ConfigStateChecks: has("new"),
			},
		},
	})
}
