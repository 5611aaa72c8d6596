package instance_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A description may be any text, such as that of a file with Windows line ends, and stays as it was
// written.
func TestAccADescriptionMayBeAnyText(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("describe")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	described := func(text string) {
		t.Helper()
		w.instances(t, instance("it", domain, `power_state = "stopped"`, `description = "`+text+`"`))
		w.Apply(t)
		w.EmptyPlan(t)
	}
	described(`a\r\nb\u0001\u001b[31m`)
	described(`  <spaces> & tabs\t\u0085\n\n`)
	described(` \n`)
	described(`plain`)
	described(`plain\ufffe\r`)
	host.Virsh(t, "desc", domain, "--config", "by hand")
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	for _, args := range [][]string{
		{"state", "rm", "novacron_instance.it"},
		{"import", "novacron_instance.it", "default/" + domain},
	} {
		if out, err := w.Run(t.Context(), args...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args, err, out)
		}
	}
	if got := stateOf(t, w.Workspace, "novacron_instance.it")["description"]; got != "plain\ufffe\r" {
		t.Errorf("imported, the description is %q", got)
	}
}
