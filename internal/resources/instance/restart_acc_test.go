package instance_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

func TestAccARestartIsAnnouncedAllowedAndDone(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("restart")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, acctest.TinyImage(t)))
	domain := name + "-it"
	config := func(settings ...string) {
		w.instances(t, instance("it", domain, append(settings, `wait_for = ["agent"]`)...))
	}
	const larger = `hardware_profile = { memory_mb = 192, cpu_cores = 2 }`
	config()
	w.Apply(t)
	before := guestMemory(t, host, domain)

	config(larger, `allow_restart = false`)
	tfacc.Says(t, w.Fails(t, "plan"), "Change requires a restart", "with novacron_instance.it",
		"hardware_profile = { memory_mb = 192", "which allow_restart = false forbids", `power_state = "stopped"`)
	config(larger)
	out := w.Apply(t)
	tfacc.Says(t, out, "will be updated in-place", "Warning: Instance will be restarted",
		"shuts the guest down gracefully", "0 added, 1 changed, 0 destroyed")
	if after := guestMemory(t, host, domain); after-before < 48<<10 || after-before > 80<<10 {
		t.Errorf("the guest had %d KiB and now has %d, want 64 MiB more", before, after)
	}
	if cpus := guestSays(t, host, domain, "/bin/nproc"); cpus != "2" {
		t.Errorf("the guest has %s processors, want 2", cpus)
	}
	w.EmptyPlan(t)

	// An instance that does not run is not restarted.
	config(`power_state = "stopped"`, `allow_restart = false`)
	if out := w.Apply(t); strings.Contains(out, "restart of instance") {
		t.Errorf("a restart is announced:\n%s", out)
	}
	if kib := fact(t, host, domain, "Max memory"); kib != "131072 KiB" {
		t.Errorf("the stopped instance has %s, want 128 MiB", kib)
	}
	w.EmptyPlan(t)

	// Forgotten and imported, the instance stays what it is.
	for _, args := range [][]string{
		{"state", "rm", "novacron_instance.it"},
		{"import", "novacron_instance.it", "default/" + domain},
	} {
		if out, err := w.Run(t.Context(), args...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args, err, out)
		}
	}
	uuid := fact(t, host, domain, "UUID")
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	if now := fact(t, host, domain, "UUID"); now != uuid {
		t.Errorf("the import made domain %s of %s", now, uuid)
	}
}

// guestMemory is what the guest has, in KiB.
func guestMemory(t *testing.T, host *acctest.Host, domain string) int {
	t.Helper()
	for line := range strings.Lines(guestSays(t, host, domain, "/bin/cat", "/proc/meminfo")) {
		if columns := strings.Fields(line); len(columns) > 1 && columns[0] == "MemTotal:" {
			kib, err := strconv.Atoi(columns[1])
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatal("/proc/meminfo has no MemTotal")
	return 0
}
