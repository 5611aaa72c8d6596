package instance_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// A configuration with three hosts places instances, copies images to where they are needed, finds an
// instance that was moved by other means, and lives with a host that does not answer.
func TestAccInstancesArePlacedOnSeveralHosts(t *testing.T) {
	shared, name := acctest.RequireHost(t), tfacc.Name("place")
	t.Parallel()
	hosts, uris := map[string]*acctest.Host{}, map[string]string{}
	for _, key := range []string{"kvm1", "kvm2", "kvm3"} {
		hosts[key] = shared.Own(t, key)
		uris[key] = hosts[key].URI
	}
	third := hosts["kvm3"].Faulty(t)
	uris["kvm3"] = third.URI
	image := acctest.TinyImage(t)
	configured := func(silent string, instances ...string) string {
		var b strings.Builder
		b.WriteString("provider \"novacron\" {\n  hosts = {\n")
		for _, key := range slices.Sorted(maps.Keys(uris)) {
			fmt.Fprintf(&b, "    %s = { uri = %q, labels = { rack = %q }, overcommit = { vcpus = 100, memory = 4 } }\n",
				key, uris[key], key[3:])
		}
		fmt.Fprintf(&b, "  }\n  catalog           = { host = \"kvm1\" }\n  unreachable_hosts = %q\n}\n", silent)
		return b.String() + shop(name, image) + strings.Join(instances, "")
	}
	w := tfacc.NewWorkspace(t, configured("error"))
	t.Cleanup(func() { w.Destroy(t) })
	placed := func(label, settings string) string { return instance(label, name+"-"+label, settings) }
	spread := placed("a", "") + placed("b", "") + placed("c", "")
	w.Configure(t, configured("error", spread))
	tfacc.Says(t, w.Apply(t), "5 added")
	w.EmptyPlan(t)
	var on []string
	for _, label := range []string{"a", "b", "c"} {
		on = append(on, fmt.Sprint(stateOf(t, w, "novacron_instance."+label)["placed_on"]))
	}
	if slices.Sort(on); !slices.Equal(on, []string{"kvm1", "kvm2", "kvm3"}) {
		t.Errorf("the instances are on %q", on)
	}
	for key, h := range hosts {
		if bases := basesOf(t, h); len(bases) != 1 {
			t.Errorf("host %s has the images %q", key, bases)
		}
	}

	// What the plan says.
	for settings, says := range map[string][]string{
		`placement = { hosts = ["kvm9"] }`: {"Unknown host", `no host "kvm9". Its hosts are: kvm1, kvm2, kvm3`},
		`placement = { require = { rack = "9" } }`: {
			"No host meets the placement", "kvm1: no label rack=9 (labels: rack=1)",
		},
		`placement = { hosts = ["kvm2"] }
  hardware_profile = { memory_mb = 4194304 }`: {
			"No host takes the instance", "kvm1: not among placement.hosts", "kvm2: ", "MiB of memory short",
		},
	} {
		w.Configure(t, configured("error", spread, placed("d", settings)))
		tfacc.Says(t, w.Fails(t, "plan"), says...)
	}
	w.Configure(t, configured("error", spread, placed("d", `placement = { require = { rack = "3" } }`)))
	tfacc.Says(t, w.Apply(t), `= "kvm3"`, "1 added")
	w.EmptyPlan(t)
	w.Configure(t, configured("error", spread, placed("d", `placement      = { hosts = ["kvm1"] }
  on_host_change = "error"`)))
	tfacc.Says(t, w.Fails(t, "plan"), "Instance is on another host", "is on host kvm3", "not among placement.hosts")
	w.Configure(t, configured("error", spread, placed("d", `placement = { hosts = ["kvm1", "kvm3"] }`)))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")

	// A host that does not answer.
	d := placed("d", `placement = { hosts = ["kvm1", "kvm3"] }`)
	third.Break()
	w.Configure(t, configured("error", spread, d))
	tfacc.Says(t, w.Fails(t, "plan"), "Could not read instance", "unreachable")
	w.Configure(t, configured("keep", spread, d, placed("e", "")))
	tfacc.Says(t, w.Apply(t), "Warning: Host does not answer", "1 added, 0 changed, 0 destroyed")
	if e := stateOf(t, w, "novacron_instance.e")["placed_on"]; e != "kvm1" && e != "kvm2" {
		t.Errorf("the new instance is on %v", e)
	}
	third.Mend()
	w.Configure(t, configured("error", spread, d))
	tfacc.Says(t, w.Apply(t), "0 added, 0 changed, 1 destroyed")
	w.EmptyPlan(t)

	w.Destroy(t)
	for key, h := range hosts {
		if left := domains(t, h, name); len(left) > 0 {
			t.Errorf("host %s has the domains %q", key, left)
		}
		if bases := basesOf(t, h); len(bases) > 0 {
			t.Errorf("host %s has the images %q", key, bases)
		}
		if left := filesOf(t, h, "nova.placement."); len(left) > 0 {
			t.Errorf("host %s has %q", key, left)
		}
	}
}

// basesOf are the images in the default pool of a host.
func basesOf(t *testing.T, h *acctest.Host) []string {
	t.Helper()
	return slices.DeleteFunc(filesOf(t, h, "nova.base."), func(file string) bool {
		return strings.HasSuffix(file, ".json") || strings.HasSuffix(file, ".map")
	})
}

// filesOf are the files in the default pool of a host whose names begin like that.
func filesOf(t *testing.T, h *acctest.Host, prefix string) []string {
	t.Helper()
	files, err := filepath.Glob(h.HostPath("/var/lib/libvirt/"+volumes.DefaultPool) + "/" + prefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	return files
}
