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

// With the catalog in PostgreSQL, a platform team gives tenants quotas, and tenants can neither change
// nor exceed them.
func TestAccTenantsKeepToTheirQuotas(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("quota")
	pool, _ := host.Pool(t, name)
	dsn := pgtest.Database(t)
	t.Parallel()
	roles := map[string]string{}
	for n, tenant := range []string{"platform", name + "-1", name + "-2"} {
		roles[tenant] = pgtest.Role(fmt.Sprintf("nova_quota_%d", n))
	}
	if _, err := pgstore.Init(t.Context(), dsn(pgtest.Superuser), roles); err != nil {
		t.Fatal(err)
	}
	administrator := dsn(pgtest.Superuser)
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
	gold := tfconfig.ResourcePool{Name: "gold", Hosts: []string{"kvm1"}, Tenants: map[string]tfconfig.Quota{
		name + "-1": {VCPUs: 3}, "platform": {Instances: 0},
	}}
	images := tfconfig.Template{Name: name, IsPublic: true}
	version := tfconfig.Release("1.0.0", tfacc.EmptyImage(t, "16M")).Of(images)
	platform := tfacc.NewWorkspace(t, provider("platform", administrator)+tfconfig.Render(gold, images, version))
	t.Cleanup(func() { platform.Destroy(t) })
	tfacc.Says(t, platform.Apply(t), "3 added")
	platform.EmptyPlan(t)

	instances := func(count int) string {
		return tfconfig.Instance{
			Meta: tfconfig.Meta{Settings: []string{fmt.Sprintf("count = %d", count)}}, TemplateID: "platform/" + name,
			Name: tfconfig.Expr(`"web-${count.index}"`), Version: "1.0.0", PowerState: "stopped", ResourcePool: "gold",
		}.String()
	}
	first, second := name+"-1", name+"-2"
	team := tfacc.NewWorkspace(t, provider(first, "")+instances(4))
	t.Cleanup(func() { team.Destroy(t) })
	tfacc.Says(t, team.Fails(t, "plan"), "Quota exceeded",
		fmt.Sprintf("3 of 3 vCPUs are left of tenant %q's quota in resource pool \"gold\", and 4 are asked for", first))
	data := "data \"novacron_resource_pool\" \"it\" {\n  name = \"gold\"\n}\noutput \"left\" {\n  value = " +
		"data.novacron_resource_pool.it.available.vcpus\n}\n"
	team.Configure(t, provider(first, "")+instances(3))
	tfacc.Says(t, team.Apply(t), "3 added")
	team.EmptyPlan(t)
	reader := tfacc.NewWorkspace(t, provider(first, "")+data)
	tfacc.Says(t, reader.Apply(t), "left = 0")

	// The administrator may reduce the quota. What is there stays, and shrinks, and nothing is added.
	gold.Tenants = map[string]tfconfig.Quota{first: {VCPUs: 2}}
	platform.Configure(t, provider("platform", administrator)+tfconfig.Render(gold, images, version))
	tfacc.Says(t, platform.Apply(t), "Quota below what is used",
		fmt.Sprintf("Tenant %q takes 3 of 2 vCPUs", first), "1 changed")
	team.EmptyPlan(t)
	team.Configure(t, provider(first, "")+instances(4))
	tfacc.Says(t, team.Fails(t, "plan"), "0 of 2 vCPUs are left", "and 1 is asked for")
	team.Configure(t, provider(first, "")+instances(2))
	tfacc.Says(t, team.Apply(t), "1 destroyed")

	// A tenant cannot write the pool, whatever it claims to be.
	mine := tfconfig.ResourcePool{Name: "mine", Hosts: []string{"kvm1"}, Tenants: map[string]tfconfig.Quota{
		first: {VCPUs: 1000},
	}}
	thief := tfacc.NewWorkspace(t, provider(first, "")+mine.String())
	tfacc.Says(t, thief.Fails(t, "plan"), "Could not create resource pool",
		"belong to the administrator", "set admin_dsn")
	thief.Configure(t, provider(first, dsn(roles[first]))+mine.String())
	tfacc.Says(t, thief.Fails(t, "plan"), "Could not create resource pool",
		"wrong role", fmt.Sprintf("tenant %q", first))

	// To a tenant without a quota, the pool does not exist.
	stranger := tfacc.NewWorkspace(t, provider(second, "")+instances(1))
	tfacc.Says(t, stranger.Fails(t, "plan"), "No quota in the resource pool",
		fmt.Sprintf("Tenant %q has no quota", second))
	stranger.Configure(t, provider(second, "")+data)
	tfacc.Says(t, stranger.Fails(t, "plan"), "Resource pool not found", `name = "gold"`)

	// The administrator sees whose instances a pool has.
	platform.Configure(t, provider("platform", administrator)+tfconfig.Render(images, version))
	tfacc.Says(t, platform.Fails(t, "apply", "-auto-approve"), "Resource pool is in use", "2 instances", first+"/web-0")
	team.Destroy(t)
	tfacc.Says(t, platform.Apply(t), "1 destroyed")
}
