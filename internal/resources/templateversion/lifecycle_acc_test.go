package templateversion_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// plugin-testing ends every step with two plans, one of them after a refresh, and wants both empty.

const address = "novacron_template_version.it"

func value(address, attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), want)
}

func TestAccVersionLives(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("ver")
	pool, directory := host.Pool(t, name)
	image := acctest.TinyImage(t)
	file, err := os.Stat(image)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := writeFile(t, filepath.Join(t.TempDir(), "moved.img"), readFile(t, image))
	other := rawImage(t, 1<<20)
	config := func(source string, settings ...string) string {
		return library(pool, name, `parameters = { hostname = { type = "string" } }`) + version("it", "1.0.0", source,
			settings...)
	}
	born := statecheck.CompareValue(compare.ValuesSame())
	same := func() statecheck.StateCheck { return born.AddStateValue(address, tfjsonpath.New("storage_location")) }
	change := func(source string, settings ...string) resource.TestStep {
		return resource.TestStep{
			Config:            config(source, settings...),
			ConfigPlanChecks:  tfacc.Planned(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{same()},
		}
	}
	null, object := knownvalue.Null(), knownvalue.ObjectExact
	matches := func(pattern string) knownvalue.Check { return knownvalue.StringRegexp(regexp.MustCompile(pattern)) }
	replaced := func(config string, checks ...statecheck.StateCheck) resource.TestStep {
		return resource.TestStep{
			Config: config, ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			ConfigStateChecks: checks,
		}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{
				Config: config(fromPath(image)),
				ConfigStateChecks: []statecheck.StateCheck{
					same(), value(address, "id", knownvalue.StringExact("default/"+name+"@1.0.0")),
					value(address, "digest", knownvalue.StringExact(digestOf(t, image))),
					value(address, "format", knownvalue.StringExact("qcow2")),
					value(address, "virtual_size_bytes", knownvalue.Int64Exact(64<<20)),
					value(address, "stored_size_bytes", knownvalue.Int64Exact(file.Size())),
					value(address, "storage_location", matches(`^`+directory+`/nova\.base\.[a-z0-9]+\.qcow2$`)),
					value(address, "created_at", matches(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)),
					value(address, "created_by", matches(`.`)),
					value(address, "description", null), value(address, "hardware_profile", null),
					value(address, "parameters", null),
				},
				Check: tfacc.OnHost(func() {
					stored := bases(t, host, directory)
					if len(stored) != 1 || checksum(t, stored[0]) != checksum(t, image) {
						t.Errorf("the pool has the images %q, not the one that was registered", stored)
					}
				}),
			},
			change(fromPath(image), `description = "first & <best>"`),
			{
				ResourceName: address, ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"source", "timeouts"},
			},
			{
				ResourceName: address, ImportState: true, ImportStateId: "default/" + name + "@1.0.1",
				ExpectError: regexp.MustCompile(`(?s)Could not import version.*has no version\s+"default/` + name +
					`@1.0.1"`),
			},
			{
				ResourceName: address, ImportState: true, ImportStateId: name,
				ExpectError: regexp.MustCompile(
					`(?s)Could not import version.*is not a version id: write it as\s+tenant/name@1.1.0`),
			},
			// The same image in another place is the same version.
			change(fromPath(elsewhere), `description = ""`),
			change(fromPath(elsewhere) + `, checksum = "` + checksum(t, image) + `"`),
			change(`url = "http://127.0.0.1:1/gone.qcow2", checksum = "` + checksum(t, image) + `"`),
			change(fromPath(image)),
			{
				// Another user removes the version's documents from the pool, but not its image.
				PreConfig:        func() { deleteDocuments(t, host, pool, "nova.version.") },
				Config:           config(fromPath(image)),
				ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					same(), value(address, "transferred_bytes", knownvalue.Int64Exact(0)),
				},
			},
			// Another image replaces the version, as does a change of anything else that is frozen.
			replaced(config(fromPath(other)), value(address, "digest", knownvalue.StringExact(digestOf(t, other))),
				value(address, "format", knownvalue.StringExact("raw")),
				value(address, "transferred_bytes", knownvalue.Int64Exact(1<<20))),
			replaced(config(fromPath(other), `hardware_profile = {}`, `parameters = {}`,
				`network_profile = { interfaces = {} }`, `storage_profile = {}`),
				value(address, "hardware_profile",
					object(map[string]knownvalue.Check{
						"cpu_count": null,
						"cpu_cores": null,
						"cpu_type":  null,
						"memory_mb": null,
						"firmware":  null,
						"gpu_count": null,
						"gpu_type":  null,
					})),
				value(address, "network_profile",
					object(map[string]knownvalue.Check{
						"interfaces": knownvalue.MapExact(nil), "default_network_policies": null,
						"requires_public_ip": null,
					})),
				value(address, "storage_profile", object(map[string]knownvalue.Check{"disks": null})),
				value(address, "parameters", knownvalue.MapExact(nil))),
			{
				// Another user removes the image. The version can still be replaced.
				PreConfig: func() {
					for _, base := range bases(t, host, directory) {
						host.Virsh(t, "vol-delete", "--pool", pool, filepath.Base(base))
					}
				},
				Config: config(fromPath(other)), Taint: []string{address},
				ConfigStateChecks: []statecheck.StateCheck{
					value(address, "transferred_bytes", knownvalue.Int64Exact(1<<20)),
				},
				ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			},
			replaced(library(pool, name) + version("it", "1.0.1-rc.1+build", fromPath(other))),
		},
	})
}

// Versions with the same image share one base, which is removed with the last of them.
func TestAccVersionsShareAnImage(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("share")
	pool, directory := host.Pool(t, name)
	image := rawImage(t, 3<<20)
	const first, second = "novacron_template_version.first", "novacron_template_version.second"
	// With the checksum, the provider also compares the file's SHA-256.
	one := version("first", "1.0.0", fromPath(image))
	two := version("second", "1.1.0", fromPath(image)+`, checksum = "`+checksum(t, image)+`"`)
	three := version("third", "1.2.0", fromPath(writeFile(t, filepath.Join(t.TempDir(), "copy"), readFile(t, image))))
	location := statecheck.CompareValue(compare.ValuesSame())
	at := func(address string) statecheck.StateCheck {
		return location.AddStateValue(address, tfjsonpath.New("storage_location"))
	}
	stored := func(want int) resource.TestCheckFunc {
		return tfacc.OnHost(func() {
			if found := bases(t, host, directory); len(found) != want {
				t.Errorf("the pool has the images %q, want %d", found, want)
			}
		})
	}
	none := knownvalue.Int64Exact(0)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{
				Config: library(pool, name) + one, Check: stored(1),
				ConfigStateChecks: []statecheck.StateCheck{
					at(first), value(first, "transferred_bytes", knownvalue.Int64Exact(3<<20)),
				},
			},
			{
				Config: library(pool, name) + one + two + three, Check: stored(1),
				ConfigStateChecks: []statecheck.StateCheck{
					at(first), at(second), at("novacron_template_version.third"),
					value(second, "transferred_bytes", none),
					value("novacron_template_version.third", "transferred_bytes", none),
				},
			},
			{
				Config: library(pool, name) + two, Check: stored(1),
				ConfigStateChecks: []statecheck.StateCheck{at(second)},
			},
			{Config: library(pool, name), Check: stored(0)},
		},
	})
}

// A change of the template does not change its versions.
func TestAccVersionIsFrozen(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("frozen")
	pool, _ := host.Pool(t, name)
	find := func(label, constraint string) string {
		return "data \"novacron_template_version\" \"" + label + "\" {\n  template_id = novacron_template.it.id\n  " +
			constraint +
			"\n  depends_on = [novacron_template_version.old, novacron_template_version.new]\n}\n"
	}
	old := version("old", "1.0.0", fromPath(tfacc.EmptyImage(t, "16M")), `description = "old"`)
	image := tfacc.EmptyImage(t, "17M")
	config := func(memory, data string) string {
		return library(pool, name, `hardware_profile = { memory_mb = `+memory+` }`,
			`parameters = { hostname = { type = "string", default = "h`+memory+`" } }`) +
			old + version("new", "1.5.0-rc.1", fromPath(image), `hardware_profile = { cpu_cores = 3 }`) + data
	}
	is := func(label, number string, memory, cores knownvalue.Check) []statecheck.StateCheck {
		of, data := "novacron_template_version.old", "data.novacron_template_version."+label
		if number != "1.0.0" {
			of = "novacron_template_version.new"
		}
		checks := []statecheck.StateCheck{
			value(data, "version", knownvalue.StringExact(number)),
			statecheck.ExpectKnownValue(data, tfjsonpath.New("hardware_profile").AtMapKey("memory_mb"), memory),
			statecheck.ExpectKnownValue(data, tfjsonpath.New("hardware_profile").AtMapKey("cpu_cores"), cores),
			statecheck.ExpectKnownValue(data, tfjsonpath.New("parameters").AtMapKey("hostname").AtMapKey("default"),
				knownvalue.StringExact("h256")),
		}
		for _, attribute := range []string{
			"id", "template_id", "description", "digest", "format", "virtual_size_bytes", "stored_size_bytes",
			"transferred_bytes", "storage_location", "created_at", "created_by",
		} {
			checks = append(checks, statecheck.CompareValuePairs(of, tfjsonpath.New(attribute), data,
				tfjsonpath.New(attribute), compare.ValuesSame()))
		}
		return checks
	}
	memory, null := knownvalue.Int64Exact(256), knownvalue.Null()
	refused := func(data, message string) resource.TestStep {
		return resource.TestStep{Config: config("512", data), ExpectError: regexp.MustCompile(message)}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			refused(find("it", `constraint = "newest"`), `"newest" is not a version constraint`),
			{Config: config("256", find("it", ``)), ConfigStateChecks: is("it", "1.0.0", memory, null)},
			{
				Config: config("512", find("it", `constraint = "~> 1.0"`)+find("newer", `constraint = ">= 1.5.0-rc.1"`)+
					find("exact", `constraint = "1.0.0"`)),
				ConfigStateChecks: slices.Concat(is("it", "1.0.0", memory, null), is("newer", "1.5.0-rc.1", null,
					knownvalue.Int64Exact(3)),
					is("exact", "1.0.0", memory, null)),
			},
			refused(find("it", `constraint = "> 2.0"`),
				`(?s)Version not found.*does not have a version that "> `+
					`2.0"\s+allows\.\s+It\s+has:\s+1\.5\.0-rc\.1,\s+1\.0\.0`),
			refused("data \"novacron_template_version\" \"it\" {\n  template_id = \"default/nope\"\n}\n",
				`(?s)Template not found.*has no\s+template\s+"default/nope"`),
		},
	})
}
