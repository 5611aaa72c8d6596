package instance_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

func TestAccGuestWithoutCloudInitIsNotWaitedForInVain(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("nocloud")
	t.Parallel()
	w := newWorkspace(t, host, name, acctest.TinyImage(t))
	domain := name + "-it"
	w.instances(t, instance("it", domain, `wait_for = ["cloud_init"]`, `deletion_protection = true`))
	out := fails(t, w, "apply", "-auto-approve")
	says(t, out, "Instance is not ready", `with novacron_instance.it`, `Instance "`+domain+`" was not ready: condition "cloud_init" was not met after`,
		"last seen: a guest without cloud-init", "The end of the guest's console:", "tiny: ", "wait_for", "is kept as it is", "replaced by the next apply")
	unready := fact(t, host, domain, "UUID")

	// The configuration is mended. That the instance is protected does not keep what was never completed.
	w.instances(t, instance("it", domain, `wait_for = ["agent"]`))
	says(t, w.Apply(t), "novacron_instance.it is tainted, so must be replaced", "1 added, 0 changed, 1 destroyed")
	if uuid := fact(t, host, domain, "UUID"); uuid == unready {
		t.Errorf("the instance that was not ready, domain %s, was not replaced", uuid)
	}
	emptyPlan(t, w)
}

func TestAccGuestThatGetsNoAddressIsShown(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("noip")
	t.Parallel()
	isolate(t, host, name)
	w := newWorkspace(t, host, name, acctest.TinyImage(t))
	domain := name + "-it"
	w.instances(t, instance("it", domain, `network_profile = { interfaces = { eth0 = { network = "`+name+`" } } }`, `timeouts {
	  create = "20s"
	}`))
	out := fails(t, w, "apply", "-auto-approve")
	says(t, out, "Instance is not ready", `condition "ip" was not met after`, "last seen: no DHCP lease, and no address from a guest agent",
		"The end of the guest's console:", "tiny: userspace", "A longer time is set by timeouts")

	w.instances(t, instance("it", domain, `power_state = "stopped"`))
	says(t, w.Apply(t), "1 added, 0 changed, 1 destroyed")
	emptyPlan(t, w)
	if found := domains(t, host, name); len(found) != 1 || fact(t, host, domain, "State") != "shut off" {
		t.Errorf("the host has the domains %q", found)
	}
}

// isolate makes a network without DHCP.
func isolate(t *testing.T, host *acctest.Host, network string) {
	t.Helper()
	definition := filepath.Join(t.TempDir(), "network.xml")
	// No bridge is named, so that libvirt picks one that is free.
	if err := os.WriteFile(definition, []byte(`<network><name>`+network+`</name></network>`), 0o600); err != nil {
		t.Fatal(err)
	}
	host.Virsh(t, "net-define", definition)
	t.Cleanup(func() { host.Virsh(t, "net-undefine", network) })
	host.Virsh(t, "net-start", network)
	t.Cleanup(func() { host.Virsh(t, "net-destroy", network) })
}
