package templateversion_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// Terraform destroys a version and then its template at the old addresses, and meanwhile creates
// them at the new ones.
func TestAccTemplateAndVersionAtOtherAddressesWithoutMoved(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("address")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := rawImage(t, 1<<20)
	before := library(pool, name) + version("it", "1.0.0", fromPath(image))
	w := tfacc.NewWorkspace(t, before)
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)

	// First rename the version alone.
	w.Configure(t, library(pool, name)+version("new", "1.0.0", fromPath(image)))
	w.Apply(t)
	w.EmptyPlan(t)

	other := tfconfig.Template{Meta: tfconfig.Meta{Label: "other"}, Name: name}
	newer := tfconfig.Version{
		Meta: tfconfig.Meta{Label: "newer"}, Version: "1.0.0", Source: &tfconfig.Source{Path: image},
	}.Of(other)
	w.Configure(t, tfconfig.Render(tfconfig.Provider{Pool: pool}, other, newer))
	w.Apply(t)
	w.EmptyPlan(t)
	out, err := w.Run(t.Context(), "state", "list")
	if got := strings.Fields(out); err != nil ||
		strings.Join(got, " ") != "novacron_template.other novacron_template_version.newer" {
		t.Errorf("the state has %q (%v)", got, err)
	}
}

func TestAccVersionCreatedBeforeTheOneOfItsNumberIsDestroyed(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("before")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	image := rawImage(t, 1<<20)
	config := func(image string) string {
		return library(pool, name) + version("it", "1.0.0", fromPath(image),
			"lifecycle { create_before_destroy = true }")
	}
	w := tfacc.NewWorkspace(t, config(image))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)

	w.Configure(t, config(rawImage(t, 2<<20)))
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Warning: Version keeps its number",
		`replaces version "default/`+name+`@1.0.0"`, "Error: Version already exists", "choose a higher one",
		"`moved` block", "With create_before_destroy, the new version would be created before the old one is destroyed")
	if stored := bases(t, host, directory); len(stored) != 1 || checksum(t, stored[0]) != checksum(t, image) {
		t.Errorf("the pool has the images %q, not the one that was registered", stored)
	}
	w.Configure(t, config(image))
	w.EmptyPlan(t)
}

// A plan cannot tell whether another configuration gives up a taken name before the apply. So it
// warns, and the apply refuses.
func TestAccNamesOfAnotherConfiguration(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("elsewhere")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := rawImage(t, 1<<20)
	w := tfacc.NewWorkspace(t, library(pool, name)+version("it", "1.0.0", fromPath(image)))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)

	own := library(pool, name+"-own")
	other := tfacc.NewWorkspace(t, own)
	t.Cleanup(func() {
		other.Configure(t, own)
		other.Destroy(t)
	})
	other.Apply(t)
	other.Configure(t, own+fmt.Sprintf(`
resource "novacron_template" "theirs" {
  name = %q
}
resource "novacron_template_version" "theirs" {
  template_id = "default/%s"
  version     = "1.0.0"
  source      = { %s }
}
`, name, name, fromPath(image)))
	out, err := other.Run(t.Context(), "plan")
	if err != nil {
		t.Errorf("terraform plan: %v\n%s", err, out)
	}
	tfacc.Says(t, out, "Warning: Template already exists", "Choose another name, or take it over with "+
		"`terraform import`", "if no configuration has it", "`moved` block",
		"Unless it is removed first, the apply is refused")
	tfacc.Says(t, out, "Warning: Version already exists", "choose a higher one, or take it over with "+
		"`terraform import`", "if no configuration has it", "`moved` block",
		"Unless it is removed first, the apply is refused")
}
