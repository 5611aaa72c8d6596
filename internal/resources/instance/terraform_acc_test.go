package instance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// These tests run Terraform itself for what plugin-testing cannot show: warnings, the positions of
// errors, and the result of an interrupted or killed apply.

// workspace is a directory of Terraform's whose shop is in place.
type workspace struct {
	*tfacc.Workspace
	shop string
}

// newWorkspace applies a shop. When the test ends, it destroys everything and checks that nothing
// with marker in its name is left.
func newWorkspace(t *testing.T, host *acctest.Host, marker, shop string) *workspace {
	t.Helper()
	w := &workspace{shop: shop}
	w.Workspace = tfacc.NewWorkspace(t, w.shop)
	t.Cleanup(func() {
		w.Destroy(t)
		if left := host.Leftovers(t, volumes.DefaultPool, marker); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	})
	w.Apply(t)
	return w
}

// instances sets what is configured beside the shop.
func (w *workspace) instances(t *testing.T, config ...string) {
	t.Helper()
	w.Configure(t, w.shop+strings.Join(config, ""))
}

// instancesIn lists the instances in the workspace's state.
func instancesIn(t *testing.T, w *workspace) []string {
	t.Helper()
	out, err := w.Run(t.Context(), "state", "list")
	if err != nil {
		t.Fatalf("terraform state list: %v\n%s", err, out)
	}
	return slices.DeleteFunc(strings.Fields(out), func(address string) bool {
		return !strings.HasPrefix(address, "novacron_instance.")
	})
}

// The facts that a signal waits for. Each costs no more than a look at a file, so that the signal
// comes at once.
func defined(host *acctest.Host, domain string) bool {
	return exists(host.HostPath("/etc/libvirt/qemu/" + domain + ".xml"))
}

func onDisk(host *acctest.Host, domain string) bool {
	return exists(host.HostPath(diskPath(domain, "system")))
}

func started(host *acctest.Host, domain string) bool {
	return exists(host.HostPath("/run/libvirt/qemu/" + domain + ".pid"))
}
