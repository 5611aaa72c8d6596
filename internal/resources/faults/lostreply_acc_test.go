//go:build linux

package faults_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// An instance that was made by a provider which was killed before Terraform heard of it is taken over by the same
// configuration, and by no other. One that Terraform has heard of is nobody else's to take.
func TestAccWhatTerraformNeverHeardOfIsTakenOverByTheSameConfiguration(t *testing.T) {
	host, pool := acctest.RequireHost(t), tfacc.Name("unheard")
	t.Parallel()
	host.Pool(t, pool)
	b := newBench(t, host, pool, operation{name: "take over"})
	shop := template(pool) + version("1.0.0", tfacc.EmptyImage(t, "16M"))
	asked := func(name string, settings ...string) string {
		return shop + instance(name, append(settings, `power_state = "stopped"`)...)
	}
	apply := func(config string) {
		b.configure(t, config)
		b.space.Apply(t)
	}
	apply(shop)
	b.way.Arm(acctest.Fault{})
	apply(asked(pool + "-counted"))
	steps := len(b.way.Steps())
	apply(shop)

	name := pool + "-it"
	b.way.Arm(acctest.Fault{At: steps - 1, When: acctest.After, Do: acctest.Kill}) // the last but the one that says that it was heard
	b.configure(t, asked(name))
	if out, err := b.apply(t); err == nil {
		t.Fatalf("an apply whose provider was to be killed succeeded:\n%s", out)
	}
	b.way.Arm(acctest.Fault{})
	uuid := strings.TrimSpace(host.Virsh(t, "domuuid", name))

	b.configure(t, asked(name, `strategy = "clone"`))
	tfacc.Says(t, b.space.Fails(t, "apply", "-auto-approve"), "Instance name already in use")
	apply(asked(name, `description = "what may change may differ"`))
	b.space.EmptyPlan(t)
	if now := strings.TrimSpace(host.Virsh(t, "domuuid", name)); now != uuid {
		t.Errorf("it is another domain, %s, than the one that nobody had heard of, %s", now, uuid)
	}

	other := tfacc.NewWorkspace(t, b.provider()+
		strings.NewReplacer("novacron_template.it.id", fmt.Sprintf("%q", "default/"+pool), "novacron_template_version.it.version", `"1.0.0"`).
			Replace(instance(name, `description = "what may change may differ"`, `power_state = "stopped"`)))
	tfacc.Says(t, other.Fails(t, "apply", "-auto-approve"), "Instance name already in use")
}
