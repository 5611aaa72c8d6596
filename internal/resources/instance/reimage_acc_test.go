package instance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// An instance stays at its version, reports a newer one, and moves to it when its user says so:
// with a new system disk and everything else as it was.
func TestAccAnotherVersionIsANewSystemDisk(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("reimage")
	t.Parallel()
	image, domain := acctest.TinyImage(t), name+"-it"
	shop := shop(name, image)
	w := newWorkspace(t, host, name, shop)
	newer, versions := anotherVersion("newer", "1.1.0", image), []string{"novacron_template_version.it"}
	config := func(version, hostname string, more ...string) string {
		more = append(more, "depends_on = ["+strings.Join(versions, ", ")+"]")
		return fmt.Sprintf(`
resource "novacron_instance" "it" {
  name              = %q
  template_id       = novacron_template.it.id
  version           = %q
  parameters        = { hostname = %q }
  storage_profile   = { disks = { system = {}, data = { size_gb = 1 } } }
  wait_for          = ["agent", "ip"]
  on_version_change = "reimage"
  %s
}
`, domain, version, hostname, strings.Join(more, "\n  "))
	}
	w.Configure(t, shop+config("~> 1.0", "before"))
	w.Apply(t)
	before := stateOf(t, w.Workspace, "novacron_instance.it")
	if before["update_available"] != nil || before["resolved_version"] != "1.0.0" {
		t.Errorf("the instance has version %v, and %v is newer", before["resolved_version"], before["update_available"])
	}
	guestSays(t, host, domain, "/bin/sh", "-c", "printf kept >/dev/vdb && sync && printf lost >/lost && sync")

	versions = append(versions, "novacron_template_version.newer")
	w.Configure(t, shop+newer+config("~> 1.0", "before"))
	w.Apply(t)
	w.EmptyPlan(t)
	w.Apply(t) // which records what the refresh has found
	told := stateOf(t, w.Workspace, "novacron_instance.it")
	if told["update_available"] != "1.1.0" || told["resolved_version"] != "1.0.0" {
		t.Errorf("the instance has version %v, and %v is newer", told["resolved_version"], told["update_available"])
	}

	w.Configure(t, shop+newer+config("~> 1.1", "after", "allow_restart = false"))
	tfacc.Says(t, w.Fails(t, "plan"), "Change requires a restart", "with novacron_instance.it", `version = "~> 1.1"`,
		"allow_restart = false forbids")
	w.Configure(t, shop+newer+config("~> 1.1", "after"))
	tfacc.Says(t, w.Apply(t), "will be updated in-place", "Warning: System disk will be replaced",
		"from version 1.0.0 to 1.1.0", "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	after := stateOf(t, w.Workspace, "novacron_instance.it")
	for _, same := range []string{"id", "domain_name", "ip_address", "image_digest", "status"} {
		if after[same] != before[same] {
			t.Errorf("%s was %v and is %v", same, before[same], after[same])
		}
	}
	if was, is := fmt.Sprint(before["mac_addresses"]), fmt.Sprint(after["mac_addresses"]); was != is {
		t.Errorf("the MAC addresses were %s and are %s", was, is)
	}
	if after["resolved_version"] != "1.1.0" || after["update_available"] != nil {
		t.Errorf("the instance has version %v, and %v is newer", after["resolved_version"], after["update_available"])
	}
	if fmt.Sprint(after["provisioning"]) == fmt.Sprint(before["provisioning"]) {
		t.Error("how the instance was made anew is not told")
	}
	if got := guestSays(t, host, domain, "/bin/sh", "-c", "hostname; head -c 4 /dev/vdb; echo; cat /lost 2>/dev/null "+
		"|| echo gone"); got != "after\nkept\ngone" {
		t.Errorf("the guest says %q", got)
	}
	if exists(host.HostPath(diskPath(domain, "system"))) {
		t.Error("the old system disk is still there")
	}
	if base := backingOf(
		t, host, diskPath(domain, "system.1.1.0"),
	); !strings.HasPrefix(base, "/var/lib/libvirt/novacron/nova.base.") {
		t.Errorf("the new system disk hangs on %q", base)
	}

	// A version may ask for what only another instance can have.
	versions = append(versions, "novacron_template_version.ssd")
	newer += anotherVersion("ssd", "2.0.0", image, `storage_profile = { disks = { system = { type = "ssd" } } }`)
	w.Configure(t, shop+newer+config("~> 1.1", "after"))
	w.Apply(t)
	w.Configure(t, shop+newer+config("2.0.0", "after"))
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "must be replaced", "Warning: Instance will be replaced", `storage_profile.disks["system"].type`)
}

// A full clone that is off gets another image, and stays off. The image may be smaller than the old
// disk.
func TestAccAStoppedFullCloneIsReimaged(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("offimage")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, tfacc.EmptyImage(t, "32M"))+anotherVersion("small", "0.9.0",
		tfacc.EmptyImage(t, "16M")))
	config := func(version string) {
		w.instances(t, fmt.Sprintf(`
resource "novacron_instance" "it" {
  name              = %q
  template_id       = novacron_template.it.id
  version           = %s
  strategy          = "clone"
  power_state       = "stopped"
  on_version_change = "reimage"
  allow_restart     = false
}
`, name, version))
	}
	config("novacron_template_version.it.version")
	w.Apply(t)
	config("novacron_template_version.small.version")
	tfacc.Says(t, w.Apply(t), "Warning: System disk will be replaced", "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	if state := fact(t, host, name, "State"); state != "shut off" {
		t.Errorf("the instance is %s", state)
	}
	for disk, there := range map[string]bool{"system": false, "system.0.9.0": true} {
		if exists(host.HostPath(diskPath(name, disk))) != there {
			t.Errorf("disk %s is there: %t, want %t", disk, !there, there)
		}
	}
	tfacc.Says(t, host.Exec(t, "qemu-img", "info", diskPath(name, "system.0.9.0")), "virtual size: 16 MiB")
}
