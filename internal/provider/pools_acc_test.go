package provider_test

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

// A catalog in a database may be used with several pools. The plan reports a version whose image is
// not in the pool.
func TestAccAVersionOfAnotherPoolIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("pools")
	first, _ := host.Pool(t, name+"-1")
	second, _ := host.Pool(t, name+"-2")
	dsn := pgtest.Database(t)
	t.Parallel()
	role := pgtest.Role("nova_default")
	if _, err := pgstore.Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"default": role}); err != nil {
		t.Fatal(err)
	}
	platform := tfacc.NewWorkspace(t, tfacc.Provider(first)+fmt.Sprintf(`
resource "novacron_template" "it" {
  name = %q
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "1.0.0"
  source      = { path = %q }
}
`, name, tfacc.EmptyImage(t, "16M")))
	platform.Setenv("NOVACRON_CATALOG_DSN", dsn(role))
	platform.Apply(t)
	t.Cleanup(func() { platform.Destroy(t) })

	instance := func(template string) string {
		return fmt.Sprintf("resource \"novacron_instance\" \"it\" {\n  name = %q\n  template_id = \"default/%s\"\n  "+
			"power_state = \"stopped\"\n}\n", name, template)
	}
	team := tfacc.NewWorkspace(t, tfacc.Provider(second)+instance(name))
	team.Setenv("NOVACRON_CATALOG_DSN", dsn(role))
	tfacc.Says(t, team.Fails(t, "plan"), "Image not found in this pool",
		`Version "default/`+name+`@1.0.0" is in the catalog, but its image is not in the pool "`+second+`"`)
	team.Configure(t, tfacc.Provider(second)+instance("nobodys"))
	tfacc.Says(t, team.Fails(t, "plan"), "Template not found", "The catalog in PostgreSQL database")
	team.Configure(t, tfacc.Provider(first)+instance(name))
	team.Apply(t)
	team.Destroy(t)
}
