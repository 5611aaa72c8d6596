package instance_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// parallel is how many resources Terraform creates at a time by default.
const parallel = 10

// A libvirtd that has just been installed, or whose QEMU was upgraded, has to look for what QEMU can
// do. Many creates at once ask it once, and all wait for the answer.
func TestAccManyCreatesOnAColdDaemon(t *testing.T) {
	shared, name := acctest.RequireHost(t), tfacc.Name("cold")
	t.Parallel()
	host := shared.Own(t, "cold")
	by := func(uri string) string { return fmt.Sprintf("provider \"novacron\" {\n  uri = %q\n}\n", uri) }
	w := &workspace{shop: shop(name, blankImage(t))}
	w.Workspace = tfacc.NewWorkspace(t, by(host.URI)+w.shop)
	w.Apply(t)

	counted := host.Count(t)
	w.instances(t, by(counted.URI), instance("it", numbered(name), fmt.Sprintf("count = %d", parallel),
		`hardware_profile = { firmware = "efi" }`, "wait_for = []"))
	plan := filepath.Join(w.Dir, "plan")
	if out, err := w.Run(t.Context(), "plan", "-out="+plan); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	planned := counted.CallsOf(acctest.ReadCapabilities)
	host.Cool(t)
	if out, err := w.Run(t.Context(), "apply", plan); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := counted.CallsOf(acctest.ReadCapabilities) - planned; n != 1 {
		t.Errorf("an apply of %d instances asks for the host's capabilities %d times, want once", parallel, n)
	}
	if n := counted.CallsOf(acctest.ReadFirmwares); n != 2 {
		t.Errorf("a plan and an apply of %d instances ask %d times for firmware, want once each", parallel, n)
	}
	if all := domains(t, host, name); len(all) != parallel {
		t.Errorf("the host has %q, want %d domains", all, parallel)
	}
}
