package templateversions_test

import (
	"fmt"
	"maps"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

const address = "data.novacron_template_versions.it"

// version returns the configuration of a version of the template "it".
func version(label, number, image, settings string) string {
	v := tfconfig.Release(number, image).Of(tfconfig.Template{})
	v.Label, v.Settings = label, []string{settings}
	return v.String()
}

// instance returns the configuration of a stopped instance of the version with that label.
func instance(name, label, settings string) string {
	of := tfconfig.Version{Meta: tfconfig.Meta{Label: label}}
	return tfconfig.Instance{
		Meta: tfconfig.Meta{Label: name, Settings: []string{settings}}, Name: name, PowerState: "stopped",
	}.Of(tfconfig.Template{}, of).String()
}

// entry expects a version of the history with these attributes.
func entry(number string, instances int64, more map[string]knownvalue.Check) knownvalue.Check {
	checks := map[string]knownvalue.Check{
		"version": knownvalue.StringExact(number), "instance_count": knownvalue.Int64Exact(instances),
		"id":     knownvalue.StringRegexp(regexp.MustCompile("@" + regexp.QuoteMeta(number) + "$")),
		"format": knownvalue.StringExact("qcow2"), "virtual_size_bytes": knownvalue.Int64Exact(16 << 20),
		"created_at": knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)),
	}
	maps.Copy(checks, more)
	return knownvalue.ObjectPartial(checks)
}

func TestAccHistoryOfATemplate(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("hist")
	pool, _ := host.Pool(t, name)
	image := tfacc.EmptyImage(t, "16M")
	another := tfconfig.Template{Meta: tfconfig.Meta{Label: "other"}, Name: name + "-2"}
	template := tfconfig.Render(tfconfig.Provider{Pool: pool}, tfconfig.Template{Name: name}, another)
	find := func(after string) string {
		return "data \"novacron_template_versions\" \"it\" {\n  template_id = novacron_template.it.id\n  " +
			"depends_on = [" + after + "]\n}\n"
	}
	history := func(entries ...knownvalue.Check) []statecheck.StateCheck {
		return []statecheck.StateCheck{
			statecheck.ExpectKnownValue(address, tfjsonpath.New("versions"), knownvalue.ListExact(entries)),
		}
	}
	versions := version("old", "1.0.0", image, `description = "first"`) + version("ten", "1.10.0", image,
		`deletion_protection = true`) +
		version("nine", "1.9.0", image, "") + version("coming", "2.0.0-rc.1", image, "")
	open := version("old", "1.0.0", image, `description = "first"`) + version("ten", "1.10.0", image, "")
	// Another template has a version with the same number.
	theirs := tfconfig.Release("1.0.0", image).Of(another)
	theirs.Label = "stranger"
	stranger := tfconfig.Render(theirs, tfconfig.Instance{
		Meta: tfconfig.Meta{Label: "stranger"}, Name: name + "-s", PowerState: "stopped",
	}.Of(another, theirs))
	instances := instance(name+"-1", "old", "") + instance(name+"-2", "old", `strategy = "clone"`) +
		instance(name+"-3", "ten", "")
	all := "novacron_template_version.old, novacron_template_version.ten, novacron_template_version.nine, " +
		"novacron_template_version.coming"
	same := func(attribute string) statecheck.StateCheck {
		return statecheck.CompareValuePairs("novacron_template_version.old", tfjsonpath.New(attribute),
			address, tfjsonpath.New("versions").AtSliceIndex(3).AtMapKey(attribute), compare.ValuesSame())
	}
	filled := history(
		entry("2.0.0-rc.1", 0, nil), entry("1.10.0", 1, map[string]knownvalue.Check{
			"deletion_protection": knownvalue.Bool(true),
		}), entry("1.9.0", 0, nil),
		entry("1.0.0", 2, map[string]knownvalue.Check{
			"description": knownvalue.StringExact("first"), "deletion_protection": knownvalue.Bool(false),
		}))
	for _, attribute := range []string{
		"id", "description", "digest", "format", "virtual_size_bytes", "stored_size_bytes", "created_at", "created_by",
	} {
		filled = append(filled, same(attribute))
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{
				Config:      template + "data \"novacron_template_versions\" \"it\" {\n  template_id = \"nope\"\n}\n",
				ExpectError: regexp.MustCompile(`"nope" is not a template id: write it as tenant/name`),
			},
			{Config: template + find("novacron_template.it"), ConfigStateChecks: history()},
			{Config: template + versions + stranger + instances +
				find(all+fmt.Sprintf(", novacron_instance.%s-1, novacron_instance.%s-2, novacron_instance.%s-3, "+
					"novacron_instance.stranger", name, name, name)),
				ConfigStateChecks: filled},
			{Config: template + open}, // Terraform might read the data source before the destroy
			{
				Config:            template + open + find("novacron_template_version.ten"),
				ConfigStateChecks: history(entry("1.10.0", 0, nil), entry("1.0.0", 0, nil)),
			},
			{
				Config: template + "data \"novacron_template_versions\" \"it\" {\n  template_id = " +
					"\"default/nope\"\n}\n",
				ExpectError: regexp.MustCompile(`(?s)Template not found.*has no\s+template\s+"default/nope"`),
			},
		},
	})
}
