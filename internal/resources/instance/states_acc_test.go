package instance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// An administrator drains a host, empties it, loses it, and gets it back.
func TestAccHostsAreEmptiedAndLost(t *testing.T) {
	shared, name := acctest.RequireHost(t), tfacc.Name("states")
	t.Parallel()
	hosts, uris := map[string]*acctest.Host{}, map[string]string{}
	keys := []string{"kvm1", "kvm2", "kvm3"}
	for _, key := range keys {
		hosts[key] = shared.Own(t, "st-"+key)
		uris[key] = hosts[key].URI
	}
	third := hosts["kvm3"].Faulty(t)
	uris["kvm3"] = third.URI
	provider := func(silent string) string {
		var b strings.Builder
		b.WriteString("provider \"novacron\" {\n  hosts = {\n")
		for _, key := range keys {
			const block = "    %s = { uri = %q, overcommit = { vcpus = 100, memory = 4 } }\n"
			fmt.Fprintf(&b, block, key, uris[key])
		}
		fmt.Fprintf(&b, "  }\n  catalog = { host = \"kvm1\" }\n  unreachable_hosts = %q\n}\n", silent)
		return b.String()
	}
	// The administrator has a configuration of its own.
	admin, w := tfacc.NewWorkspace(t, ""), tfacc.NewWorkspace(t, "")
	says := func(host, state, why string) string {
		h := tfconfig.Host{Meta: tfconfig.Meta{Label: host}, Name: host, State: state, Description: why}
		admin.Configure(t, provider("keep")+tfconfig.Render(h))
		return admin.Apply(t)
	}
	const data = `data "novacron_host" "all" {
  for_each = toset(["kvm1", "kvm2", "kvm3"])
  name     = each.key
}
output "superseded" {
  value = { for k, h in data.novacron_host.all : k => h.superseded }
}
`
	fixed := shop(name, acctest.TinyImage(t))
	it := func(settings ...string) string {
		return instance("it", name+"-it", append(settings, `wait_for = ["agent"]`,
			`storage_profile = { disks = { data = { size_gb = 1 } } }`)...)
	}
	configured := func(silent string, instances ...string) string {
		return provider(silent) + fixed + strings.Join(instances, "")
	}
	is := func(label string) (id, on string) {
		state := stateOf(t, w, "novacron_instance."+label)
		return fmt.Sprint(state["id"]), fmt.Sprint(state["placed_on"])
	}
	t.Cleanup(func() { third.Mend(); admin.Destroy(t); w.Destroy(t) })
	w.Configure(t, configured("error", it(`placement = { hosts = ["kvm2"] }`)))
	w.Apply(t)
	w.Configure(t, configured("error", it()))
	w.Apply(t)
	w.EmptyPlan(t)
	first, _ := is("it")
	guestSays(t, hosts["kvm2"], name+"-it", "/bin/sh", "-c", "printf data >/dev/vdb && sync")

	// A host that drains takes nothing new, and keeps what it has.
	says("kvm2", "draining", "new disks until Friday")
	w.EmptyPlan(t)
	other := instance("other", name+"-other", `placement = { hosts = ["kvm2"] }`)
	w.Configure(t, configured("error", it(), other))
	tfacc.Says(t, w.Fails(t, "plan"), "No host takes the instance", "kvm1: not among placement.hosts",
		"kvm2: draining (new disks until Friday)")
	w.Configure(t, configured("error", it(`description = "changed"`)))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")

	// The next plan after maintenance has begun empties it, and the one after that is empty.
	tfacc.Says(t, says("kvm2", "maintenance", "new disks"), "Instances will be moved",
		`Host kvm2 has 1 instance of tenant "default" (`+name+"-it)", "This apply does not move them")
	w.Configure(t, configured("error", it(`description = "changed"`, `on_host_change = "error"`)))
	tfacc.Says(t, w.Fails(t, "plan"), "Host is to be emptied", "in maintenance (new disks)")
	w.Configure(t, configured("error", it(`description = "changed"`, `on_host_change = "replace"`)))
	tfacc.Says(t, plan(t, w), "forces replacement", "1 to add, 0 to change, 1 to destroy")
	w.Configure(t, configured("error", it(`description = "changed"`, `on_host_change = "live"`)))
	tfacc.Says(t, w.Fails(t, "plan"), "Guest cannot be moved while it runs", "kvm1: the provider's configuration has "+
		"no peer for it")
	w.Configure(t, configured("error", it(`description = "changed"`, `placement = { hosts = ["kvm2"] }`)))
	tfacc.Says(t, w.Fails(t, "plan"), "No host takes the instance", "kvm1: not among placement.hosts",
		"kvm2: in maintenance (new disks)")
	w.Configure(t, configured("error", it(`description = "changed"`)))
	tfacc.Says(t, plan(t, w), "0 to add, 1 to change, 0 to destroy", "Instance will be moved",
		"is on host kvm2, which is in maintenance (new disks)", "one of the hosts kvm1, kvm3")
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	id, on := is("it")
	if id != first || on == "kvm2" {
		t.Errorf("it was %s, and is %s on %s", first, id, on)
	}
	if got := guestSays(t, hosts[on], name+"-it", "/bin/sh", "-c", "head -c 4 /dev/vdb"); got != "data" {
		t.Errorf("its disk has %q", got)
	}
	if left := domains(t, hosts["kvm2"], name); len(left) > 0 {
		t.Errorf("host kvm2 has %q", left)
	}

	// A host is lost, with two instances. One of them is destroyed, and the other one replaced.
	gone, kept := instance("gone", name+"-gone", `placement = { hosts = ["kvm3"] }`),
		instance("kept", name+"-kept", `placement = { hosts = ["kvm2", "kvm3"] }`)
	w.Configure(t, configured("error", gone, instance("kept", name+"-kept",
		`placement = { hosts = ["kvm2", "kvm3"] }`, `deletion_protection = true`)))
	w.Apply(t)
	id, on = is("kept")
	if on != "kvm3" {
		t.Fatalf("an instance is on %s", on)
	}
	admin.Configure(t, provider("error"))
	tfacc.Says(t, admin.Apply(t), "0 added, 0 changed, 1 destroyed") // kvm2 is active again
	for _, domain := range []string{"-gone", "-kept"} {
		hosts["kvm3"].Virsh(t, "destroy", name+domain)
	}
	admin.Configure(t, provider("error")+tfconfig.Render(
		tfconfig.Host{Meta: tfconfig.Meta{Label: "kvm2"}, Name: "kvm2", State: "lost"}))
	tfacc.Says(t, admin.Fails(t, "plan"), "Host kvm2 is to be lost, but it answers: shut it down first")
	third.Break()
	admin.Configure(t, provider("error")+tfconfig.Render(
		tfconfig.Host{Meta: tfconfig.Meta{Label: "kvm3"}, Name: "kvm3", State: "lost"}))
	tfacc.Says(t, plan(t, admin), "Host will count as lost", "Check that host kvm3 is switched off",
		"2 instances of tenant")
	w.Configure(t, configured("error", kept))
	tfacc.Says(t, w.Fails(t, "plan"), "Could not read instance", "Host kvm3", `a novacron_host with state = "lost"`)
	// The configuration that has the instances says so, too, if it does only that.
	lost := tfconfig.Host{Meta: tfconfig.Meta{Label: "kvm3"}, Name: "kvm3", State: "lost", Description: "burnt"}
	w.Configure(t, configured("error", gone, kept, tfconfig.Render(lost)))
	out, err := w.Run(t.Context(), "apply", "-auto-approve", "-target=novacron_host.kvm3")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "1 added, 0 changed, 0 destroyed")
	for _, forget := range []func() (string, error){
		func() (string, error) { return w.Run(t.Context(), "state", "rm", "novacron_host.kvm3") },
		func() (string, error) {
			admin.Configure(t, provider("error")+tfconfig.Render(lost))
			return admin.Run(t.Context(), "import", "novacron_host.kvm3", "kvm3")
		},
	} {
		if out, err := forget(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	admin.EmptyPlan(t)
	w.Configure(t, configured("error", instance("kept", name+"-kept", `deletion_protection = true`)))
	tfacc.Says(t, w.Fails(t, "plan"), "Instance is protected")
	w.Configure(t, configured("error", kept, data))
	tfacc.Says(t, plan(t, w), "forces replacement", "1 to add, 0 to change, 2 to destroy",
		"which is lost (burnt)", "The data of its local disks is lost")
	w.Configure(t, configured("error", instance("kept", name+"-kept", `on_host_change = "error"`)))
	tfacc.Says(t, w.Fails(t, "plan"), "Host is lost", `on_host_change = "error" does not let another one`)
	w.Configure(t, configured("error", kept, data))
	tfacc.Says(t, w.Apply(t), "1 added, 0 changed, 2 destroyed", `"kvm3" = tolist(null)`)
	w.EmptyPlan(t)
	if again, on := is("kept"); again == id || on != "kvm2" {
		t.Errorf("it was %s, and is %s on %s", id, again, on)
	}

	// It comes back, with domains that are no instances any more.
	admin.Configure(t, provider("keep"))
	tfacc.Says(t, admin.Fails(t, "plan"), "Host does not answer", "Host kvm3 is lost, and stays so until it answers")
	third.Mend()
	tfacc.Says(t, admin.Apply(t), "Host has superseded domains", name+"-kept", "the instance is on host kvm2 now",
		"Host has domains without a placement", name+"-gone", "0 added, 0 changed, 1 destroyed")
	tfacc.Says(t, w.Apply(t), `"`+name+`-kept",`)
	w.EmptyPlan(t)
	if has := domains(t, hosts["kvm3"], name); !slices.Equal(has, []string{name + "-gone", name + "-kept"}) {
		t.Errorf("host kvm3 has %q", has)
	}
	for _, domain := range []string{"-gone", "-kept"} {
		if state := fact(t, hosts["kvm3"], name+domain, "State"); state != "shut off" {
			t.Errorf("%s is %s", domain, state)
		}
		hosts["kvm3"].Virsh(t, "undefine", name+domain, "--remove-all-storage")
	}
	w.Destroy(t)
	admin.Destroy(t)
	for key, h := range hosts {
		for _, prefix := range []string{"nova.placement.", "nova.host."} {
			if left := filesOf(t, h, prefix); len(left) > 0 {
				t.Errorf("host %s has %q", key, left)
			}
		}
	}
}

// In the apply that changes a host's state, instances are changed as planned, and do not move yet.
func TestAccTheApplyThatEmptiesAHostMovesNothing(t *testing.T) {
	shared, name := acctest.RequireHost(t), tfacc.Name("twice")
	t.Parallel()
	var provider strings.Builder
	provider.WriteString("provider \"novacron\" {\n  hosts = {\n")
	for _, key := range []string{"kvm1", "kvm2"} {
		const block = "    %s = { uri = %q, overcommit = { vcpus = 100, memory = 4 } }\n"
		fmt.Fprintf(&provider, block, key, shared.Own(t, "two-"+key).URI)
	}
	provider.WriteString("  }\n  catalog = { host = \"kvm1\" }\n}\n")
	fixed := provider.String() + shop(name, blankImage(t))
	maintained := func(state string) string {
		return tfconfig.Host{Meta: tfconfig.Meta{Label: "it"}, Name: "kvm2", State: state}.String()
	}
	it := func(settings ...string) string {
		return instance("it", name, append(settings, `power_state = "stopped"`, `wait_for = []`,
			`depends_on = [novacron_host.it]`)...)
	}
	w := tfacc.NewWorkspace(t, fixed+maintained("active")+it(`placement = { hosts = ["kvm2"] }`))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	w.Configure(t, fixed+maintained("active")+it())
	w.Apply(t)
	w.Configure(t, fixed+maintained("maintenance")+it(`description = "changed"`))
	tfacc.Says(t, w.Apply(t), "Instances will be moved", "Host kvm2 has 1 instance of tenant",
		"This apply does not move", "0 added, 2 changed, 0 destroyed")
	if on := stateOf(t, w, "novacron_instance.it")["placed_on"]; on != "kvm2" {
		t.Errorf("it is on %v", on)
	}
	tfacc.Says(t, w.Apply(t), `"kvm2" -> (known after apply)`, "Instance will be moved",
		"0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	if on := stateOf(t, w, "novacron_instance.it")["placed_on"]; on != "kvm1" {
		t.Errorf("it is on %v", on)
	}
	// Back to active together with a change: what was planned before stays so, too.
	w.Configure(t, fixed+maintained("active")+it(`description = "changed again"`))
	tfacc.Says(t, w.Apply(t), "0 added, 2 changed, 0 destroyed")
	w.EmptyPlan(t)
}

// plan is what a plan says that has to succeed.
func plan(t *testing.T, w *tfacc.Workspace) string {
	t.Helper()
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}
