package instance_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// resumed is an instance of the shop's version that is to be resumed. Nothing is waited for.
func resumed(label string, name tfconfig.Value, settings ...string) tfconfig.Instance {
	i := clone(label, name)
	i.Strategy, i.WaitFor, i.Settings = "instantiate", []string{}, settings
	i.Timeouts = &tfconfig.Timeouts{Update: "30s", Delete: "5s"} // a blank guest does not shut down
	return i
}

// sealedAs is a warm snapshot that no other test shares: the pool has one for all that ask for the
// same.
func sealedAs(name string) tfconfig.Warm {
	return tfconfig.Warm{SealCommands: []tfconfig.Value{"touch /" + name}}
}

// warmOf is the shop's version with a warm snapshot.
func warmOf(image string, warm tfconfig.Warm, settings ...string) tfconfig.Version {
	v := release(image)
	v.Warm, v.Settings = &warm, settings
	return v
}

// The plan reports what a resumed guest cannot have, and what becomes of an instance whose version
// has no snapshot.
func TestAccWhatCannotBeResumedIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("resume")
	t.Parallel()
	image := blankImage(t)
	w := newWorkspace(t, host, name, shop(name, image))
	const at = `resource "novacron_instance" "it":`
	refusals := w.Refusals(w.shop)
	for _, c := range []struct {
		mistake, settings string
		says              []string
	}{
		{"no snapshot", `on_no_warm = "fail"`, []string{"No warm snapshot", at, "strategy", `Version "default/` + name +
			`@1.0.0" has no warm snapshot: set ` + "`warm` on it", `set on_no_warm to "boot"`}},
		{"not running", `power_state = "stopped"`, []string{"Resumed guests run", at, "power_state", "start it, or " +
			"use another strategy, such as linked_clone"}},
		{"no such word", `on_no_warm = "wait"`, []string{"Invalid Attribute Value", at, `"boot"`, `"fail"`}},
	} {
		refusals.Add(c.mistake, resumed("it", name+"-it", c.settings).String(), c.says...)
	}
	refusals.Check(t)

	// The same plan gives the version a snapshot, so instances need its machine, and may not boot.
	warm := tfconfig.Render(template(name), warmOf(image, sealedAs(name)))
	refusals = w.Refusals(warm)
	for _, c := range []struct {
		mistake, settings string
		says              []string
	}{
		{"memory", `hardware_profile = { memory_mb = 256 }`, []string{"Snapshot has other hardware", at,
			"hardware_profile.memory_mb: A resumed guest has the memory of its snapshot (128 MiB), not 256 MiB"}},
		{"processor", `hardware_profile = { cpu_cores = 2 }`, []string{
			"Snapshot has other hardware", at,
			"hardware_profile.cpu_cores: A resumed guest has the cores of its snapshot (1)",
		}},
		{"EFI", `hardware_profile = { firmware = "efi" }`, []string{"Snapshot has other hardware", at,
			"hardware_profile.firmware: A resumed guest has the firmware of its snapshot (bios), not efi"}},
		{"another interface", `network_profile = { interfaces = { eth0 = { type = "e1000" } } }`, []string{
			"Snapshot has another interface", at, `"eth0" is of the type virtio, not e1000`}},
		{"another disk", `storage_profile = { disks = { system = { type = "hdd" } } }`, []string{
			"Snapshot has another disk", at, "of the type of its snapshot's (none), not hdd"}},
	} {
		refusals.Add(c.mistake, resumed("it", name+"-it", c.settings, `on_no_warm = "fail"`).String(), c.says...)
	}
	refusals.Check(t)
	w.Configure(t, warm+resumed("it", name+"-it", `on_no_warm = "fail"`,
		`network_profile = { interfaces = { eth0 = {}, eth1 = { type = "e1000" } } }`,
		`storage_profile = { disks = { system = { size_gb = 1 }, data = { size_gb = 1 } } }`,
		"customization = {\n    user_data = \"#cloud-config\\nbootcmd: [[modprobe, br_netfilter]]\\n\"\n    files = { "+
			"\"/etc/default/grub.d/50-console.cfg\" = { content = \"\" } }\n  }").String())
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Errorf("an instance with more than the snapshot is refused: %v\n%s", err, out)
	}
	tfacc.Says(t, out, "1 to add, 1 to change", "Warning: Resumed guests do not boot", "customization", "bootcmd "+
		"has its effect only at a boot")
	w.Configure(t, w.shop)
}

// An instance that cannot be resumed boots, unless its user has excluded that, and is like a linked
// clone from then on.
func TestAccAGuestThatCannotBeResumedBoots(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("boots")
	t.Parallel()
	image, domain := blankImage(t), name+"-it"
	w := newWorkspace(t, host, name, shop(name, image))
	apply := func(says ...string) string {
		t.Helper()
		out := w.Apply(t)
		tfacc.Says(t, out, says...)
		w.EmptyPlan(t)
		return out
	}
	w.instances(t, resumed("it", domain).String())
	apply("Warning: Guest cannot be resumed", `strategy = "instantiate"`, "has no warm snapshot: set `warm` on it.",
		"The guest will boot instead", "Warning: Guest was booted",
		`The guest of instance "`+domain+`" was to be resumed`,
		`has no warm snapshot: set `+"`warm` on it.", "1 added")
	state := stateOf(t, w.Workspace, "novacron_instance.it")
	if state["strategy"] != "instantiate" || state["on_no_warm"] != "boot" || state["status"] != "running" {
		t.Errorf("the instance is %v", state)
	}
	if base := backingOf(t, host, diskPath(domain, "system")); !strings.Contains(base, "/nova.base.") {
		t.Errorf("the disk of a guest that has booted stands on %q, no image", base)
	}
	stays := resumed("it", domain)
	stays.TemplateID, stays.Version = "default/"+name, "1.0.0"
	w.Configure(t, template(name).String()+stays.String())
	tfacc.Says(t, w.Fails(t, "plan"), "Version is removed under its instance", domain)

	// What may happen to a new instance changes nothing about this one.
	w.instances(t, resumed("it", domain, `on_no_warm = "fail"`).String())
	apply("will be updated in-place", `~ on_no_warm = "boot" -> "fail"`, "0 added, 1 changed, 0 destroyed")
	w.instances(t, resumed("it", domain, `on_no_warm = "fail"`, `power_state = "stopped"`).String())
	apply("will be updated in-place", "0 added, 1 changed, 0 destroyed")

	// It is imported as what it is.
	for _, args := range [][]string{
		{"state", "rm", "novacron_instance.it"}, {"import", "novacron_instance.it", domain},
	} {
		if out, err := w.Run(t.Context(), args...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args, err, out)
		}
	}
	apply("will be updated in-place", `~ on_no_warm = "boot" -> "fail"`, "0 added, 1 changed, 0 destroyed")

	// Another system disk needs a boot in any case, and no snapshot.
	w.shop += anotherVersion("next", "1.1.0", image)
	next := resumed("it", domain, `on_no_warm = "fail"`, `power_state = "stopped"`, `on_version_change = "reimage"`)
	next.Version = tfconfig.Expr("novacron_template_version.next.version")
	w.instances(t, next.String())
	apply("will be updated in-place", "1 added, 1 changed, 0 destroyed")

	next.Strategy = "linked_clone"
	w.instances(t, next.String())
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "must be replaced", `"instantiate" -> "linked_clone" # forces replacement`)
}

// A snapshot that could not be made is announced to those who would be resumed from it, and
// instances do not try to make it again.
func TestAccASnapshotThatFailedIsAnnounced(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("cold")
	t.Parallel()
	v := warmOf(blankImage(t), sealedAs(name))
	v.Timeouts = &tfconfig.Timeouts{Create: "8s"} // a blank guest has no agent
	w := newWorkspace(t, host, name, tfconfig.Render(template(name), v))
	w.instances(t, resumed("it", name+"-it", `on_no_warm = "fail"`).String())
	tfacc.Says(t, w.Fails(t, "plan"), "Error: Guest cannot be resumed", `strategy = "instantiate"`, `The warm `+
		`snapshot of version "default/`+name+`@1.0.0" cannot be used, because it could not be made: `, `Set `+
		`on_no_warm to "boot"`)
	w.instances(t, resumed("it", name+"-it").String())
	tfacc.Says(t, w.Apply(t), "Warning: Guest cannot be resumed", "The guest will boot instead", "Warning: Guest "+
		"was booted",
		"it could not be made: ", "1 added")
	w.EmptyPlan(t)
}
