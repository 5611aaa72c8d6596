package instance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A guest that is started again has its address once it has asked for it again. The lease from
// before does not count.
func TestAccALeaseFromBeforeTheStartIsNoAddress(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("lease")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, acctest.TinyImage(t))+anotherVersion("blank", "2.0.0", blankImage(t)))
	domain := name + "-it"
	config := func(version, update string) {
		w.instances(t, fmt.Sprintf("resource \"novacron_instance\" \"it\" {\n  name = %q\n  template_id = "+
			"novacron_template.it.id\n  version = %q\n  on_version_change = \"reimage\"\n  depends_on = "+
			"[novacron_template_version.it, novacron_template_version.blank]\n  timeouts {\n    update = %q\n    "+
			"delete = \"5s\"\n  }\n}\n", domain, version, update))
	}
	lease := func() string {
		t.Helper()
		_, mac, found := strings.Cut(host.Virsh(t, "domiflist", domain), "52:54:00:")
		if !found {
			t.Fatalf("%s has no interface", domain)
		}
		return strings.TrimSpace(host.Virsh(t, "net-dhcp-leases", "default", "--mac", "52:54:00:"+mac[:8]))
	}
	config("1.0.0", "10m")
	w.Apply(t)
	first := lease()
	if !strings.Contains(first, "52:54:00:") {
		t.Fatalf("the guest is ready and has no lease:\n%s", first)
	}

	host.Virsh(t, "destroy", domain)
	w.Apply(t)
	if now := lease(); now == first {
		t.Errorf("the guest is ready, and its lease is still the one from before:\n%s", now)
	}
	first = lease()

	// The guest goes without giving its lease back, and its new disk does not boot.
	host.Virsh(t, "destroy", domain)
	config("2.0.0", "40s")
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Could not update instance", `condition "ip" was not met after`,
		"the DHCP lease from before the start, which the guest has not renewed")
	if now := lease(); now != first {
		t.Errorf("the lease was\n%s\nand is\n%s", first, now)
	}

	// The new disk is the instance's, though the state did not follow: the old configuration leads
	// back.
	config("1.0.0", "10m")
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "will be updated in-place", "Warning: System disk will be replaced",
		"from version 2.0.0 to 1.0.0")
}
