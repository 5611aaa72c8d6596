//go:build linux

package faults_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// An instance whose provider was killed before Terraform received the response is taken over by the
// same configuration, and by no other. An instance that Terraform knows of cannot be taken by
// another configuration.
func TestAccWhatTerraformNeverHeardOfIsTakenOverByTheSameConfiguration(t *testing.T) {
	host, pool := acctest.RequireHost(t), tfacc.Name("unheard")
	t.Parallel()
	host.Pool(t, pool)
	b := newBench(t, host, pool, operation{name: "take over"})
	shop, name := tfconfig.Render(template(pool), version("1.0.0", tfacc.EmptyImage(t, "16M"))), pool+"-it"
	it, full, described := stopped(name), stopped(name), stopped(name)
	full.Strategy, described.Description = "clone", "what may change may differ"
	apply := func(config string) {
		b.configure(t, config)
		b.space.Apply(t)
	}
	apply(shop)
	// The last write of its metadata says that Terraform has received the response; the one before
	// that, that the instance is complete. The number of steps for documents varies.
	const note = "set the metadata"
	b.way.Arm(acctest.Fault{Of: note})
	apply(shop + stopped(pool+"-counted").String())
	steps := len(b.way.Steps())
	apply(shop)

	b.way.Arm(acctest.Fault{Of: note, At: steps - 1, When: acctest.After, Do: acctest.Kill})
	b.configure(t, shop+it.String())
	if out, err := b.apply(t); err == nil {
		t.Fatalf("an apply whose provider was to be killed succeeded:\n%s", out)
	}
	b.way.Arm(acctest.Fault{})
	uuid := strings.TrimSpace(host.Virsh(t, "domuuid", name))

	b.configure(t, shop+full.String())
	tfacc.Says(t, b.space.Fails(t, "apply", "-auto-approve"), "Instance name already in use")
	apply(shop + described.String())
	b.space.EmptyPlan(t)
	if now := strings.TrimSpace(host.Virsh(t, "domuuid", name)); now != uuid {
		t.Errorf("it is another domain, %s, than the one that nobody had heard of, %s", now, uuid)
	}

	described.TemplateID, described.Version = elsewhere(pool), "1.0.0"
	other := tfacc.NewWorkspace(t, b.provider()+described.String())
	tfacc.Says(t, other.Fails(t, "apply", "-auto-approve"), "Instance name already in use")

	t.Log("Terraform has heard of it, its provider was killed before it could note that, and its address has changed")
	started := instance(name) // so that it takes a while to go
	apply(shop)
	b.way.Arm(acctest.Fault{Of: note})
	apply(shop + started.String())
	steps = len(b.way.Steps())
	apply(shop)
	b.way.Arm(acctest.Fault{Of: note, At: steps, When: acctest.Before, Do: acctest.Kill})
	b.configure(t, shop+started.String())
	if out, err := b.apply(t); !b.way.Done() {
		t.Fatalf("the provider was not killed (%v):\n%s", err, out)
	}
	b.way.Arm(acctest.Fault{})
	started.Label = "renamed"
	apply(shop + started.String())
	b.space.EmptyPlan(t)
	host.Virsh(t, "domuuid", name)
}

// An instance whose domain was removed by other means leaves volumes. An instance that gets its
// name before they are removed keeps its own.
func TestAccVolumesOfANewInstanceAreNotThoseOfOneThatIsGone(t *testing.T) {
	host, pool := acctest.RequireHost(t), tfacc.Name("gone")
	t.Parallel()
	host.Pool(t, pool)
	b := newBench(t, host, pool, operation{name: "remove"})
	name := pool + "-it"
	it := stopped(name)
	b.configure(t, tfconfig.Render(template(pool), version("1.0.0", tfacc.EmptyImage(t, "16M")), it))
	b.space.Apply(t)
	host.Virsh(t, "undefine", name)

	it.TemplateID, it.Version = elsewhere(pool), "1.0.0"
	other := tfacc.NewWorkspace(t, tfacc.Provider(pool)+it.String())
	t.Cleanup(func() { other.Destroy(t) })
	var theirs []string
	b.way.Arm(acctest.Fault{Of: "refresh a pool", At: 1, Reads: true, When: acctest.Before, Late: true, Do: func(int) {
		if out, err := other.Run(t.Context(), "apply", "-auto-approve"); err != nil {
			t.Errorf("terraform apply: %v\n%s", err, out)
		}
		theirs = host.Leftovers(t, pool, name)
	}})
	out, err := b.space.Run(t.Context(), "destroy", "-auto-approve", "-refresh=false", "-target=novacron_instance.it")
	if err != nil || !b.way.Done() {
		t.Fatalf("terraform destroy: %v\n%s", err, out)
	}
	b.way.Arm(acctest.Fault{})
	if now := host.Leftovers(t, pool, name); len(theirs) < 2 || strings.Join(now, "\n") != strings.Join(theirs, "\n") {
		t.Errorf("the new instance had %q and has %q", theirs, now)
	}
}
