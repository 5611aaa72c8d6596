package provider_test

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

// With the catalog in PostgreSQL, the administrator says what a host is for, and tenants go by it and cannot
// change it.
func TestAccTenantsGoByTheStatesOfHosts(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("states")
	pool, _ := host.Pool(t, name)
	dsn := pgtest.Database(t)
	t.Parallel()
	roles := map[string]string{"platform": pgtest.Role("nova_states_1"), name: pgtest.Role("nova_states_2")}
	if _, err := pgstore.Init(t.Context(), dsn(pgtest.Superuser), roles); err != nil {
		t.Fatal(err)
	}
	provider := func(tenant, admin string) string {
		if admin != "" {
			admin = fmt.Sprintf(", admin_dsn = %q", admin)
		}
		return tfconfig.Provider{Tenant: tenant, Settings: []string{
			fmt.Sprintf("catalog = { postgres = { dsn = %q%s } }", dsn(roles[tenant]), admin),
			fmt.Sprintf("hosts = { kvm1 = { uri = %q, pool = %q, overcommit = { vcpus = 1000, memory = 100 } } }",
				host.URI, pool),
		}}.String()
	}
	administrator := dsn(pgtest.Superuser)
	drains := tfconfig.Host{
		Meta: tfconfig.Meta{Label: "it"}, Name: "kvm1", State: "draining", Description: "new disks until Friday",
	}
	images := tfconfig.Template{Name: name, IsPublic: true}
	version := tfconfig.Release("1.0.0", tfacc.EmptyImage(t, "16M")).Of(images)
	platform := tfacc.NewWorkspace(t, provider("platform", administrator)+tfconfig.Render(images, version))
	t.Cleanup(func() { platform.Destroy(t) })
	platform.Apply(t)
	instance := func(name string) string {
		return tfconfig.Instance{
			Meta: tfconfig.Meta{Label: name}, TemplateID: "platform/" + images.Name.(string), Name: name,
			Version: "1.0.0", PowerState: "stopped",
		}.String()
	}
	team := tfacc.NewWorkspace(t, provider(name, "")+instance("a"))
	t.Cleanup(func() { team.Destroy(t) })
	team.Apply(t)

	platform.Configure(t, provider("platform", administrator)+tfconfig.Render(images, version, drains))
	tfacc.Says(t, platform.Apply(t), "1 added")
	platform.EmptyPlan(t)
	team.EmptyPlan(t)
	team.Configure(t, provider(name, "")+instance("a")+instance("b"))
	tfacc.Says(t, team.Fails(t, "plan"), "No host takes the instance", "kvm1: draining (new disks until Friday)")
	data := "data \"novacron_host\" \"it\" {\n  name = \"kvm1\"\n}\noutput \"it\" {\n  value = " +
		"data.novacron_host.it.state\n}\n"
	reader := tfacc.NewWorkspace(t, provider(name, "")+data)
	tfacc.Says(t, reader.Apply(t), `it = "draining"`)
	drains.State = "lost"
	platform.Configure(t, provider("platform", administrator)+tfconfig.Render(images, version, drains))
	tfacc.Says(t, platform.Fails(t, "plan"), "Home cannot be lost", "Name another host in all configurations")

	mine := tfconfig.Host{Meta: tfconfig.Meta{Label: "it"}, Name: "kvm1"}
	thief := tfacc.NewWorkspace(t, provider(name, "")+mine.String())
	tfacc.Says(t, thief.Fails(t, "plan"), "Could not set the state of a host", "belong to the administrator",
		"set admin_dsn")
	thief.Configure(t, provider(name, dsn(roles[name]))+mine.String())
	tfacc.Says(t, thief.Fails(t, "plan"), "Could not set the state of a host", "wrong role")

	platform.Configure(t, provider("platform", administrator)+tfconfig.Render(images, version))
	tfacc.Says(t, platform.Apply(t), "1 destroyed")
	tfacc.Says(t, team.Apply(t), "1 added")
	team.Destroy(t)
}
