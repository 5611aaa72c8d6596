package cataloginfo_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

func TestAccCatalogCountsTheTenantsOwn(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("catalog")
	pool, _ := host.Pool(t, name)
	image, other := tfacc.EmptyImage(t, "16M"), tfacc.EmptyImage(t, "17M")
	provider := func(tenant string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  pool = %q\n  tenant = %q\n  user = \"alice\"\n}\n", pool, tenant)
	}
	// Another tenant's templates do not count for this tenant.
	foreign := tfacc.NewWorkspace(t, provider("other")+"resource \"novacron_template\" \"it\" {\n  name = \"it\"\n}\n")
	t.Cleanup(func() { foreign.Destroy(t) })
	foreign.Apply(t)
	version := func(label, number, image string) string {
		return fmt.Sprintf("resource \"novacron_template_version\" %q {\n  template_id = novacron_template.it.id\n  "+
			"version = %q\n  source = { path = %q }\n}\n",
			label, number, image)
	}
	read := "data \"novacron_catalog\" \"it\" {\n  depends_on = [novacron_template_version.a, " +
		"novacron_template_version.b, novacron_template_version.c]\n}\ndata \"novacron_host\" \"it\" {}\n"
	is := func(attribute string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.novacron_catalog.it", tfjsonpath.New(attribute), check)
	}
	number := knownvalue.Int64Exact
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		Steps: []resource.TestStep{
			{Config: provider("mine") + "data \"novacron_catalog\" \"it\" {}\n",
				ConfigStateChecks: []statecheck.StateCheck{
					is("template_count", number(0)), is("version_count", number(0)), is("image_count", number(0)),
					is("image_bytes", number(0)),
				}},
			{Config: provider("mine") + "resource \"novacron_template\" \"it\" {\n  name = \"it\"\n}\n" +
				version("a", "1.0.0", image) +
				version("b", "1.1.0", image) + version("c", "2.0.0", other) + read,
				ConfigStateChecks: []statecheck.StateCheck{
					is("kind", knownvalue.StringExact("pool")), is("enforcement", knownvalue.StringExact("advisory")),
					is("tenant", knownvalue.StringExact("mine")), is("user", knownvalue.StringExact("alice")),
					is("pool", knownvalue.StringExact(pool)),
					is("template_count", number(1)), is("version_count", number(3)), is("image_count", number(2)),
					is("image_bytes", number(2*196616)),
					statecheck.CompareValuePairs("data.novacron_catalog.it", tfjsonpath.New("capacity_bytes"),
						"data.novacron_host.it", tfjsonpath.New("pools").AtMapKey(pool).AtMapKey("capacity_bytes"),
						compare.ValuesSame()),
					is("available_bytes", knownvalue.NotNull()),
				}},
		},
	})
}
