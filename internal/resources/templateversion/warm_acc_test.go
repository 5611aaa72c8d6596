package templateversion_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// The plan reports what a warm snapshot cannot have, at warm.
func TestAccWarmSnapshotThatCannotBeIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("nowarm")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := fromPath(tfacc.EmptyImage(t, "16M"))
	shop := library(pool, name) + version("there", "1.0.0", image)
	w := tfacc.NewWorkspace(t, shop)
	t.Cleanup(func() {
		w.Configure(t, shop)
		w.Destroy(t)
	})
	w.Apply(t)
	refusals := w.Refusals(shop)
	const at = `resource "novacron_template_version" "it":`
	for _, c := range []struct {
		mistake, settings string
		says              []string
	}{
		{"too long", `warm = { settle_seconds = 3601 }`,
			[]string{"Value out of range", at, "warm.settle_seconds: 3601 is not between 0 and 3600"}},
		{"negative", `warm = { settle_seconds = -1 }`,
			[]string{"Value out of range", at, "warm.settle_seconds: -1 is not between 0 and 3600"}},
		{"empty command", `warm = { seal_commands = ["true", " "] }`,
			[]string{"Empty command", at, "warm.seal_commands: Element 1 runs nothing"}},
		{"null command", `warm = { resume_commands = [null] }`,
			[]string{"Empty command", at, "warm.resume_commands: Element 0 runs nothing"}},
		{"profile", `warm = { hardware_profile = { memory_mb = 1 } }`,
			[]string{"Value out of range", at, "warm.hardware_profile.memory_mb: 1 is not between"}},
		{"EFI", `warm = { hardware_profile = { firmware = "efi" } }`,
			[]string{"EFI cannot be resumed", at, "warm.hardware_profile.firmware: ", "use bios, or leave warm out"}},
		{"EFI of the version", "hardware_profile = { firmware = \"efi\" }\n  warm = { settle_seconds = 0 }",
			[]string{"EFI cannot be resumed", at, "warm", "use bios, or leave warm out"}},
		{"GPU", `warm = { hardware_profile = { gpu_count = 1, gpu_type = "10de:1eb8" } }`,
			[]string{"GPUs cannot be resumed", at, "warm.hardware_profile.gpu_count: "}},
	} {
		refusals.Add(c.mistake, version("it", "2.0.0", image, c.settings), c.says...)
	}
	refusals.Check(t)
	// So does the plan of a version that exists, and of one whose template changes.
	efi := func(template, settings string) {
		t.Helper()
		w.Configure(t, library(pool, name, template)+version("there", "1.0.0", image, settings))
		tfacc.Says(t, w.Fails(t, "plan"), "EFI cannot be resumed", `resource "novacron_template_version" "there":`,
			"warm.hardware_profile.firmware: ")
	}
	efi("", `warm = { hardware_profile = { firmware = "efi" } }`)
	efi(`hardware_profile = { firmware = "efi" }`, "state = \"draft\"\n  warm = { settle_seconds = 0 }")
	// What is not known yet waits for the apply.
	later := "resource \"terraform_data\" \"later\" {\n  input = 3601\n}\n"
	w.Configure(t, later+library(pool, name)+version("there", "1.0.0", image,
		`warm = { settle_seconds = terraform_data.later.output, seal_commands = [terraform_data.later.id] }`))
	if out, err := w.Run(t.Context(), "plan"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Value out of range", "3601 is not between 0 and 3600")
	// An object with nothing in it is what a misspelled name leaves.
	w.Configure(t, shop+version("empty", "3.0.0", image, `warm = {}`))
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "Warning: Nothing is set", "To set nothing on purpose, write one of them with its default")
}

// noNetwork is a setting of a version whose guests cannot be started, so that no snapshot can be
// made of them.
func noNetwork(name string) string {
	return fmt.Sprintf("network_profile = { interfaces = { eth0 = { network = %q } } }", name)
}

// A snapshot that cannot be made is a warning, and does not make every plan try again. Each change
// of the version does.
func TestAccAVersionLivesWithoutItsSnapshot(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("failed")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := fromPath(tfacc.EmptyImage(t, "16M"))
	config := func(settings ...string) string {
		return library(pool, name) + version("it", "1.0.0", image, append(settings, noNetwork(name+"-net"))...) +
			"data \"novacron_template_version\" \"it\" {\n  template_id = novacron_template.it.id\n  depends_on = [" +
			address + "]\n}\ndata \"novacron_template_versions\" \"it\" {\n  template_id = novacron_template.it.id\n" +
			"  depends_on = [" + address + "]\n}\noutput \"told\" {\n  value = [data.novacron_template_version.it." +
			"warm_snapshot.state, data.novacron_template_versions.it.versions[0].warm.settle_seconds]\n}\n"
	}
	w := tfacc.NewWorkspace(t, config(`warm = { settle_seconds = 1 }`))
	t.Cleanup(func() { w.Destroy(t) })
	failed := []string{"Warning: Warm snapshot not made", "warm = ", "because it could not be made: making a warm " +
		"snapshot, step start: ", name + "-net", `boot instead, unless their on_no_warm is "fail"`, "the next " +
		"change of the version tries again"}
	tfacc.Says(t, w.Apply(t), append(failed, "2 added", "told = [", `"failed"`, "1,")...)
	tfacc.Says(t, w.Show(t, address), "warm_snapshot = {", `error = "Making a warm snapshot, step start: `,
		`state = "failed"`)
	w.EmptyPlan(t)
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "No changes", "Warning: No warm snapshot", "warm = ", "the next change of the version tries "+
		"again")
	if got := partsOfSnapshots(t, host, pool); !slices.Equal(got, []string{"json"}) {
		t.Errorf("the pool has the parts %q, and should have a document that says what failed", got)
	}

	w.Configure(t, config(`warm = { settle_seconds = 1 }`, `description = "try again"`))
	tfacc.Says(t, w.Apply(t), "~ warm_snapshot", "This plan tries again", failed[0], "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	w.Configure(t, config(`warm = { settle_seconds = 2 }`, `description = "try again"`))
	tfacc.Says(t, w.Apply(t), "will be updated in-place", "1 -> 2", "~ warm_snapshot", failed[0], "1 changed")
	w.EmptyPlan(t)

	// A version that does not ask for a snapshot has none.
	w.Configure(t, strings.ReplaceAll(strings.ReplaceAll(config(`description = "try again"`),
		"data.novacron_template_version.it.warm_snapshot.state", "data.novacron_template_version.it.warm_snapshot"),
		"versions[0].warm.settle_seconds", "versions[0].warm"))
	tfacc.Says(t, w.Apply(t), "- warm =", "- warm_snapshot", "1 changed")
	w.EmptyPlan(t)
	if out := w.Show(t, address); strings.Contains(out, "warm") {
		t.Errorf("the version has\n%s", out)
	}
	if got := partsOfSnapshots(t, host, pool); len(got) > 0 {
		t.Errorf("the pool has the parts %q", got)
	}
}

// What another configuration does to warm is drift, and an import takes warm over.
func TestAccWarmOfOthersIsDrift(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("drift")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := fromPath(tfacc.EmptyImage(t, "16M"))
	config := func(warm string) string {
		return library(pool, name) + version("it", "1.0.0", image, warm, noNetwork(name+"-net"))
	}
	const ours = `warm = { seal_commands = ["systemctl stop app"], hardware_profile = { memory_mb = 64 } }`
	w := tfacc.NewWorkspace(t, config(ours))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)

	theirs := tfacc.NewWorkspace(t, config(ours)+imports(name, name+"@1.0.0"))
	t.Cleanup(func() {
		if out, err := theirs.Run(context.Background(), "state", "rm", "novacron_template.it", address); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	plan, err := theirs.Run(t.Context(), "plan")
	if err != nil || strings.Contains(tfacc.Prose(plan), "~ warm =") || strings.Contains(plan, "+ warm") {
		t.Errorf("an import plans to change warm: %v\n%s", err, plan)
	}
	theirs.Configure(t, config(`warm = { seal_commands = ["true"], resume_commands = ["true"] }`)+
		imports(name, name+"@1.0.0"))
	tfacc.Says(t, theirs.Apply(t), "2 imported, 0 added, 1 changed")

	plan, err = w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, plan)
	}
	tfacc.Says(t, plan, "will be updated in-place", "~ warm = {", "+ hardware_profile", `"true" -> "systemctl stop `+
		`app"`, "1 to change")
	w.Apply(t)
	w.EmptyPlan(t)

	theirs.Configure(t, config(``)+imports(name, name+"@1.0.0"))
	theirs.Apply(t)
	plan, err = w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, plan)
	}
	tfacc.Says(t, plan, "will be updated in-place", "+ warm = {", "+ warm_snapshot = (known after apply)")
}
