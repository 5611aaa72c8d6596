package templateversion_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// imports returns the configuration that imports a template and its version by these ids.
func imports(template, version string) string {
	return fmt.Sprintf("import {\n  to = novacron_template.it\n  id = %q\n}\nimport {\n  to = %s\n  id = %q\n}\n",
		template, address, version)
}

// A library whose state was lost is imported again and stays unchanged.
func TestAccLibraryIsTakenOver(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("adopt")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	image := rawImage(t, 1<<20)
	config := func(source string) string {
		return library(pool, name, `description = "ours"`, `labels = { os = "linux" }`,
			`hardware_profile = { memory_mb = 256 }`) +
			version("it", "1.0.0", source, `description = "first"`, `hardware_profile = { cpu_cores = 2 }`)
	}
	w := tfacc.NewWorkspace(t, config(fromPath(image)))
	t.Cleanup(func() {
		w.Configure(t, tfacc.Provider(pool))
		w.Destroy(t)
	})
	w.Apply(t)
	stored := bases(t, host, directory)
	lose := func() {
		t.Helper()
		w.Succeeds(t, "state", "rm", "novacron_template.it", address)
	}

	// The library does not know where the image came from. Nothing else changes.
	lose()
	w.Succeeds(t, "import", "novacron_template.it", name)
	w.Succeeds(t, "import", address, name+"@1.0.0")
	tfacc.Says(t, w.Succeeds(t, "plan"), "~ resource \"novacron_template_version\" \"it\"", "+ source",
		"Plan: 0 to add, 1 to change, 0 to destroy.")
	lose()
	w.Configure(t, config(fromPath(image))+imports("default/"+name, "default/"+name+"@1.0.0"))
	tfacc.Says(t, w.Succeeds(t, "plan"), "Plan: 2 to import, 0 to add, 1 to change, 0 to destroy.")
	tfacc.Says(t, w.Apply(t), "2 imported, 0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)

	// If the plan cannot tell whether the source has the same image, it says so and replaces
	// nothing.
	for _, c := range []struct{ source, says string }{
		{`url = "http://127.0.0.1:1/disk.img"`, "it is unknown whether http://127.0.0.1:1/disk.img is its image: " +
			"only a checksum of the source could tell. The version stays as it is."},
		{fromPath("elsewhere.img"), "it is unknown whether elsewhere.img is its image: it was not found. The version " +
			"stays as it is."},
	} {
		lose()
		w.Configure(t, config(c.source)+imports(name, name+"@1.0.0"))
		tfacc.Says(t, w.Apply(t), "Image not verified", c.says, "2 imported, 0 added, 1 changed, 0 destroyed")
		w.EmptyPlan(t)
	}
	// If a checksum proves that it is the same image, the plan does not warn.
	lose()
	w.Configure(t, config(`url = "http://127.0.0.1:1/disk.img", checksum = "`+checksum(t, image)+`"`)+
		imports(name, name+"@1.0.0"))
	tfacc.Says(t, w.Succeeds(t, "plan"), "Plan: 2 to import, 0 to add, 1 to change, 0 to destroy.")
	other := writeFile(t, filepath.Join(t.TempDir(), "other.img"), readFile(t, rawImage(t, 1<<20)))
	w.Configure(t, config(fromPath(other))+imports(name, name+"@1.0.0"))
	tfacc.Says(t, w.Succeeds(t, "plan"), "# forces replacement", "1 to add, 0 to change, 1 to destroy.")

	// Malformed ids, and ids of versions that do not exist, are refused.
	for _, c := range []struct{ template, version, says string }{
		{
			"a/b/c", name + "@1.0.0",
			`"a/b/c" is not a template id: write it as tenant/name, for example default/ubuntu, or as name, for ` +
				`example ubuntu, for a template of the tenant default.`,
		},
		{
			name, name, `"` + name + `" is not a version id: write it as tenant/name@1.1.0, for example ` +
				`default/ubuntu@1.0.0, or as name@1.1.0`,
		},
		{name, "team-2/" + name + "@1.0.0", `The library in pool "` + pool + `" has no version "team-2/` + name +
			`@1.0.0".`},
	} {
		w.Configure(t, config(fromPath(image))+imports(c.template, c.version))
		tfacc.Says(t, w.Fails(t, "plan"), c.says)
	}
	w.Configure(t, config(fromPath(image))+imports(name, name+"@1.0.0"))
	w.Apply(t)
	if now := bases(t, host, directory); len(now) != 1 || now[0] != stored[0] {
		t.Errorf("the pool had the images %q and has %q", stored, now)
	}
}
