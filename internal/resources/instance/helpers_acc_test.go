package instance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/library"
)

// blankImage makes an image that nothing boots from: its guest runs, costs nothing, and hears nobody.
func blankImage(t *testing.T) string {
	t.Helper()
	return emptyImage(t, "16M")
}

// emptyImage makes an image of a virtual size that has nothing on it.
func emptyImage(t *testing.T, size string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "empty.qcow2")
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", path, size).CombinedOutput(); err != nil {
		t.Fatalf("making an empty image: %v\n%s", err, out)
	}
	return path
}

// shop is the configuration of a template "it" with a version 1.0.0 of that image, which takes a hostname.
func shop(name, image string) string {
	return shopOf(name, image, `hostname = { type = "string" }`)
}

// shopOf is a shop whose template declares these parameters.
func shopOf(name, image, parameters string) string {
	return fmt.Sprintf(`
resource "novacron_template" "it" {
  name             = %q
  hardware_profile = { memory_mb = 128 }
  parameters       = { %s }
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "1.0.0"
  source      = { path = %q }
}
`, name, parameters, image)
}

// instance is the configuration of an instance of the shop's version.
func instance(label, name string, settings ...string) string {
	return fmt.Sprintf(`
resource "novacron_instance" %q {
  name        = %q
  template_id = novacron_template.it.id
  version     = novacron_template_version.it.version
  %s
}
`, label, name, strings.Join(settings, "\n  "))
}

// leavesNothing checks, after everything was destroyed, that nothing with marker in its name is left on the host.
func leavesNothing(t *testing.T, host *acctest.Host, marker string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if left := host.Leftovers(t, library.DefaultPool, marker); len(left) > 0 {
			return fmt.Errorf("left over: %q", left)
		}
		return nil
	}
}

// onHost checks facts of the host after a step.
func onHost(check func()) resource.TestCheckFunc {
	return func(*terraform.State) error {
		check()
		return nil
	}
}

// planned expects what the plan does with the instance "it".
func planned(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("novacron_instance.it", action)}}
}

// guestSays runs a program in a guest through its agent and returns what it printed.
func guestSays(t *testing.T, host *acctest.Host, domain string, command ...string) string {
	t.Helper()
	agent := guestAgent(t, host, domain)
	result, err := agent.Exec(t.Context(), command[0], command[1:]...)
	if err != nil || result.ExitCode != 0 {
		t.Fatalf("in guest %s, %q: %v, exit status %d: %s", domain, command, err, result.ExitCode, result.Stderr)
	}
	return strings.TrimSpace(result.Stdout)
}

// backingOf is the backing file of a disk of the host, as qemu-img sees it; "" for none.
func backingOf(t *testing.T, host *acctest.Host, disk string) string {
	t.Helper()
	var chain []struct {
		Backing string `json:"full-backing-filename"`
	}
	out := host.Exec(t, "qemu-img", "info", "--force-share", "--backing-chain", "--output=json", disk)
	if err := json.Unmarshal([]byte(out), &chain); err != nil || len(chain) == 0 {
		t.Fatalf("qemu-img info of %s: %v\n%s", disk, err, out)
	}
	if hasBase := chain[0].Backing != ""; hasBase != (len(chain) == 2) {
		t.Fatalf("the backing chain of %s has %d links:\n%s", disk, len(chain), out)
	}
	return chain[0].Backing
}

// diskPath is where the host keeps a disk of an instance of the default tenant.
func diskPath(instance, disk string) string {
	return "/var/lib/libvirt/novacron/nova.disk.default." + instance + "." + disk + ".qcow2"
}

// domains lists the domains of the host, running or not, whose names have the marker in them.
func domains(t *testing.T, host *acctest.Host, marker string) []string {
	t.Helper()
	var names []string
	for _, name := range strings.Fields(host.Virsh(t, "list", "--all", "--name")) {
		if strings.Contains(name, marker) {
			names = append(names, name)
		}
	}
	return names
}

// fact asks virsh for a line "Key: value" about a domain.
func fact(t *testing.T, host *acctest.Host, domain, key string) string {
	t.Helper()
	for line := range strings.Lines(host.Virsh(t, "dominfo", domain)) {
		if name, value, _ := strings.Cut(line, ":"); name == key {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("virsh dominfo %s has no %q", domain, key)
	return ""
}

// prose is Terraform's output as one line, without the frames and line breaks of its diagnostics.
func prose(output string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(output)), " ")
}

// noise is what a user has no use for: Go's own formats, and names from below.
var noise = regexp.MustCompile(`%!|<nil>|panic|goroutine|rpc error|0x[0-9a-f]{4,}|context (canceled|deadline exceeded)|&\{|map\[|` +
	`basetypes|tftypes|go-libvirt|catalog\.|\berrno\b|EOF`)

// says checks that Terraform's output has all of the phrases, in this order, and no noise.
func says(t *testing.T, output string, phrases ...string) {
	t.Helper()
	text := prose(output)
	if found := noise.FindString(text); found != "" {
		t.Errorf("%q is nothing to tell a user:\n%s", found, output)
	}
	rest := text
	for _, phrase := range phrases {
		_, after, found := strings.Cut(rest, phrase)
		if !found {
			t.Errorf("%q is not said, or not after what should come before it:\n%s", phrase, output)
			return
		}
		rest = after
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
