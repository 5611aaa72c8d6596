package templates_test

import (
	"fmt"
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

func TestAccTemplatesAreFound(t *testing.T) {
	host, pool := acctest.RequireHost(t), tfacc.Name("found")
	host.Pool(t, pool)
	tenant := func(alias, tenant string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  alias = %q\n  pool = %q\n  tenant = %q\n  user = \"ann\"\n}\n", alias, pool, tenant)
	}
	template := func(name, tenant string, settings ...string) string {
		return fmt.Sprintf("resource \"novacron_template\" %q {\n  provider = novacron.%s\n  name = %[1]q\n  %[3]s\n}\n", name, tenant, strings.Join(settings, "\n  "))
	}
	config := tenant("shop", "shop") + tenant("bank", "bank") + tenant("mill", "mill") +
		template("web", "shop", `display_name = "Ubuntu Server"`, `labels = { os = "linux", tier = "1" }`, `parameters = { port = { type = "integer", default = 80 } }`,
			`hardware_profile = { memory_mb = 256 }`, `access_control = { use_tenants = ["bank"] }`) +
		template("db", "shop", `state = "deprecated"`, `labels = { os = "linux" }`, `is_public = true`) +
		template("wip", "shop", `state = "draft"`, `is_public = true`) +
		template("vault", "bank")
	var checks []statecheck.StateCheck
	for label, c := range map[string]struct {
		tenant, filter string
		want           []string
	}{
		"all":      {"shop", "", []string{"shop/db", "shop/web", "shop/wip"}},
		"linux":    {"shop", `labels = { os = "linux", tier = "1" }`, []string{"shop/web"}},
		"drafts":   {"shop", `state = "draft"`, []string{"shop/wip"}},
		"text":     {"shop", `text = "UBUNTU"`, []string{"shop/web"}},
		"owner":    {"shop", "owner = \"ann\"\n  visibility = \"own\"\n  type = \"vm\"", []string{"shop/db", "shop/web", "shop/wip"}},
		"nobodys":  {"shop", `owner = "eve"`, nil},
		"banks":    {"bank", "", []string{"bank/vault", "shop/db", "shop/web"}},
		"shared":   {"bank", `visibility = "shared"`, []string{"shop/web"}},
		"public":   {"bank", `visibility = "public"`, []string{"shop/db"}},
		"stranger": {"mill", "", []string{"shop/db"}},
	} {
		config += fmt.Sprintf("data \"novacron_templates\" %q {\n  provider = novacron.%s\n  %s\n  depends_on = [novacron_template.web, "+
			"novacron_template.db, novacron_template.wip, novacron_template.vault]\n}\n", label, c.tenant, c.filter)
		address, list := "data.novacron_templates."+label, tfjsonpath.New("templates")
		checks = append(checks, statecheck.ExpectKnownValue(address, list, knownvalue.ListSizeExact(len(c.want))))
		for i, id := range c.want {
			checks = append(checks, statecheck.ExpectKnownValue(address, list.AtSliceIndex(i).AtMapKey("id"), knownvalue.StringExact(id)))
		}
	}
	for _, attribute := range []string{"id", "name", "display_name", "description", "type", "labels", "state", "deprecation_message", "published_at", "is_public",
		"access_control", "enforcement", "default_strategy", "deletion_protection", "hardware_profile", "network_profile", "storage_profile", "parameters", "cloud_init",
		"tenant", "owner", "created_at", "updated_at"} {
		checks = append(checks, statecheck.CompareValuePairs("novacron_template.web", tfjsonpath.New(attribute),
			"data.novacron_templates.shared", tfjsonpath.New("templates").AtSliceIndex(0).AtMapKey(attribute), compare.ValuesSame()))
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{{
			Config: config, ConfigStateChecks: checks,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		}},
	})
}
