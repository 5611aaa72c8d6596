package templateversion_test

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// listPools is libvirt's procedure that the comparison of pools needs.
const listPools = 281

// Templates and versions whose provider configuration leads to another pool are neither forgotten
// nor registered there without a word. That of another host is tested with an instance's.
func TestAccLibraryIsNotLeftInAnotherPoolSilently(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("left")
	first, _ := host.Pool(t, name)
	second, _ := host.Pool(t, name+"-second")
	t.Parallel()
	release := version("it", "1.0.0", fromPath(tfacc.EmptyImage(t, "16M")))
	w := tfacc.NewWorkspace(t, library(first, name))
	t.Cleanup(func() {
		w.Configure(t, library(first, name)+release)
		w.Destroy(t)
	})
	refuses := func(kind, id string, args ...string) {
		t.Helper()
		tfacc.Says(t, w.Fails(t, args...), kind+" is in another storage pool", fmt.Sprintf("%s %q was last seen in the storage pool %q", kind, id, first),
			fmt.Sprintf("is configured for the pool %q there now", second), "terraform state rm ADDRESS")
	}
	w.Apply(t)
	w.Configure(t, library(second, name))
	refuses("Template", "default/"+name, "plan")
	refuses("Template", "default/"+name, "destroy", "-auto-approve", "-refresh=false")

	// What is noted costs nothing.
	w.Configure(t, library(first, name)+release)
	w.Apply(t)
	counted := host.Count(t)
	w.Configure(t, libraryOf(tfconfig.Provider{Pool: first, URI: counted.URI}, name)+release)
	w.EmptyPlan(t)
	if calls := counted.CallsOf(listPools); calls > 0 {
		t.Errorf("a plan with nothing to do lists the pools %d times", calls)
	}

	w.Configure(t, library(second, name)+release)
	refuses("Version", "default/"+name+"@1.0.0", "destroy", "-auto-approve", "-refresh=false")
	if out, err := w.Run(t.Context(), "state", "rm", "novacron_template.it"); err != nil { // whose error would hide the version's
		t.Fatalf("%v\n%s", err, out)
	}
	refuses("Version", "default/"+name+"@1.0.0", "plan")
	w.Configure(t, library(first, name)+release)
	if out, err := w.Run(t.Context(), "import", "novacron_template.it", name); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
