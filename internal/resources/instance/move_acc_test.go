package instance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A change of the placement moves an instance to another host, with all that its guest has written.
func TestAccAnInstanceIsMovedToAnotherHost(t *testing.T) {
	shared, name := acctest.RequireHost(t), tfacc.Name("move")
	t.Parallel()
	hosts := map[string]*acctest.Host{}
	var provider strings.Builder
	provider.WriteString("provider \"novacron\" {\n  hosts = {\n")
	for _, key := range []string{"kvm1", "kvm2"} {
		hosts[key] = shared.Own(t, "move-"+key)
		const block = "    %s = { uri = %q, labels = { rack = %q }, overcommit = { vcpus = 100, memory = 4 } }\n"
		fmt.Fprintf(&provider, block, key, hosts[key].URI, key[3:])
	}
	provider.WriteString("  }\n  catalog = { host = \"kvm1\" }\n}\n")
	fixed := provider.String() + shop(name, acctest.TinyImage(t))
	domain := name + "-it"
	configured := func(settings ...string) string {
		return fixed + instance("it", domain, append(settings, `wait_for = ["agent"]`,
			`storage_profile = { disks = { data = { size_gb = 1 } } }`)...)
	}
	const onFirst, onSecond = `placement = { hosts = ["kvm1"] }`, `placement = { hosts = ["kvm2"] }`
	w := tfacc.NewWorkspace(t, configured(onFirst))
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Apply(t), "3 added")
	before := stateOf(t, w, "novacron_instance.it")
	const place = "$(($(cat /sys/block/vda/size) - 8))" // near the end of the system disk, where nothing is
	guestSays(t, hosts["kvm1"], domain, "/bin/sh", "-c", "printf data >/dev/vdb && "+
		"printf system | dd of=/dev/vda bs=512 seek="+place+" conv=sync && sync")
	devices, cards := places(t, hosts["kvm1"], domain), nicsOf(t, hosts["kvm1"], domain, "--inactive")

	// What the plan says.
	for settings, says := range map[string][]string{
		`on_host_change = "error"`: {
			"Instance is on another host", "is on host kvm1", "not among placement.hosts", "set on_host_change",
		},
		`allow_restart = false`: {"Move requires a restart", "allow_restart = false forbids"},
		`hardware_profile = { memory_mb = 4194304 }`: {
			"No host takes the instance", "kvm1: not among placement.hosts", "kvm2: ", "MiB of memory short",
		},
	} {
		w.Configure(t, configured(onSecond, settings))
		tfacc.Says(t, w.Fails(t, "plan"), says...)
	}
	plan := func(settings ...string) string {
		t.Helper()
		w.Configure(t, configured(settings...))
		out, err := w.Run(t.Context(), "plan")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	tfacc.Says(t, plan(onSecond, `on_host_change = "replace"`), "forces replacement",
		"1 to add, 0 to change, 1 to destroy")
	tfacc.Says(t, plan(onSecond), `"kvm1" -> "kvm2"`, "0 to add, 1 to change, 0 to destroy", "Instance will be moved",
		"is on host kvm1", "moves it to host kvm2", "MiB of disks", "shut down for as long as that takes")

	moved := func(to, from string) {
		t.Helper()
		w.EmptyPlan(t)
		after := stateOf(t, w, "novacron_instance.it")
		for _, attribute := range []string{"id", "mac_addresses"} {
			if fmt.Sprint(after[attribute]) != fmt.Sprint(before[attribute]) {
				t.Errorf("%s was %v, and is %v", attribute, before[attribute], after[attribute])
			}
		}
		if after["placed_on"] != to || after["status"] != "running" {
			t.Errorf("it is on %v and %v", after["placed_on"], after["status"])
		}
		const said = "datasystem"
		if got := guestSays(t, hosts[to], domain, "/bin/sh", "-c", "head -c 4 /dev/vdb; "+
			"dd if=/dev/vda bs=512 skip="+place+" count=1 | head -c 6"); got != said {
			t.Errorf("on %s, the guest has %q, want %q", to, got, said)
		}
		if got := places(t, hosts[to], domain); !maps.Equal(got, devices) {
			t.Errorf("its devices were at %v, and are at %v", devices, got)
		}
		if got := nicsOf(t, hosts[to], domain, "--inactive"); !slices.Equal(got, cards) {
			t.Errorf("its interfaces were %v, and are %v", cards, got)
		}
		if left := domains(t, hosts[from], name); len(left) > 0 {
			t.Errorf("host %s has the domains %q", from, left)
		}
		for _, prefix := range []string{"nova.disk.", "nova.seed.", "nova.console."} {
			if left := filesOf(t, hosts[from], prefix); len(left) > 0 {
				t.Errorf("host %s has %q", from, left)
			}
		}
	}
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	moved("kvm2", "kvm1")

	// Together with another change, and for another reason.
	w.Configure(t, configured(`placement = { require = { rack = "1" } }`, `hardware_profile = { memory_mb = 192 }`,
		`autostart = true`))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	moved("kvm1", "kvm2")
	if memory, autostart := fact(t, hosts["kvm1"], domain, "Max memory"), fact(t, hosts["kvm1"], domain,
		"Autostart"); memory != "196608 KiB" || autostart != "enable" {
		t.Errorf("it has %s, and autostart is %s", memory, autostart)
	}

	// An instance that is off stays off.
	w.Configure(t, configured(onFirst, `power_state = "stopped"`))
	w.Apply(t)
	tfacc.Says(t, plan(onSecond, `power_state = "stopped"`), "Instance will be moved", "The guest is off.")
	w.Apply(t)
	w.EmptyPlan(t)
	if state := fact(t, hosts["kvm2"], domain, "State"); state != "shut off" {
		t.Errorf("it is %s", state)
	}

	w.Destroy(t)
	for key, h := range hosts {
		if left := domains(t, h, name); len(left) > 0 {
			t.Errorf("host %s has the domains %q", key, left)
		}
		if left := filesOf(t, h, "nova.disk."); len(left) > 0 {
			t.Errorf("host %s has %q", key, left)
		}
		if left := filesOf(t, h, "nova.placement."); len(left) > 0 {
			t.Errorf("host %s has %q", key, left)
		}
	}
}
