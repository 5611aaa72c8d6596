package instance_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// blankImage creates an image that nothing boots from: its guest runs, costs nothing, and hears
// nothing.
func blankImage(t *testing.T) string {
	t.Helper()
	return tfacc.EmptyImage(t, "16M")
}

// shop is the configuration of a template "it" with a version 1.0.0 of that image. The template
// takes a hostname.
func shop(name, image string) string { return tfconfig.Render(template(name), release(image)) }

// shopOf is a shop whose template declares these parameters.
func shopOf(name, image, parameters string) string {
	t := template(name)
	t.Parameters = tfconfig.Expr("{ " + parameters + " }")
	return tfconfig.Render(t, release(image))
}

// template is the shop's template. An emulated guest boots sooner on an older processor.
func template(name string) tfconfig.Template {
	return tfconfig.Template{
		Name:            name,
		HardwareProfile: &tfconfig.Hardware{CPUType: "Nehalem", MemoryMB: 128},
		Parameters:      map[string]tfconfig.Parameter{"hostname": {Type: "string"}},
	}
}

// release is the shop's version.
func release(image string) tfconfig.Version {
	return tfconfig.Release("1.0.0", image).Of(tfconfig.Template{})
}

// anotherVersion is the configuration of another version of the shop's template.
func anotherVersion(label, version, image string, settings ...string) string {
	v := release(image)
	v.Label, v.Version, v.Settings = label, version, settings
	return v.String()
}

// instance is the configuration of an instance of the shop's version.
func instance(label string, name tfconfig.Value, settings ...string) string {
	i := clone(label, name)
	i.Settings = settings
	return i.String()
}

// clone is an instance of the shop's version.
func clone(label string, name tfconfig.Value) tfconfig.Instance {
	return tfconfig.Instance{
		Meta: tfconfig.Meta{Label: label}, Name: name,
	}.Of(tfconfig.Template{}, tfconfig.Version{})
}

// off is a clone that is not started.
func off(label string, name tfconfig.Value) tfconfig.Instance {
	i := clone(label, name)
	i.PowerState = "stopped"
	return i
}

// numbered is the name of each of several instances that are created with count.
func numbered(prefix string) tfconfig.Expr { return tfconfig.Expr(`"` + prefix + `-${count.index}"`) }

// leavesNothing checks, after everything was destroyed, that nothing with marker in its name is
// left on the host.
func leavesNothing(t *testing.T, host *acctest.Host, marker string) resource.TestCheckFunc {
	return tfacc.LeavesNothing(t, host, volumes.DefaultPool, marker)
}

// planned expects the plan's actions for the instance "it".
func planned(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return tfacc.Planned("novacron_instance.it", action)
}

// guestSays runs a program in a guest through its agent and returns what it printed.
func guestSays(t *testing.T, host *acctest.Host, domain string, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	result, err := guestAgent(t, host, domain).Exec(ctx, command[0], command[1:]...)
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
	for name := range strings.FieldsSeq(host.Virsh(t, "list", "--all", "--name")) {
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

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
