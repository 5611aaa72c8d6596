package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

// A user who may no longer see what their state has is told so. It is not forgotten as if it were
// gone, and not created again.
func TestAccWhatMayNotBeReadAnyMoreIsNotForgotten(t *testing.T) {
	for _, kind := range []string{"pool", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			host, name := acctest.RequireHost(t), tfacc.Name("lost")
			pool, _ := host.Pool(t, name)
			dsn := ""
			if kind == "postgres" {
				database, role := pgtest.Database(t), pgtest.Role("nova_default")
				if _, err := pgstore.Init(
					t.Context(), database(pgtest.Superuser), map[string]string{"default": role},
				); err != nil {
					t.Fatal(err)
				}
				dsn = database(role)
			}
			t.Parallel()
			image := tfacc.EmptyImage(t, "16M")
			config := func(user, template, version, more string) string {
				return fmt.Sprintf(`
provider "novacron" {
  pool = %q
  user = %q
}
resource "novacron_template" "it" {
  name = %q
  %s
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "1.0.0"
  source      = { path = %q }
  %s
}
`, pool, user, name, template, image, version) + more
			}
			open := func(config string) *tfacc.Workspace {
				w := tfacc.NewWorkspace(t, config)
				if dsn != "" {
					w.Setenv("NOVACRON_CATALOG_DSN", dsn)
				}
				return w
			}
			imports := fmt.Sprintf("import {\n  to = novacron_template.it\n  id = %q\n}\nimport {\n  to = "+
				"novacron_template_version.it\n  id = %q\n}\n", name, name+"@1.0.0")
			alice, bob := open(config("alice", "", "", "")), open(config("bob", "", "", imports))
			alice.Apply(t)
			t.Cleanup(func() { alice.Destroy(t) })
			tfacc.Says(t, bob.Apply(t), "2 imported, 0 added")
			bob.Configure(t, config("bob", "", "", ""))
			bob.EmptyPlan(t)
			refused := func(says ...string) {
				t.Helper()
				alice.Apply(t)
				for _, command := range [][]string{{"plan"}, {"destroy", "-auto-approve"}} {
					tfacc.Says(t, bob.Fails(t, command...), says...)
				}
				if out, err := bob.Run(t.Context(), "state", "list"); err != nil || len(strings.Fields(out)) != 2 {
					t.Errorf("bob's state has %q (%v), want the template and the version", out, err)
				}
			}

			alice.Configure(t, config("alice", `access_control = { read_users = ["carol"] }`, "", ""))
			refused("No permission to read", `The state has the template "default/`+name+
				`". It is there, but user "bob" of tenant "default" no longer has the right to read`,
				`Its owner "alice"`, "read_users or read_groups", "terraform state rm")
			tfacc.Says(t, bob.Fails(t, "destroy", "-auto-approve", "-refresh=false"), "No permission to read")
			late := open(config("bob", "", "", imports)) // a user who never had it is told nothing
			tfacc.Says(t, late.Fails(t, "plan"), "Could not import template", `has no template "default/`+name)

			const written = `access_control = { write_users = ["alice"] }`
			alice.Configure(t, config("alice", written, `state = "draft"`, ""))
			bob.Configure(t, config("bob", written, "", ""))
			refused(`The state has the version "default/`+name+`@1.0.0"`, "it has become a draft",
				`may write template "default/`+name+`"`, "write_users or write_groups")

			alice.EmptyPlan(t)
			alice.Configure(t, config("alice", written, "", ""))
			alice.Apply(t)
			bob.EmptyPlan(t)
		})
	}
}
