package instance_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// A container whose state was lost is imported, and runs on. Its host keeps only digests of its own settings:
// the import warns of that, and written as they were, they change nothing but the state.
func TestAccContainerIsTakenOver(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("boxback")
	t.Parallel()
	w := newWorkspace(t, host, name, boxes(t, name))
	shop, i := w.shop, clone("it", name+"-it")
	i.Version, i.DependsOn = nil, []tfconfig.Expr{"novacron_template_version.it"}
	i.Parameters = tfconfig.Expr(`{ greeting = "salut" }`)
	i.StorageProfile = &tfconfig.Storage{Disks: map[string]tfconfig.Disk{
		"system": {SizeGB: 11}, "data": {SizeGB: 1, MountPath: "/data"},
	}}
	takeOver := func() string {
		t.Helper()
		w.Succeeds(t, "state", "rm", "novacron_instance.it")
		return w.Succeeds(t, "import", "novacron_instance.it", name+"-it")
	}
	id := func() string {
		t.Helper()
		return strings.TrimSpace(host.Virsh(t, "connect lxc:///system; domid "+name+"-it"))
	}
	w.Configure(t, shop+i.String())
	w.Apply(t)
	before, runs := stateOf(t, w.Workspace, "novacron_instance.it"), id()

	if out := takeOver(); strings.Contains(out, "not imported") {
		t.Errorf("without settings of its own, it is imported with a warning:\n%s", out)
	}
	w.EmptyPlan(t)
	after := stateOf(t, w.Workspace, "novacron_instance.it")
	for _, key := range []string{"id", "strategy", "resolved_version", "health", "restarts", "effective_parameters"} {
		if !reflect.DeepEqual(after[key], before[key]) {
			t.Errorf("%s was %v, and is imported as %v", key, before[key], after[key])
		}
	}

	i.Container = &tfconfig.Container{Env: map[string]tfconfig.Value{"MORE": "yes"}}
	i.Customization = &tfconfig.Customization{Files: map[string]tfconfig.File{"/etc/more": {Content: "more"}}}
	w.Configure(t, shop+i.String())
	tfacc.Says(t, w.Apply(t), "Instance will be restarted")
	runs2 := id()
	if runs2 == runs {
		t.Error("it was not restarted")
	}
	tfacc.Says(t, takeOver(), "Container settings not imported", "Customization not imported")
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	if id() != runs2 {
		t.Error("it was restarted for settings that it has")
	}
	i.Container = nil
	w.Configure(t, shop+i.String())
	tfacc.Says(t, w.Succeeds(t, "plan"), "Instance will be restarted")
}
