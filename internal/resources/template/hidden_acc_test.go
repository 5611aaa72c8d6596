package template_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// If the template, version and instance of a state belong to another tenant, no command drops any
// of them from the state.
func TestAccAStateOfAnotherTenantLosesNothing(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("theirs")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := tfacc.EmptyImage(t, "16M")
	as := func(tenant, user string) string {
		t := tfconfig.Template{Name: pool, AccessControl: map[string][]string{"read_users": {"ann"}}}
		v := tfconfig.Release("1.0.0", image).Of(t)
		i := tfconfig.Instance{Name: pool, PowerState: "stopped", WaitFor: []string{}}.Of(t, v)
		return tfconfig.Render(tfconfig.Provider{Pool: pool, Tenant: tenant, User: user}, t, v, i)
	}
	w := tfacc.NewWorkspace(t, as("shop", "ann"))
	w.Apply(t)
	t.Cleanup(func() {
		w.Configure(t, as("shop", "ann"))
		w.Destroy(t)
	})
	w.Configure(t, as("bank", "ann"))
	tfacc.Says(t, w.Fails(t, "plan"), "Belongs to another tenant")
	tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve"), "Belongs to another tenant")
	tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve", "-refresh=false", "-target=novacron_instance.it"),
		"Belongs to another tenant", "instance")
	w.Configure(t, as("shop", "ann"))
	w.EmptyPlan(t)
}
