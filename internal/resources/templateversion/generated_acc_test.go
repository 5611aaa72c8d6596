package templateversion_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// Terraform generates a complete configuration for imported templates and versions, except for the
// source, which no library knows. The plan says at once that the source is missing. If a
// description changes later, the plan changes only the description.
func TestAccGeneratedConfigurationOfALibrary(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("generated")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := rawImage(t, 1<<20)
	config := library(pool, name, `description = "ours"`, `display_name = "Ours"`, `labels = { os = "linux" }`,
		`state = "active"`, `default_strategy = "clone"`, `deletion_protection = false`, `is_public = true`,
		`access_control = { read_users = ["ann"], use_tenants = ["bank"] }`,
		`hardware_profile = { memory_mb = 256, cpu_type = "host-model" }`,
		`storage_profile = { disks = { system = { size_gb = 1, is_boot = true }, data = { size_gb = 2, type `+
			`= "ssd" } } }`, `network_profile = { requires_public_ip = false, interfaces = { eth0 = { `+
			`ip_configuration = { dns_servers = ["10.0.0.1"] } } } }`,
		`parameters = { port = { type = "integer", default = 80, min_value = 1, max_value = 99 }, pass = { type = `+
			`"text", sensitive = true, required = true } }`,
		"cloud_init = { user_data = \"#cloud-config\\n\" }") +
		version("it", "1.0.0", fromPath(image), `description = "first"`, `hardware_profile = { cpu_cores = 2 }`,
			`state = "deprecated"`, `deprecation_message = "old"`) +
		version("next", "1.1.0-rc.1", fromPath(image), `description = "draft"`, `state = "draft"`,
			`parameters = { port = { type = "integer" } }`, `depends_on = [novacron_template_version.it]`)
	w := tfacc.NewWorkspace(t, config)
	imported := imports(name, name+"@1.0.0") +
		fmt.Sprintf("import {\n  to = novacron_template_version.next\n  id = %q\n}\n", name+"@1.1.0-rc.1")
	t.Cleanup(func() {
		_ = os.Remove(filepath.Join(w.Dir, "generated.tf"))
		w.Configure(t, config) // this configuration has the dependencies
		w.Destroy(t)
	})
	w.Apply(t)
	w.Succeeds(t, "state", "rm", "novacron_template.it", address, "novacron_template_version.next")
	w.Configure(t, tfacc.Provider(pool)+imported)
	tfacc.Says(t, w.Fails(t, "plan", "-generate-config-out=generated.tf"), "no source is given",
		"Must set a configuration value for the source attribute")
	generated := string(readFile(t, filepath.Join(w.Dir, "generated.tf")))
	sourced := regexp.MustCompile(`(\n\s*source\s*= )null`).ReplaceAllString(generated, fmt.Sprintf(`${1}{ path = %q }`,
		image))
	w.Write(t, "generated.tf", sourced)
	tfacc.Says(t, w.Succeeds(t, "plan"), "+ source", "Plan: 3 to import, 0 to add, 2 to change, 0 to destroy.")
	tfacc.Says(t, w.Apply(t), "3 imported, 0 added, 2 changed, 0 destroyed.")
	w.EmptyPlan(t)
	w.Write(t, "generated.tf", regexp.MustCompile(`(\n\s*description\s*= )"(ours|first|draft)"`).ReplaceAllString(
		sourced, `${1}"another"`))
	planned := w.Succeeds(t, "plan")
	tfacc.Says(t, planned, "Plan: 0 to add, 3 to change, 0 to destroy.")
	if n := strings.Count(planned, "-> null") + strings.Count(planned, "+ "); n > 0 {
		t.Errorf("a change of descriptions says more:\n%s", planned)
	}
}
