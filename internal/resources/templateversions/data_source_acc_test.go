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
)

const address = "data.novacron_template_versions.it"

// version is the configuration of a version of the template "it".
func version(label, number, image, settings string) string {
	return fmt.Sprintf("resource \"novacron_template_version\" %q {\n  template_id = novacron_template.it.id\n  version = %q\n  source = { path = %q }\n  %s\n}\n",
		label, number, image, settings)
}

// instance is the configuration of an instance of that version, which is not started.
func instance(name, label, settings string) string {
	return fmt.Sprintf("resource \"novacron_instance\" %q {\n  name = %q\n  template_id = novacron_template.it.id\n"+
		"  version = novacron_template_version.%s.version\n  power_state = \"stopped\"\n  %s\n}\n", name, name, label, settings)
}

// entry expects these attributes of a version of the history.
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
	template := fmt.Sprintf("%sresource \"novacron_template\" \"it\" {\n  name = %q\n}\nresource \"novacron_template\" \"other\" {\n  name = \"%s-2\"\n}\n",
		tfacc.Provider(pool), name, name)
	find := func(after string) string {
		return "data \"novacron_template_versions\" \"it\" {\n  template_id = novacron_template.it.id\n  depends_on = [" + after + "]\n}\n"
	}
	history := func(entries ...knownvalue.Check) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue(address, tfjsonpath.New("versions"), knownvalue.ListExact(entries))}
	}
	versions := version("old", "1.0.0", image, `description = "first"`) + version("ten", "1.10.0", image, `deletion_protection = true`) +
		version("nine", "1.9.0", image, "") + version("coming", "2.0.0-rc.1", image, "")
	open := version("old", "1.0.0", image, `description = "first"`) + version("ten", "1.10.0", image, "")
	// A version of the same number that another template has.
	stranger := fmt.Sprintf("resource \"novacron_template_version\" \"stranger\" {\n  template_id = novacron_template.other.id\n  version = \"1.0.0\"\n  source = { path = %q }\n}\n"+
		"resource \"novacron_instance\" \"stranger\" {\n  name = \"%s-s\"\n  template_id = novacron_template.other.id\n  version = novacron_template_version.stranger.version\n  power_state = \"stopped\"\n}\n", image, name)
	instances := instance(name+"-1", "old", "") + instance(name+"-2", "old", `strategy = "clone"`) + instance(name+"-3", "ten", "")
	all := "novacron_template_version.old, novacron_template_version.ten, novacron_template_version.nine, novacron_template_version.coming"
	same := func(attribute string) statecheck.StateCheck {
		return statecheck.CompareValuePairs("novacron_template_version.old", tfjsonpath.New(attribute),
			address, tfjsonpath.New("versions").AtSliceIndex(3).AtMapKey(attribute), compare.ValuesSame())
	}
	filled := history(
		entry("2.0.0-rc.1", 0, nil), entry("1.10.0", 1, map[string]knownvalue.Check{"deletion_protection": knownvalue.Bool(true)}), entry("1.9.0", 0, nil),
		entry("1.0.0", 2, map[string]knownvalue.Check{"description": knownvalue.StringExact("first"), "deletion_protection": knownvalue.Bool(false)}))
	for _, attribute := range []string{"id", "description", "digest", "format", "virtual_size_bytes", "stored_size_bytes", "created_at", "created_by"} {
		filled = append(filled, same(attribute))
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{Config: template + "data \"novacron_template_versions\" \"it\" {\n  template_id = \"nope\"\n}\n", ExpectError: regexp.MustCompile(`"nope" is not a template id: write it as tenant/name`)},
			{Config: template + find("novacron_template.it"), ConfigStateChecks: history()},
			{Config: template + versions + stranger + instances + find(all+fmt.Sprintf(", novacron_instance.%s-1, novacron_instance.%s-2, novacron_instance.%s-3, novacron_instance.stranger", name, name, name)),
				ConfigStateChecks: filled},
			{Config: template + open}, // Terraform might read before it has destroyed
			{Config: template + open + find("novacron_template_version.ten"), ConfigStateChecks: history(entry("1.10.0", 0, nil), entry("1.0.0", 0, nil))},
			{Config: template + "data \"novacron_template_versions\" \"it\" {\n  template_id = \"default/nope\"\n}\n", ExpectError: regexp.MustCompile(`(?s)Template not found.*has no\s+template\s+"default/nope"`)},
		},
	})
}
