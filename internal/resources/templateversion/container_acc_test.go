package templateversion_test

import (
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
)

// A version is registered from an image of two layers, which is then packed in other ways.
func TestAccContainerImage(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("shop")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	im := ocitest.Shop(t, "amd64")
	layout := ocitest.Layout(t, im)
	archive := filepath.Join(t.TempDir(), "shop.tar")
	writeFile(t, archive, ocitest.Packed(t, layout))
	shop := library(pool, name, `type = "container"`)
	config := func(source string, settings ...string) string {
		return shop + version("it", "1.0.0", source, settings...)
	}
	w := tfacc.NewWorkspace(t, config(fromPath(archive)))
	t.Cleanup(func() {
		w.Configure(t, tfacc.Provider(pool)) // no configured version, so nothing to check
		w.Destroy(t)
	})
	w.Apply(t) // template and version at once
	w.EmptyPlan(t)
	if all := bases(t, host, directory); len(all) != 1 {
		t.Errorf("the pool has %q", all)
	}

	// The same image in other wrappings is the same version, and so is its directory.
	writeFile(t, archive, imagetest.Packed(t, "zstd", ocitest.Packed(t, layout)))
	w.EmptyPlan(t)
	w.Configure(t, config(fromPath(layout)))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)

	// So are its output of docker save, and a layout whose layers are compressed in another way.
	writeFile(t, archive, ocitest.DockerArchive(t, map[string]v1.Image{"shop:1": im}))
	for _, source := range []string{archive, ocitest.Layout(t, ocitest.Repacked(t, im))} {
		w.Configure(t, config(fromPath(source)))
		tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
		w.EmptyPlan(t)
	}
	writeFile(t, archive, ocitest.Packed(t, ocitest.Layout(t, ocitest.Repacked(t, im))))
	w.Configure(t, config(fromPath(archive)))
	w.Apply(t)
	writeFile(t, archive, ocitest.Packed(t, layout))
	w.EmptyPlan(t)
	w.Configure(t, config(fromPath(layout)))
	w.Apply(t)

	// Another image at the same path is a mistake, and at another path a replacement.
	other := ocitest.Shop(t, "amd64", func(f *v1.ConfigFile) { f.Config.Entrypoint = []string{"/other"} })
	elsewhere := ocitest.Layout(t, other)
	w.Configure(t, config(fromPath(elsewhere)))
	out := must.Get[string](t)(w.Run(t.Context(), "plan"))
	tfacc.Says(t, out, "must be replaced")
	writeFile(t, filepath.Join(layout, "index.json"), readFile(t, filepath.Join(elsewhere, "index.json")))
	for _, blob := range must.Get[[]string](t)(filepath.Glob(filepath.Join(elsewhere, "blobs/sha256/*"))) {
		writeFile(t, filepath.Join(layout, "blobs/sha256", filepath.Base(blob)), readFile(t, blob))
	}
	w.Configure(t, config(fromPath(layout)))
	tfacc.Says(t, w.Fails(t, "plan"), "Image has changed", "its identity is config:sha256:")

	// What cannot be read is an error with its reason, until it can be read again.
	kept := readFile(t, archive)
	writeFile(t, archive, []byte("not an image\n"))
	w.Configure(t, config(fromPath(archive)))
	tfacc.Says(t, w.Fails(t, "plan"), "it is a text that begins with")
	writeFile(t, archive, kept)
	w.Apply(t)
	writeFile(t, archive, []byte("not an image\n"))
	tfacc.Says(t, w.Fails(t, "plan"), "Image has changed", "it is a text that begins with")
	writeFile(t, archive, kept)
	w.EmptyPlan(t)

	// The same layers need nothing to be sent, whatever their configuration says.
	w.Configure(t, shop+version("it", "1.0.0", fromPath(archive))+version("next", "2.0.0", fromPath(elsewhere)))
	w.Apply(t)
	w.EmptyPlan(t)
	tfacc.Says(t, must.Get[string](t)(w.Run(t.Context(), "state", "show", "novacron_template_version.next")),
		"transferred_bytes = 0 ")
	if all := bases(t, host, directory); len(all) != 1 {
		t.Errorf("the pool has %q", all)
	}
}

// Mistakes about images of containers are found while planning.
func TestAccBadContainerImageIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("badroot")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	dir := t.TempDir()
	root := ocitest.Tar(t, ocitest.Dir("etc"), ocitest.File("etc/passwd", "root:x:0:0:::\n"))
	tar := writeFile(t, filepath.Join(dir, "root.tar"), root)
	arm := ocitest.Layout(t, ocitest.Shop(t, "arm64"))
	image := tfacc.EmptyImage(t, "16M")
	text := writeFile(t, filepath.Join(dir, "notes.tar"), []byte("this is not an image\n"))
	machines := tfacc.Provider(pool) + `
resource "novacron_template" "it" { name = "` + name + `-vm" }
resource "novacron_template" "box" {
  name = "` + name + `"
  type = "container"
}
`
	w := tfacc.NewWorkspace(t, machines)
	t.Cleanup(func() {
		w.Configure(t, machines)
		w.Destroy(t)
	})
	w.Apply(t)
	of := func(template, source string, more string) string {
		return machines + `
resource "novacron_template_version" "v" {
  template_id = novacron_template.` + template + `.id
  version     = "1.0.0"
  source      = { ` + source + ` }
  ` + more + `
}
`
	}
	for _, c := range []struct {
		config string
		says   []string
	}{
		{
			of("box", fromPath(image), ""),
			[]string{"source", "it is a qcow2 disk of a machine", "the template is for containers"},
		},
		{of("it", fromPath(tar), ""), []string{"source", "it is a tar archive", "the template is for machines"}},
		{of("it", fromPath(arm), ""), []string{"a directory with an OCI layout", "the template is for machines"}},
		{of("box", fromPath(arm), ""), []string{"source", "has no image for linux/amd64", "linux/arm64"}},
		{of("box", fromPath(text), ""), []string{"source", "it is a text"}},
		{of("box", fromPath(tar), `parent_version = "0.9.0"`), []string{"parent_version", "leave parent_version out"}},
		{
			of("box", `instance_id = "5f5a5b5c-0000-4000-8000-000000000000"`, ""),
			[]string{"source", "it is the disk of a machine, and the template is for containers"},
		},
		{of("box", `volume = "`+pool+`/none"`, ""), []string{"source", "virsh vol-list"}},
	} {
		w.Configure(t, c.config)
		tfacc.Says(t, w.Fails(t, "plan"), c.says...)
	}
}
