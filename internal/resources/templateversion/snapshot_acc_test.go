package templateversion_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// The apply that asks for a snapshot makes it. What needs another one makes it, too, and the plan
// announces that.
func TestAccASnapshotIsMadeWithItsVersion(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("warm")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	config := func(memory int, settings ...string) string {
		return library(pool, name, fmt.Sprintf("hardware_profile = { cpu_type = \"Nehalem\", memory_mb = %d }",
			memory)) +
			version("it", "1.0.0", fromPath(acctest.TinyImage(t)), append(settings, `state = "draft"`)...)
	}
	w := tfacc.NewWorkspace(t, config(128, `warm = { settle_seconds = 0 }`))
	t.Cleanup(func() { w.Destroy(t) })
	ready := []string{"warm_snapshot = {", "created_at = ", "disk_bytes = ", `machine = "pc-`, "memory_bytes = ",
		"qemu_version = ", `state = "ready"`}
	tfacc.Says(t, w.Apply(t), "+ warm_snapshot = (known after apply)", "2 added")
	first := w.Show(t, address)
	tfacc.Says(t, first, ready...)
	w.EmptyPlan(t)
	if got := partsOfSnapshots(t, host, pool); !slices.Equal(got, []string{"json", "qcow2", "save"}) {
		t.Errorf("the pool has the parts %q", got)
	}

	// A change that does not concern the snapshot leaves it alone.
	for _, settings := range [][]string{
		{`warm = { settle_seconds = 0 }`, `description = "same"`},
		{`warm = { resume_commands = ["true"] }`, `description = "same"`},
	} {
		w.Configure(t, config(128, settings...))
		out := w.Apply(t)
		tfacc.Says(t, out, "0 added, 1 changed, 0 destroyed")
		if strings.Contains(out, "warm_snapshot") || snapshotOf(w.Show(t, address)) != snapshotOf(first) {
			t.Errorf("after %q, another snapshot was made:\n%s\n%s", settings, out, w.Show(t, address))
		}
		w.EmptyPlan(t)
	}

	// A draft follows its template, and so does its snapshot.
	w.Configure(t, config(160, `warm = { resume_commands = ["true"] }`, `description = "same"`))
	tfacc.Says(t, w.Apply(t), "~ warm_snapshot", "-> (known after apply)", "Warning: Warm snapshot will be made",
		"warm = ", "applying the plan boots a guest and makes it", "0 added, 2 changed, 0 destroyed")
	w.EmptyPlan(t)
	tfacc.Says(t, w.Show(t, address), ready...)
	if snapshotOf(w.Show(t, address)) == snapshotOf(first) {
		t.Errorf("no other snapshot was made:\n%s", w.Show(t, address))
	}
	if got := partsOfSnapshots(t, host, pool); !slices.Equal(got, []string{"json", "qcow2", "save"}) {
		t.Errorf("the pool has the parts %q: what no version asks for is not removed", got)
	}
	w.Configure(t, config(160))
	w.Apply(t)
	if got := partsOfSnapshots(t, host, pool); len(got) > 0 {
		t.Errorf("the pool has the parts %q", got)
	}
}

// Ctrl-C ends the making of a snapshot, and with it the apply. The version is registered all the
// same, so the next apply only makes the snapshot.
func TestAccCtrlCEndsTheMakingOfASnapshot(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("ctrlc")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	image := fromPath(tfacc.EmptyImage(t, "16M"))
	config := func(settings ...string) string {
		return library(pool, name) + version("it", "1.0.0", image, settings...)
	}
	w := tfacc.NewWorkspace(t, "")
	t.Cleanup(func() { w.Destroy(t) })
	interrupted := func(warm string) {
		t.Helper()
		w.Configure(t, config(warm))
		// A blank guest has no agent, so without Ctrl-C the apply would wait for the whole timeout.
		out, err := w.Start(t, "apply", "-auto-approve").Until(t, "the guest", func() bool {
			return isDefined(t, host, directory)
		}, syscall.SIGINT)
		if err == nil {
			t.Errorf("terraform succeeded in spite of Ctrl-C:\n%s", out)
		}
		tfacc.Says(t, out, "Warning: Warm snapshot not made", "warm = ", `Making the warm snapshot of version `+
			`"default/`+
			name+`@1.0.0", which exists without it until the next apply: `, "cancelled")
		if got := partsOfSnapshots(t, host, pool); len(got) > 0 || isDefined(t, host, directory) {
			t.Errorf("the pool has the parts %q, or the guest is still defined", got)
		}
		out, err = w.Run(t.Context(), "plan")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		tfacc.Says(t, out, "will be updated in-place", "~ warm_snapshot", "0 to add, 1 to change, 0 to destroy",
			"Warning: Warm snapshot will be made")
	}
	interrupted(`warm = { settle_seconds = 1 }`)
	interrupted(`warm = { settle_seconds = 2 }`)
	w.Configure(t, config())
	w.Apply(t)
	w.EmptyPlan(t)
}

// A plan reads one document more for a version with a snapshot.
func TestAccAPlanReadsASnapshotOnce(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("look")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := fromPath(tfacc.EmptyImage(t, "16M"))
	w := tfacc.NewWorkspace(t, "")
	t.Cleanup(func() { w.Destroy(t) })
	asked := func(settings ...string) *acctest.Counted {
		t.Helper()
		of := func(uri string) {
			w.Configure(t, libraryOf(tfconfig.Provider{URI: uri, Pool: pool}, name)+
				version("it", "1.0.0", image, append(settings, noNetwork(name+"-net"))...))
		}
		of(host.URI)
		w.Apply(t)
		counted := host.Count(t)
		of(counted.URI)
		w.EmptyPlan(t)
		of(host.URI)
		return counted
	}
	without, with := asked(), asked(`warm = { settle_seconds = 0 }`)
	if n, more := without.CallsOf(acctest.ReadVolume), with.CallsOf(acctest.ReadVolume); n == 0 || more != n+1 {
		t.Errorf("a plan reads %d documents, and %d for a version with a snapshot", n, more)
	}
}

// isDefined reports whether a guest is defined of which a snapshot is made in the directory of a
// pool. It only reads files, so that a test that polls notices it at once.
func isDefined(t *testing.T, host *acctest.Host, directory string) bool {
	t.Helper()
	found, err := filepath.Glob(host.HostPath("/etc/libvirt/qemu/") + "/nova.warm.*.xml")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(found, func(path string) bool {
		definition, err := os.ReadFile(path) // which may be gone by now
		return err == nil && strings.Contains(string(definition), directory+"/")
	})
}

// partsOfSnapshots are the endings of the names of the volumes that make up the snapshots of a
// pool. A document has two revisions there.
func partsOfSnapshots(t *testing.T, host *acctest.Host, pool string) []string {
	t.Helper()
	var parts []string
	for _, left := range host.Leftovers(t, pool, "nova.warm.") {
		if strings.HasPrefix(left, "volume ") { // the host is shared, and so are its domains
			parts = append(parts, left[strings.LastIndex(left, ".")+1:])
		}
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

// snapshotOf is what terraform state show says of the snapshot.
func snapshotOf(shown string) string {
	_, snapshot, _ := strings.Cut(shown, "warm_snapshot")
	return snapshot
}
