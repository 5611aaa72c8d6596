package instance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

var unlabelled = regexp.MustCompile(`(\n\s*labels\s*= )null`)

// The configuration that Terraform generates for an import has exactly what an instance has beyond
// its version, so a later change of a label only changes a label. A configuration that lacks any of
// it differs in the first plan.
func TestAccGeneratedConfigurationIsComplete(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("generated")
	t.Parallel()
	provider, _, _ := tiers(t, host, name)
	shop := provider + shopOf(name, blankImage(t),
		`hostname = { type = "string" }, memory = { type = "integer", default = 96, target = "hardware.memory_mb" },
	  note = { type = "text" }`)
	w := newWorkspace(t, host, name, shop)
	cases := []struct {
		label    string
		settings []string
		has      []string // parts of the generated configuration
		kept     []string // settings that an incomplete configuration has
		gap      []string // what the plan says about the missing settings; nil for nothing
	}{
		{
			"more",
			[]string{
				`description = "web"`, `strategy = "clone"`, `wait_for = []`, `parameters = { hostname = "h" }`,
				`hardware_profile = { cpu_cores = 2, memory_mb = 256 }`,
				`network_profile = { default_network_policies = ["clean-traffic"], interfaces = {
				  eth0 = {}
				  eth1 = { type = "e1000", ip_configuration = {
				    static_ip   = "10.9.0.5/24"
				    gateway     = "10.9.0.1"
				    dns_servers = ["10.9.0.2"]
				  } }
				} }`,
				`storage_profile = { disks = {
				  system  = { size_gb = 1 }
				  data    = { size_gb = 1 }
				  archive = { size_gb = 2, type = "hdd", storage_tier = "bulk" }
				} }`,
			},
			[]string{
				`cpu_cores = 2`, `memory_mb = 256`,
				`data = { is_boot = null is_system_disk = null mount_path = null size_gb = 1`,
				`size_gb = 2 storage_tier = "bulk" type = "hdd"`,
				`static_ip = "10.9.0.5/24"`, `strategy = "clone"`, `default_network_policies = ["clean-traffic"]`,
			},
			[]string{
				`description = "web"`, `strategy = "clone"`, `parameters = { hostname = "h" }`,
				`storage_profile = { disks = { system = { size_gb = 1 } } }`,
			},
			[]string{`- memory_mb = 256 -> null`, `Disk "archive" will be deleted`, `Disk "data" will be deleted`},
		},
		{
			"none",
			[]string{
				`wait_for = []`, `parameters = { hostname = "h", memory = 112 }`,
				`network_profile = { interfaces = {} }`,
			},
			[]string{
				`hardware_profile = null`, `interfaces = { }`, `memory = 112`, `storage_profile = null`,
				`wait_for = []`,
			},
			[]string{`wait_for = []`, `parameters = { hostname = "h", memory = 112 }`},
			[]string{`- interfaces = {} -> null`},
		},
		{
			"same",
			[]string{`parameters = { hostname = "h" }`},
			[]string{`hardware_profile = null`, `network_profile = null`, `storage_profile = null`},
			[]string{`parameters = { hostname = "h" }`},
			nil,
		},
	}
	resources, gaps, imports, before := "", "", "", map[string]string{}
	for _, c := range cases {
		of := func(settings []string) string {
			return fmt.Sprintf("resource \"novacron_instance\" %q {\n  name = \"%s-%s\"\n  template_id = "+
				"novacron_template.it.id\n  power_state = \"stopped\"\n  depends_on  = "+
				"[novacron_template_version.it]\n  %s\n}\n", c.label, name, c.label, strings.Join(settings, "\n  "))
		}
		resources, gaps = resources+of(c.settings), gaps+of(append(c.kept, `labels = { team = "b" }`))
		imports += fmt.Sprintf("import {\n  to = novacron_instance.%s\n  id = \"%s-%s\"\n}\n", c.label, name, c.label)
	}
	lose := func() {
		w.Succeeds(t, "state", "rm", "novacron_instance.more", "novacron_instance.none", "novacron_instance.same")
	}
	w.instances(t, resources)
	w.Apply(t)
	for _, c := range cases {
		before[c.label] = devicesOf(host.Virsh(t, "dumpxml", name+"-"+c.label))
	}
	lose()
	w.instances(t, imports)
	w.Succeeds(t, "plan", "-generate-config-out=generated.tf")
	generated := filepath.Join(w.Dir, "generated.tf")
	text, err := os.ReadFile(generated)
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(strings.Join(strings.Fields(string(text)), " "), "resource ") {
		for _, c := range cases {
			for _, has := range c.has {
				if strings.HasPrefix(block, `"novacron_instance" "`+c.label) && !strings.Contains(block, has) {
					t.Errorf("the generated configuration of %q lacks %s:\n%s", c.label, has, text)
				}
			}
		}
	}
	tfacc.Says(t, w.Apply(t), "3 imported, 0 added, 0 changed, 0 destroyed.")
	w.EmptyPlan(t)

	w.Write(t, "generated.tf", unlabelled.ReplaceAllString(string(text), `${1}{ team = "b" }`))
	changed := w.Apply(t)
	tfacc.Says(t, changed, "0 added, 3 changed, 0 destroyed.")
	for _, more := range []string{"-> null", "deleted", "restarted"} {
		if strings.Contains(changed, more) {
			t.Errorf("a change of labels says %q:\n%s", more, changed)
		}
	}
	w.EmptyPlan(t)
	for _, c := range cases {
		if after := devicesOf(host.Virsh(t, "dumpxml", name+"-"+c.label)); after != before[c.label] {
			t.Errorf("the domain was\n%s\nand is\n%s", before[c.label], after)
		}
	}

	lose()
	if err := os.Remove(generated); err != nil {
		t.Fatal(err)
	}
	w.instances(t, gaps, imports)
	gap := w.Succeeds(t, "plan")
	tfacc.Says(t, gap, "Plan: 3 to import, 0 to add, 2 to change, 0 to destroy.")
	for _, c := range cases {
		for _, says := range c.gap {
			tfacc.Says(t, gap, says)
		}
	}
	w.instances(t, resources, imports)
	w.Apply(t)
}

// The first plan after an import says what only the configuration knows, before a change misses it.
func TestAccWhatAnImportCannotKnowIsSaid(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("untold")
	t.Parallel()
	w := newWorkspace(t, host, name, shopOf(name, blankImage(t),
		`pass = { type = "string", sensitive = true, required = true }`))
	settings := []string{`power_state = "stopped"`, `wait_for = ["cloud_init"]`, `parameters_wo = { pass = "p" }`,
		`parameters_wo_version = 1`,
		`customization = { timezone = "UTC" }`}
	w.instances(t, instance("it", name, settings...))
	w.Apply(t)
	before := host.Virsh(t, "dumpxml", name)
	if out, err := w.Run(t.Context(), "state", "rm", "novacron_instance.it"); err != nil {
		t.Fatalf("terraform state rm: %v\n%s", err, out)
	}
	takeOver := fmt.Sprintf("import {\n  to = novacron_instance.it\n  id = %q\n}\n", name)
	out := func(settings ...string) string {
		w.instances(t, instance("it", name, settings...), takeOver)
		out, _ := w.Run(t.Context(), "plan")
		return out
	}
	tfacc.Says(t, out(settings[:2]...), "Missing parameter", "requires the parameter \"pass\"")
	said := out(settings...)
	tfacc.Says(t, said, "0 to add, 1 to change, 0 to destroy", "Customization not imported")
	tfacc.Says(t, said, "Secrets not imported", "values of pass, which its host does not report")
	w.Apply(t)
	w.EmptyPlan(t)
	if after := host.Virsh(t, "dumpxml", name); after != before {
		t.Errorf("the domain was\n%s\nand is\n%s", before, after)
	}
	w.instances(t, instance("it", name, append(settings[:4:4], `customization = { timezone = "Europe/Berlin" }`)...))
	if out, err := w.Run(t.Context(), "plan"); err != nil {
		t.Error(err)
	} else {
		tfacc.Says(t, out, "must be replaced", "customization", "forces replacement", "timezone")
	}
	w.instances(t, instance("it", name, settings...))
}

// devicesOf is a domain's definition without its metadata.
func devicesOf(definition string) string {
	head, rest, _ := strings.Cut(definition, "<metadata>")
	_, tail, _ := strings.Cut(rest, "</metadata>")
	return head + tail
}
