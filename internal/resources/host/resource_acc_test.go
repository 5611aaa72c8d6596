package host_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// The state of a host is created, changed, imported and removed, and what another configuration does to it is
// drift.
func TestAccAHostHasAState(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	home := shared.Own(t, "state-1")
	provider := tfconfig.Provider{Settings: []string{fmt.Sprintf("hosts = {\n    kvm1 = { uri = %q }\n    kvm2 = { "+
		"uri = %q }\n  }", home.URI, shared.URI), `catalog = { host = "kvm1" }`}}
	data := "data \"novacron_host\" \"it\" {\n  name       = \"kvm2\"\n  depends_on = [novacron_host.it]\n}\n" +
		"output \"it\" {\n  value = [data.novacron_host.it.state, data.novacron_host.it.description]\n}\n"
	it := tfconfig.Host{Meta: tfconfig.Meta{Label: "it"}, Name: "kvm2"}
	render := func(h tfconfig.Host) string { return tfconfig.Render(provider, h) }
	w := tfacc.NewWorkspace(t, "")
	t.Cleanup(func() { w.Destroy(t) })

	w.Configure(t, render(it)+data)
	tfacc.Says(t, w.Apply(t), `+ state = "active"`, "1 added", `"active",`, "tostring(null)")
	w.EmptyPlan(t)
	drains := it
	drains.State, drains.Description = "draining", "new disks until Friday"
	w.Configure(t, render(drains)+data)
	tfacc.Says(t, w.Apply(t), `"active" -> "draining"`, "0 added, 1 changed, 0 destroyed", `"new disks until Friday"`)
	w.EmptyPlan(t)
	empty := drains
	empty.Description = ""
	w.Configure(t, render(empty))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	w.Configure(t, render(drains))
	w.Apply(t)

	// Another configuration imports it, and changes it.
	other := tfacc.NewWorkspace(t, "")
	other.Configure(t, render(drains))
	tfacc.Says(t, other.Fails(t, "apply", "-auto-approve"), "Host has a state already", "terraform import ADDRESS kvm2")
	for _, args := range [][]string{{"import", "novacron_host.it", "kvm2"}, {"plan", "-detailed-exitcode"}} {
		if out, err := other.Run(t.Context(), args...); err != nil {
			t.Errorf("terraform %q: %v\n%s", args, err, out)
		}
	}
	if out, err := other.Run(t.Context(), "import", "novacron_host.no", "kvm1"); err == nil {
		t.Errorf("a host without a state was imported\n%s", out)
	}
	maintained := it
	maintained.State = "maintenance"
	other.Configure(t, render(maintained))
	tfacc.Says(t, other.Apply(t), "0 added, 1 changed, 0 destroyed")
	tfacc.Says(t, w.Apply(t), `"maintenance" -> "draining"`, "0 added, 1 changed, 0 destroyed")
	other.Configure(t, tfconfig.Render(provider))
	tfacc.Says(t, other.Apply(t), "0 added, 0 changed, 1 destroyed")
	tfacc.Says(t, w.Apply(t), "1 added, 0 changed, 0 destroyed")

	// What the plan refuses.
	for says, h := range map[string]tfconfig.Host{
		`no host "kvm9". Its hosts are: kvm1, kvm2`:        {Name: "kvm9", State: "draining"},
		"Host kvm2 is to be lost, but it answers":          {Name: "kvm2", State: "lost"},
		"Host kvm1 is the home of the catalog, whose pool": {Name: "kvm1", State: "lost"},
		`got: "off"`: {Name: "kvm2", State: "off"},
	} {
		h.Meta = it.Meta
		w.Configure(t, render(h))
		tfacc.Says(t, w.Fails(t, "plan"), says)
	}
	alone := tfacc.NewWorkspace(t, tfconfig.Render(it))
	tfacc.Says(t, alone.Fails(t, "plan"), "No hosts to choose from", "configure hosts")
	w.Configure(t, render(drains))
	w.Destroy(t)
	files, err := filepath.Glob(home.HostPath("/var/lib/libvirt/"+volumes.DefaultPool) + "/nova.host.*")
	if err != nil || len(files) > 0 {
		t.Errorf("the catalog has %q, %v", files, err)
	}
	if out, err := w.Run(t.Context(), "show"); err != nil || strings.Contains(out, "kvm2") {
		t.Errorf("%v\n%s", err, out)
	}
}
