package instance_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

func TestAccGuestWithoutCloudInitIsNotWaitedForInVain(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("nocloud")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, acctest.TinyImage(t)))
	domain := name + "-it"
	w.instances(t, instance("it", domain, `wait_for = ["cloud_init"]`, `deletion_protection = true`))
	out := w.Fails(t, "apply", "-auto-approve")
	tfacc.Says(t, out, "Instance did not become ready", `with novacron_instance.it`, `Instance "`+domain+
		`" was not ready: condition "cloud_init" was not met after`,
		"last seen: a guest without cloud-init", "The end of the guest's console:", "tiny: ", "wait_for",
		"is kept so that you can look into it", "the next apply replaces it")
	unready := fact(t, host, domain, "UUID")

	// The configuration is corrected. Deletion protection does not keep an instance that was never
	// completed.
	w.instances(t, instance("it", domain, `power_state = "stopped"`))
	tfacc.Says(t, w.Apply(t), "novacron_instance.it is tainted, so must be replaced", "1 added, 0 changed, 1 destroyed")
	if uuid := fact(t, host, domain, "UUID"); uuid == unready {
		t.Errorf("the instance that was not ready, domain %s, was not replaced", uuid)
	}
	w.EmptyPlan(t)
}

func TestAccGuestThatGetsNoAddressIsShown(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("noip")
	t.Parallel()
	busy := template(name)
	busy.CloudInit = &tfconfig.CloudInit{UserData: "#cloud-config\nruncmd: [date]"}
	w := newWorkspace(t, host, name, tfconfig.Render(busy, release(blankImage(t))))
	domain := name + "-it"
	const soon = `timeouts {
	  create = "40s"
	  update = "40s"
	  delete = "5s"
	}`
	w.instances(t, instance("it", domain, soon))
	out := w.Fails(t, "apply", "-auto-approve")
	tfacc.Says(t, out, "Instance did not become ready", `condition "ip" was not met after`,
		"s; last seen: no DHCP lease, and no address from a guest agent", "timeouts to wait longer",
		"is kept so that you can look into it", "the next apply replaces it")

	w.instances(t, instance("it", domain, soon, `power_state = "stopped"`))
	tfacc.Says(t, w.Apply(t), "1 added, 0 changed, 1 destroyed")
	w.EmptyPlan(t)
	if found := domains(t, host, name); len(found) != 1 || fact(t, host, domain, "State") != "shut off" {
		t.Errorf("the host has the domains %q", found)
	}

	// An instance that was ready once stays, even if a later change fails. What its guest reports
	// ends the wait for an address.
	w.instances(t, instance("it", domain, `timeouts { update = "5m" }`))
	report := fmt.Sprintf("\nnovacron: customization of %s: failed: so and so.\n", fact(t, host, domain, "UUID"))
	console := host.HostPath("/var/lib/libvirt/novacron/nova.console.default." + domain + ".log")
	reported := make(chan error, 1)
	go func() { reported <- reportOnce(t.Context(), host, domain, console, report) }()
	out = w.Fails(t, "apply", "-auto-approve")
	if err := <-reported; err != nil {
		t.Fatal(err)
	}
	tfacc.Says(t, out, "Could not update instance", `condition "user_data" was not met after`,
		"last seen: a report of the guest: so and so", "A longer time does not help")
	if strings.Contains(tfacc.Prose(out), "the next apply replaces it") {
		t.Errorf("it is said to be replaced:\n%s", out)
	}
	w.instances(t, instance("it", domain, soon, `wait_for = []`))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
}

// reportOnce writes what a guest would to its console, as soon as the guest runs.
func reportOnce(ctx context.Context, host *acctest.Host, domain, console, report string) error {
	for ctx.Err() == nil {
		state, err := exec.CommandContext(ctx, "virsh", "--quiet", "--connect", host.URI, "domstate", domain).Output()
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(state)) == "running" { // its console is a new file
			file, err := os.OpenFile(console, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = file.WriteString(report)
			return errors.Join(err, file.Close())
		}
	}
	return ctx.Err()
}
