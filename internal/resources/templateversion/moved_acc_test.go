package templateversion_test

import (
	"fmt"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// listPools is the number of the libvirt procedure that a comparison of pools calls.
const listPools = 281

// If the provider's configuration now names another pool, templates and versions are neither
// forgotten nor registered there silently. The tests of instances cover another host.
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
		tfacc.Says(t, w.Fails(t, args...), kind+" is in another storage pool",
			fmt.Sprintf("%s %q was last seen in the storage pool %q", kind, id, first),
			fmt.Sprintf("is configured for the pool %q there now", second), "terraform state rm ADDRESS")
	}
	w.Apply(t)
	w.Configure(t, library(second, name))
	refuses("Template", "default/"+name, "plan")
	refuses("Template", "default/"+name, "destroy", "-auto-approve", "-refresh=false")

	// The private state has the pool, so a plan does not have to list pools.
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
	// its error would hide the version's
	if out, err := w.Run(t.Context(), "state", "rm", "novacron_template.it"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	refuses("Version", "default/"+name+"@1.0.0", "plan")
	w.Configure(t, library(first, name)+release)
	if out, err := w.Run(t.Context(), "import", "novacron_template.it", name); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
