package instance_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// Terraform destroys the object at the old address and creates the one at the new address side by
// side. The guest, which does not hear, takes longer to stop than a create waits for a removal to
// begin.
func TestAccInstanceAtAnotherAddressWithoutMoved(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("address")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	settings := []string{`wait_for = []`, `timeouts {
	  delete = "8s"
	}`}
	w.instances(t, instance("old", name, settings...))
	w.Apply(t)
	before := fact(t, host, name, "UUID")

	w.instances(t, instance("new", name, settings...))
	out := w.Apply(t)
	if strings.Contains(out, "already in use") {
		t.Errorf("the apply warns of what it removes itself:\n%s", out)
	}
	if after := fact(t, host, name, "UUID"); after == before {
		t.Errorf("instance %s is the old one still", after)
	}
	if found := instancesIn(t, w); len(found) != 1 || found[0] != "novacron_instance.new" {
		t.Errorf("the state has %q", found)
	}
	w.EmptyPlan(t)
}

func TestAccInstanceCreatedBeforeTheOneOfItsNameIsDestroyed(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("before")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	settings := func(more ...string) []string {
		return append(more, `power_state = "stopped"`, "lifecycle { create_before_destroy = true }")
	}
	w.instances(t, instance("it", name, settings()...))
	w.Apply(t)
	before := host.Leftovers(t, volumes.DefaultPool, name)

	w.instances(t, instance("it", name, settings(`strategy = "clone"`)...))
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Error: Instance name already in use", `has a domain "`+name+
		`" already`, "`moved` block",
		"With create_before_destroy, the new instance would be created before the old one is destroyed",
		"remove create_before_destroy, or give the new one another name")
	if after := host.Leftovers(t, volumes.DefaultPool, name); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("the host had %q and has %q", before, after)
	}
	w.instances(t, instance("it", name, settings()...))
	w.EmptyPlan(t)
}

func TestAccInstanceNameOfAnotherConfiguration(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("elsewhere")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	w.instances(t, instance("it", name, `power_state = "stopped"`))
	w.Apply(t)

	other := tfacc.NewWorkspace(t, `
resource "novacron_instance" "it" {
  name        = "`+name+`"
  template_id = "default/`+name+`"
  power_state = "stopped"
}
`)
	advice := []string{`has a domain "` + name + `" already. Choose another name, or take it over with ` +
		"`terraform import`, id \"default/" + name + `"`,
		"if no configuration has it", "`moved` block"}
	out, err := other.Run(t.Context(), "plan")
	if err != nil {
		t.Errorf("terraform plan: %v\n%s", err, out)
	}
	tfacc.Says(t, out, append([]string{"Warning: Instance name already in use"}, advice...)...)
	tfacc.Says(t, other.Fails(t, "apply", "-auto-approve"), append([]string{"Error: Instance name already in use"},
		advice...)...)
	w.EmptyPlan(t) // nothing has changed it
}
