package templates_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// Each tenant finds the templates that it may see, with all their attributes.
func TestAccTemplatesAreFound(t *testing.T) {
	host := acctest.RequireHost(t)
	pool, _ := host.Pool(t, tfacc.Name("found"))
	t.Parallel()
	tenant := func(name string) string {
		return fmt.Sprintf("provider \"novacron\" {\n  alias = %[1]q\n  pool = %[2]q\n  tenant = %[1]q\n  user = "+
			"\"ann\"\n}\n", name, pool)
	}
	template := func(name, tenant string, settings ...string) string {
		return fmt.Sprintf("resource \"novacron_template\" %[1]q {\n  provider = novacron.%[2]s\n  name = "+
			"%[1]q\n  %[3]s\n}\n", name, tenant, strings.Join(settings, "\n  "))
	}
	config := tenant("shop") + tenant("bank") + tenant("mill") +
		template("web", "shop", `display_name = "Ubuntu Server"`, `labels = { os = "linux", tier = "1" }`,
			`parameters = { port = { type = "integer", default = 80 } }`, `hardware_profile = { memory_mb = 256 }`,
			`access_control = { use_tenants = ["bank"] }`) +
		template("db", "shop", `state = "deprecated"`, `labels = { os = "linux" }`, `is_public = true`) +
		template("wip", "shop", `state = "draft"`, `is_public = true`) +
		template("vault", "bank")
	found, want := "", map[string][]string{}
	for label, c := range map[string]struct {
		tenant, filter string
		want           []string
	}{
		"all":    {"shop", "", []string{"shop/db", "shop/web", "shop/wip"}},
		"linux":  {"shop", `labels = { os = "linux", tier = "1" }`, []string{"shop/web"}},
		"drafts": {"shop", `state = "draft"`, []string{"shop/wip"}},
		"text":   {"shop", `text = "UBUNTU"`, []string{"shop/web"}},
		"owner": {"shop", "owner = \"ann\"\n  visibility = \"own\"\n  type = \"vm\"",
			[]string{"shop/db", "shop/web", "shop/wip"}},
		"nobodys":  {"shop", `owner = "eve"`, []string{}},
		"banks":    {"bank", "", []string{"bank/vault", "shop/db", "shop/web"}},
		"shared":   {"bank", `visibility = "shared"`, []string{"shop/web"}},
		"public":   {"bank", `visibility = "public"`, []string{"shop/db"}},
		"stranger": {"mill", "", []string{"shop/db"}},
	} {
		config += fmt.Sprintf("data \"novacron_templates\" %q {\n  provider = novacron.%s\n  %s\n  depends_on = "+
			"[novacron_template.web, novacron_template.db, novacron_template.wip, novacron_template.vault]\n}\n", label,
			c.tenant, c.filter)
		found += fmt.Sprintf("    %[1]s = data.novacron_templates.%[1]s.templates[*].id\n", label)
		want[label] = c.want
	}
	w := tfacc.NewWorkspace(t, config+"output \"found\" {\n  value = {\n"+found+"  }\n}\n"+`output "differs" {
  value = [
    for name, v in novacron_template.web : name
    if jsonencode(v) != jsonencode(data.novacron_templates.shared.templates[0][name])
  ]
}
`)
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	w.EmptyPlan(t)
	out, err := w.Run(t.Context(), "output", "-json")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var outputs struct {
		Found   struct{ Value map[string][]string }
		Differs struct{ Value []string }
	}
	if err := json.Unmarshal([]byte(out), &outputs); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !reflect.DeepEqual(outputs.Found.Value, want) {
		t.Errorf("found %v\nwant  %v", outputs.Found.Value, want)
	}
	if len(outputs.Differs.Value) > 0 {
		t.Errorf("told otherwise than by the resource: %q", outputs.Differs.Value)
	}
}

// A filter that can match nothing is refused.
func TestAccTemplatesAreSearchedByWhatThereIs(t *testing.T) {
	acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	for filter, says := range map[string]string{
		`state = "retired"`:    `"draft" "active" "deprecated" "archived"`,
		`visibility = "mine"`:  `"own" "shared" "public"`,
		`type = "lxc"`:         `"vm"`,
		`owner = ""`:           "at least 1",
		`labels = { a = null}`: "null",
	} {
		w.Configure(t, "data \"novacron_templates\" \"it\" {\n  "+filter+"\n}\n")
		tfacc.Says(t, w.Fails(t, "validate"), `data "novacron_templates" "it":`, says)
	}
}
