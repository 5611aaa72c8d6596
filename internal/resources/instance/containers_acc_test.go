package instance_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/novainit"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// boxes is the configuration of a template of containers with a version 1.0.0 of busybox.
func boxes(t *testing.T, name string) string {
	t.Helper()
	template := tfconfig.Template{
		Name: name, Type: "container", HardwareProfile: &tfconfig.Hardware{MemoryMB: 64},
		Parameters: map[string]tfconfig.Parameter{
			"greeting": {Type: "string", Default: "hello"}, "password": {Type: "string", Sensitive: true, Default: nil},
		},
		Container: &tfconfig.Container{
			Command: []tfconfig.Value{"/bin/sh", "-c", "echo \"$GREETING,$PASSWORD.\"; exec sleep 100000"},
			Env:     map[string]tfconfig.Value{"GREETING": "{{ .greeting }}", "PASSWORD": "{{ .password }}"},
		},
	}
	return tfconfig.Render(template, release(novainit.Root(t, nil)))
}

// A container is created, changed and removed by Terraform: what it is told changes by one restart, which
// the plan announces, and a plan after each apply is empty.
func TestAccContainer(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("box")
	t.Parallel()
	w := newWorkspace(t, host, name, boxes(t, name))
	i := clone("it", name+"-it")
	i.ParametersWO, i.ParametersWOVersion = tfconfig.Expr(`{ password = "hunter2" }`), 1
	i.Container = &tfconfig.Container{HealthCheck: &tfconfig.HealthCheck{
		Command: []tfconfig.Value{"CMD", "true"}, IntervalSeconds: 1,
	}}
	shop := w.shop
	apply := func(says ...string) map[string]any {
		t.Helper()
		w.Configure(t, shop+i.String())
		tfacc.Says(t, w.Apply(t), says...)
		w.EmptyPlan(t)
		return stateOf(t, w.Workspace, "novacron_instance.it")
	}
	before := apply("1 added")
	if before["health"] != "healthy" || before["status"] != "running" || before["power_state"] != "running" ||
		before["exit_code"] != nil {
		t.Errorf("it is %v", before)
	}
	log := func() string {
		return host.Exec(t, "cat", "/var/lib/libvirt/novacron/nova.status.default."+name+"-it.log")
	}
	if said := log(); !strings.Contains(said, "hello,hunter2.") {
		t.Errorf("it has written %q", said)
	}
	same := func(what string, now map[string]any) {
		t.Helper()
		if now["id"] != before["id"] {
			t.Errorf("%s: it is another instance", what)
		}
	}
	i.Parameters = tfconfig.Expr(`{ greeting = "salut" }`)
	now := apply("Instance will be restarted", "0 added, 1 changed, 0 destroyed")
	same("a parameter", now)
	if in, ok := now["effective_parameters"].(map[string]any); !ok || in["greeting"] != "salut" {
		t.Errorf("in force are %v", now["effective_parameters"])
	}
	i.ParametersWO, i.ParametersWOVersion = tfconfig.Expr(`{ password = "hunter3" }`), 2
	same("a secret", apply("Instance will be restarted", "0 added, 1 changed, 0 destroyed"))
	if said := log(); !strings.Contains(said, "salut,hunter3.") {
		t.Errorf("it has written %q", said)
	}
	i.Labels = map[string]tfconfig.Value{"a": "b"}
	same("a label", apply("0 added, 1 changed, 0 destroyed"))
	i.StorageProfile = &tfconfig.Storage{Disks: map[string]tfconfig.Disk{
		"system": {}, "data": {SizeGB: 1, MountPath: "/data"},
	}}
	same("a disk", apply("Instance will be restarted", "0 added, 1 changed, 0 destroyed"))
	i.AllowRestart, i.Parameters = false, tfconfig.Expr(`{ greeting = "ciao" }`)
	w.Configure(t, shop+i.String())
	tfacc.Says(t, w.Fails(t, "plan"), "Change requires a restart", "allow_restart = false forbids")
	i.AllowRestart, i.Parameters = nil, tfconfig.Expr(`{ greeting = "salut" }`)
	i.PowerState = "stopped"
	if off := apply("0 added, 1 changed, 0 destroyed"); off["status"] != "shutoff" || off["power_state"] != "stopped" {
		t.Errorf("stopped, it is %v", off)
	}
	i.PowerState = "running"
	same("started", apply("0 added, 1 changed, 0 destroyed"))
	i.Container.Privileged = true
	w.Configure(t, shop+i.String())
	if out, err := w.Run(t.Context(), "plan"); err != nil || !strings.Contains(out, "must be replaced") {
		t.Errorf("privileges: %v\n%s", err, out)
	}
	w.Configure(t, shop)
	w.Apply(t)
}

// A container whose settings and parameters come from resources of the same apply is planned and
// created. Later, a plan says that it may be restarted for them, and replaced for privileges that
// are not known.
func TestAccContainerOfValuesToCome(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("come")
	t.Parallel()
	w := newWorkspace(t, host, name, boxes(t, name))
	later := func(value string) string {
		return "resource \"terraform_data\" \"later\" {\n  input = \"" + value + "\"\n}\n"
	}
	out := tfconfig.Expr("terraform_data.later.output")
	i := clone("it", name+"-it")
	i.Parameters = tfconfig.Expr(`{ password = "x", greeting = terraform_data.later.output }`)
	i.Container = &tfconfig.Container{
		Command: []tfconfig.Value{"/bin/sh", "-c", "echo \"$GREETING,$LATER.\"; exec sleep 100000", out},
		Env:     map[string]tfconfig.Value{"LATER": out},
	}
	configure := func(value string) {
		t.Helper()
		w.Configure(t, w.shop+later(value)+i.String())
	}
	configure("one")
	w.Apply(t)
	w.EmptyPlan(t)
	before := stateOf(t, w.Workspace, "novacron_instance.it")
	configure("two")
	tfacc.Says(t, w.Apply(t), "Instance will be restarted", "0 added, 2 changed, 0 destroyed")
	w.EmptyPlan(t)
	now := stateOf(t, w.Workspace, "novacron_instance.it")
	in, _ := now["effective_parameters"].(map[string]any)
	if now["id"] != before["id"] || in["greeting"] != "two" {
		t.Errorf("it is %v", now)
	}
	said := host.Exec(t, "cat", "/var/lib/libvirt/novacron/nova.status.default."+name+"-it.log")
	if !strings.Contains(said, "two,two.") {
		t.Errorf("it has written %q", said)
	}
	i.AllowRestart = false
	configure("three")
	tfacc.Says(t, w.Fails(t, "plan"), "Change requires a restart")
	i.AllowRestart = nil
	i.Container.Privileged = tfconfig.Expr(`terraform_data.later.output == "four"`)
	configure("four")
	if out, err := w.Run(t.Context(), "plan"); err != nil || !strings.Contains(out, "must be replaced") {
		t.Errorf("privileges to come: %v\n%s", err, out)
	}
	w.Configure(t, w.shop)
	w.Apply(t)
}

// What no container has is refused while planning, also before anything of the configuration exists.
func TestAccContainerWithAMachinesSettings(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("odd")
	t.Parallel()
	w := newWorkspace(t, host, name, boxes(t, name))
	i := clone("it", name+"-it")
	i.Parameters = tfconfig.Expr(`{ password = "x" }`)
	i.HardwareProfile = &tfconfig.Hardware{CPUType: "maximum"}
	i.Container = &tfconfig.Container{Restart: "no"}
	w.Configure(t, w.shop+i.String())
	tfacc.Says(t, w.Fails(t, "plan"), "Not supported by this type of template", "cpu_type")
	w.Configure(t, w.shop)
}

// A job is complete once it has exited with 0, and is not started again. One that fails is an error, and
// runs again with the next apply.
func TestAccContainerJob(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("job")
	t.Parallel()
	w := newWorkspace(t, host, name, boxes(t, name))
	i := clone("it", name+"-it")
	i.Parameters = tfconfig.Expr(`{ password = "x" }`)
	i.WaitFor = tfconfig.Expr(`["exited"]`)
	i.Container = &tfconfig.Container{Command: []tfconfig.Value{"/bin/sh", "-c", "echo worked; exit 5"}, Restart: "no"}
	w.Configure(t, w.shop+i.String())
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "exited with code 5", "worked")
	i.Container.Command[2] = "echo worked"
	w.Configure(t, w.shop+i.String())
	w.Apply(t)
	w.EmptyPlan(t)
	now := stateOf(t, w.Workspace, "novacron_instance.it")
	if now["status"] != "shutoff" || now["power_state"] != "running" || now["exit_code"] != 0.0 {
		t.Errorf("it is %v", now)
	}
	w.Configure(t, w.shop)
	w.Apply(t)
}
