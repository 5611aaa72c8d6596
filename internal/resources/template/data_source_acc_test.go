package template_test

import (
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

func TestAccTemplateIsFoundByIDAndName(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("found")
	pool, _ := host.Pool(t, name)
	config := func(data string) string {
		return tfacc.Provider(pool) + template(name, `display_name = "Found"`, `labels = { a = "b" }`,
			`hardware_profile = { memory_mb = 256 }`,
			`parameters = { hostname = { type = "string", default = "it" } }`) + data
	}
	const (
		byID   = "data \"novacron_template\" \"id\" {\n  id = novacron_template.it.id\n}\n"
		byName = "data \"novacron_template\" \"name\" {\n  name = novacron_template.it.name\n  depends_on = " +
			"[novacron_template.it]\n}\n"
	)
	var same []statecheck.StateCheck
	for _, data := range []string{"data.novacron_template.id", "data.novacron_template.name"} {
		for _, attribute := range []string{
			"id", "name", "display_name", "description", "type", "labels", "default_strategy", "deletion_protection",
			"hardware_profile", "network_profile", "storage_profile", "parameters", "tenant", "owner", "created_at",
			"updated_at",
		} {
			same = append(same, statecheck.CompareValuePairs(address, tfjsonpath.New(attribute), data,
				tfjsonpath.New(attribute), compare.ValuesSame()))
		}
	}
	same = append(same, statecheck.ExpectKnownValue("data.novacron_template.id",
		tfjsonpath.New("hardware_profile").AtMapKey("memory_mb"), knownvalue.Int64Exact(256)))
	missing := func(data, message string) resource.TestStep {
		return resource.TestStep{Config: config(data), ExpectError: regexp.MustCompile(message)}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			missing("data \"novacron_template\" \"it\" {}\n",
				`No attribute specified when one \(and only one\) of \[id,name\] is required`),
			missing("data \"novacron_template\" \"it\" {\n  id = \"default/a\"\n  name = \"a\"\n}\n",
				`2 attributes specified when one \(and only one\)`),
			missing("data \"novacron_template\" \"it\" {\n  id = \"a\"\n}\n",
				`"a" is not a template id: write it as tenant/name`),
			missing("data \"novacron_template\" \"it\" {\n  name = \"A\"\n}\n", `"A" is not a valid template name`),
			{Config: config(byID + byName), ConfigStateChecks: same},
			missing("data \"novacron_template\" \"it\" {\n  id = \"other/"+name+"\"\n}\n",
				`(?s)Template not found.*has\s+no\s+template\s+"other/`+name+`"`),
			missing("data \"novacron_template\" \"it\" {\n  name = \"nope\"\n}\n",
				`(?s)Template not found.*has\s+no\s+template\s+"default/nope"`),
		},
	})
}
