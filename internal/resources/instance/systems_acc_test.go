package instance_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// A system container runs systemd, and cloud-init does in it what it does in a machine. It is shut down
// as a system is.
func TestAccSystemContainer(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("sys")
	t.Parallel()
	template := tfconfig.Template{
		Name: name, Type: "container", HardwareProfile: &tfconfig.Hardware{MemoryMB: 256},
		Container: &tfconfig.Container{Init: "system", Privileged: true},
	}
	w := newWorkspace(t, host, name, tfconfig.Render(template, release(acctest.SystemImage(t))))
	i := clone("it", name+"-it")
	i.WaitFor = []string{"cloud_init", "ip"}
	i.Customization = &tfconfig.Customization{
		Users:       map[string]tfconfig.User{"ann": {Sudo: true}},
		Files:       map[string]tfconfig.File{"/etc/motd": {Content: "hello\n"}},
		RunCommands: []tfconfig.Value{"echo done >/var/tmp/done"},
	}
	w.Configure(t, w.shop+i.String())
	tfacc.Says(t, w.Apply(t), "1 added")
	w.EmptyPlan(t)
	inside := func(command string) string {
		return host.Exec(t, "virsh", "--quiet", "--connect", "lxc:///system", "lxc-enter-namespace", "--noseclabel",
			name+"-it", "--", "/bin/sh", "-c", command)
	}
	for command, want := range map[string]string{
		"id --name --user ann":        "ann\n",
		"cat /etc/motd /var/tmp/done": "hello\ndone\n",
		"hostname":                    name + "-it\n",
		"cat /proc/1/comm":            "systemd\n",
	} {
		if said := inside(command); said != want {
			t.Errorf("%q says %q, want %q", command, said, want)
		}
	}
	i.PowerState = "stopped"
	w.Configure(t, w.shop+i.String())
	w.Apply(t)
	log := host.Exec(t, "cat", "/var/lib/libvirt/novacron/nova.status.default."+name+"-it.log")
	if !strings.Contains(log, "shutdown.target") && !strings.Contains(log, "System Shutdown") {
		t.Errorf("it was not shut down as a system is:\n%s", log[max(0, len(log)-2000):])
	}
}
