package templateversion_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// modified sets the modification time of a file.
func modified(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// The file of a version is replaced under the same name, as a nightly build replaces its image.
func TestAccImageChangesUnderItsVersion(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("nightly")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	monday, tuesday := readFile(t, rawImage(t, 1<<20)), readFile(t, rawImage(t, 1<<20))
	path := writeFile(t, filepath.Join(t.TempDir(), "nightly.img"), monday)
	sum := checksum(t, path)
	then := time.Date(2026, 1, 5, 3, 0, 0, 123456789, time.UTC)
	modified(t, path, then)
	config := func(number string, settings ...string) string {
		return library(pool, name) + version("it", number, fromPath(path), settings...)
	}
	w := tfacc.NewWorkspace(t, config("1.0.0"))
	t.Cleanup(func() {
		w.Configure(t, tfacc.Provider(pool)) // no configured version, so nothing to check
		w.Destroy(t)
	})
	w.Apply(t)
	w.EmptyPlan(t)

	// A replaced file counts as changed even if it has the size and the time of the previous one.
	writeFile(t, path, tuesday)
	modified(t, path, then)
	changed := []string{"Image has changed", `on main.tf line`, `resource "novacron_template_version" "it"`,
		path + " is no longer the image of version \"default/" + name + "@1.0.0\": its digest is " + digestOf(t, path),
		"Versions do not change: register it as a new version with a higher number, or restore the old image"}
	tfacc.Says(t, w.Fails(t, "plan"), changed...)
	tfacc.Says(t, w.Fails(t, "plan", "-refresh=false"), changed...)
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), changed...)
	// in place, or by a replacement with the same number
	for _, change := range []string{`description = "as of Monday"`, `hardware_profile = { memory_mb = 256 }`} {
		w.Configure(t, config("1.0.0", change))
		tfacc.Says(t, w.Fails(t, "plan"), changed...)
	}

	// A file that was only touched still counts as the same, and an apply with nothing to do
	// records its new time.
	writeFile(t, path, monday)
	modified(t, path, then.Add(time.Hour))
	w.Configure(t, config("1.0.0"))
	w.EmptyPlan(t)
	tfacc.Says(t, w.Apply(t), "0 added, 0 changed, 0 destroyed")
	w.EmptyPlan(t)

	// Without the file everything else still works, even a destroy.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.EmptyPlan(t)
	planSays := func(says string, args ...string) {
		t.Helper()
		out, err := w.Run(t.Context(), append([]string{"plan"}, args...)...)
		if err != nil {
			t.Errorf("terraform plan %q: %v\n%s", args, err, out)
		}
		tfacc.Says(t, out, says)
	}
	planSays("0 to add, 0 to change, 2 to destroy", "-destroy")
	w.Configure(t, config("1.0.0", `description = "as of Monday"`))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")

	// If a file exists but cannot be read, the plan warns and changes nothing.
	if err := os.Mkdir(path, 0o700); err != nil { // a directory, which not even root can read as a file
		t.Fatal(err)
	}
	planSays("Image not verified", "-detailed-exitcode")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	// A different path to a missing file counts as another image, unless the checksum proves that
	// it is the same.
	missing := []string{
		"Could not use image", "no such file or directory", "If terraform destroy stops here, add -refresh=false",
	}
	elsewhere := func(more string) string {
		return library(pool, name) + version("it", "1.0.0", fromPath(path+".moved")+more,
			`description = "as of Monday"`)
	}
	w.Configure(t, elsewhere(""))
	tfacc.Says(t, w.Fails(t, "plan"), missing...)
	w.Configure(t, elsewhere(`, checksum = "`+sum+`"`))
	planSays("0 to add, 1 to change, 0 to destroy")

	// Registering a version again needs its file.
	w.Configure(t, config("1.0.0", `description = "as of Monday"`))
	for _, taint := range []string{"taint", "untaint"} {
		if out, err := w.Run(t.Context(), taint, address); err != nil {
			t.Fatalf("terraform %s: %v\n%s", taint, err, out)
		}
		if taint == "taint" {
			tfacc.Says(t, w.Fails(t, "plan"), missing...)
			planSays("0 to add, 0 to change, 2 to destroy", "-destroy", "-refresh=false")
		}
	}

	// The changed image is accepted as a new version.
	writeFile(t, path, tuesday)
	modified(t, path, then.Add(2*time.Hour))
	w.Configure(t, config("1.1.0"))
	tfacc.Says(t, w.Apply(t), "1 added, 0 changed, 1 destroyed")
	w.EmptyPlan(t)
	if stored := bases(t, host, directory); len(stored) != 1 || checksum(t, stored[0]) != checksum(t, path) {
		t.Errorf("the pool has the images %q", stored)
	}

	// A version can be destroyed even if its file has changed or is gone.
	writeFile(t, path, monday)
	tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve"), "Image has changed",
		"If terraform destroy stops here, add -refresh=false")
	planSays("0 to add, 0 to change, 2 to destroy", "-destroy", "-refresh=false")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.Destroy(t)
	tfacc.Says(t, w.Fails(t, "plan"), missing...)
}

// If the pool has an image with the given checksum, the file is not read. The next plan finds out
// what the file really is.
func TestAccImageIsNotWhatItsChecksumSays(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("claimed")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image, other := rawImage(t, 1<<20), rawImage(t, 1<<20)
	from := func(path string) string { return fromPath(path) + `, checksum = "` + checksum(t, image) + `"` }
	config := library(pool, name) + version("one", "1.0.0", from(image))
	w := tfacc.NewWorkspace(t, config)
	t.Cleanup(func() {
		w.Configure(t, config)
		w.Apply(t)
		w.Destroy(t)
	})
	w.Apply(t)
	w.Configure(t, config+version("it", "1.1.0", from(other)))
	w.Apply(t)
	tfacc.Says(t, w.Fails(t, "plan"), "Image has changed", other+" is no longer", `"default/`+name+`@1.1.0"`)
}
