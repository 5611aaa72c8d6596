package template_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// plugin-testing ends every step with two plans, one of them after a refresh, and wants both empty.

const address = "novacron_template.it"

// template returns the configuration of a template "it", templateAs that of a template with another
// label.
func template(name string, settings ...string) string { return templateAs("it", name, settings...) }

func templateAs(label, name string, settings ...string) string {
	return fmt.Sprintf("resource \"novacron_template\" %q {\n  name = %q\n  %s\n}\n",
		label, name, strings.Join(settings, "\n  "))
}

func value(attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), want)
}

func TestAccTemplateLives(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("tmpl")
	pool, _ := host.Pool(t, name)
	config := func(settings ...string) string { return tfacc.Provider(pool) + template(name, settings...) }
	// The creation time shows that the template is never replaced.
	born := statecheck.CompareValue(compare.ValuesSame())
	same := func() statecheck.StateCheck { return born.AddStateValue(address, tfjsonpath.New("created_at")) }
	change := func(settings ...string) resource.TestStep {
		return resource.TestStep{
			Config: config(settings...), ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{same()},
		}
	}
	time := knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`))
	const (
		named    = `display_name = "Ubuntu “Noble” <LTS> & more"`
		hardware = `hardware_profile = { cpu_cores = 2, cpu_count = 1, cpu_type = "maximum", memory_mb = 256 }`
		network  = `network_profile = { interfaces = { eth0 = { network = "default", type = "e1000", mac_address = ` +
			`"52:54:00:AB:cd:01" }, eth1 = { bridge = "br0" } } }`
		storage = `storage_profile = { disks = { root = { is_system_disk = true, size_gb = 2 }, data = { ` +
			`size_gb = 1 } } }`
		parameters = `parameters = { who = { type = "string", target = "hostname", default = "a", description = ` +
			`"Name" }, ssh_key = { type = "text", required = true } }`
	)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{
				Config: config(),
				ConfigStateChecks: []statecheck.StateCheck{
					same(), value("id", knownvalue.StringExact("default/"+name)),
					value("tenant", knownvalue.StringExact("default")),
					value("type", knownvalue.StringExact("vm")),
					value("default_strategy", knownvalue.StringExact("linked_clone")),
					value("deletion_protection", knownvalue.Bool(false)),
					value("owner", knownvalue.StringRegexp(regexp.MustCompile(`.`))),
					value("created_at", time), value("updated_at", time),
					value("display_name", knownvalue.Null()), value("labels", knownvalue.Null()),
					value("hardware_profile", knownvalue.Null()),
				},
			},
			change(named, `description = "line\nline"`),
			change(named, `labels = { os = "linux", "" = "", "a/b" = "ü" }`),
			change(`labels = { os = "bsd" }`, `default_strategy = "clone"`),
			change(hardware, network, storage, parameters),
			{ResourceName: address, ImportState: true, ImportStateVerify: true},
			{ResourceName: address, ImportState: true, ImportStateId: name, ImportStateVerify: true},
			{
				ResourceName: address, ImportState: true, ImportStateId: "default/" + name + "-not",
				ExpectError: regexp.MustCompile(`(?s)Could not import template.*has no template\s+"default/` +
					name + `-not"`),
			},
			{
				ResourceName: address, ImportState: true, ImportStateId: "Not a name",
				ExpectError: regexp.MustCompile(
					`(?s)Could not import template.*"Not a name" is not a template id: write it as\s+tenant/name`),
			},
			change(hardware, `parameters = { hostname = { type = "string" } }`),
			{
				// Delete the template's documents from the pool behind Terraform's back.
				PreConfig: func() { deleteDocuments(t, host, pool, "nova.template.") },
				Config:    config(hardware), ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionCreate),
			},
			{
				Config:           config(hardware, `deletion_protection = true`),
				ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionUpdate),
			},
			{
				Config: config(hardware, `deletion_protection = true`), Destroy: true,
				ExpectError: regexp.MustCompile(`(?s)Template is protected.*set it to false and\s+apply first`),
			},
			{
				// A template with another name is another template.
				Config:      tfacc.Provider(pool) + template(name+"-2", hardware),
				ExpectError: regexp.MustCompile(`Template is protected`),
			},
			{
				Config: config(hardware), ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionUpdate),
			},
			{
				Config:           tfacc.Provider(pool) + template(name+"-2", hardware),
				ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			},
		},
	})
}

// deleteDocuments deletes the volumes whose names start with the prefix. The test fails if there
// are none.
func deleteDocuments(t *testing.T, host *acctest.Host, pool, prefix string) {
	t.Helper()
	deleted := 0
	for _, left := range host.Leftovers(t, pool, prefix) {
		host.Virsh(t, "vol-delete", "--pool", pool, strings.TrimPrefix(left, "volume "+pool+"/"))
		deleted++
	}
	if deleted == 0 {
		t.Errorf("pool %s has no volume %s…", pool, prefix)
	}
}

// Values stay as the user wrote them, even if another notation means the same.
func TestAccTemplateKeepsWhatWasWritten(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("shape")
	pool, _ := host.Pool(t, name)
	var (
		null, empty = knownvalue.Null(), knownvalue.StringExact("")
		nothing     = knownvalue.MapExact(nil)
	)
	type checks = map[string]knownvalue.Check
	// object expects an object with these attributes, all null except some.
	object := func(names string, some checks) knownvalue.Check {
		all := checks{}
		for name := range strings.FieldsSeq(names) {
			all[name] = null
		}
		maps.Copy(all, some)
		return knownvalue.ObjectExact(all)
	}
	const (
		hardware  = "cpu_count cpu_cores cpu_type memory_mb firmware gpu_count gpu_type"
		network   = "interfaces default_network_policies requires_public_ip"
		card      = "type network bridge mac_address vlan ip_configuration"
		storage   = "disks"
		disk      = "size_gb is_system_disk is_boot storage_tier type mount_path"
		parameter = "type description required default target allowed_values min_value max_value min_length " +
			"max_length regex sensitive"
	)
	cases := []struct {
		settings string
		want     checks
	}{
		{``, checks{"display_name": null,
			"description":      null,
			"labels":           null,
			"hardware_profile": null,
			"network_profile":  null,
			"storage_profile":  null,
			"parameters":       null}},
		{
			"display_name = \"\"\n description = \"\"\n labels = {}",
			checks{"display_name": empty, "description": empty, "labels": nothing},
		},
		{
			"display_name = null\n labels = null\n parameters = null",
			checks{"display_name": null, "labels": null, "parameters": null},
		},
		{"hardware_profile = {}\n network_profile = {}\n storage_profile = {}\n parameters = {}", checks{
			"hardware_profile": object(hardware, nil),
			"network_profile":  object(network, nil), "storage_profile": object(storage, nil), "parameters": nothing}},
		{
			`network_profile = { interfaces = {} }`,
			checks{"network_profile": object(network, checks{"interfaces": nothing})},
		},
		{`network_profile = { interfaces = { eth0 = {} } }`,
			checks{"network_profile": object(network, checks{"interfaces": knownvalue.MapExact(checks{
				"eth0": object(card, nil)})})}},
		{`storage_profile = { disks = { system = {} } }`,
			checks{"storage_profile": object(storage, checks{"disks": knownvalue.MapExact(checks{
				"system": object(disk, nil)})})}},
		{`storage_profile = { disks = { system = { is_system_disk = true }, data = { is_system_disk = false, ` +
			`size_gb = 1 } } }`, checks{
			"storage_profile": object(storage, checks{"disks": knownvalue.MapExact(checks{
				"system": object(disk, checks{"size_gb": null, "is_system_disk": knownvalue.Bool(true)}),
				"data": object(disk, checks{
					"size_gb": knownvalue.Int64Exact(1), "is_system_disk": knownvalue.Bool(false),
				})})})}},
		{`parameters = { hostname = { type = "string" }, ssh_key = { type = "text", required = false, description = ` +
			`"", default = "" } }`, checks{
			"parameters": knownvalue.MapExact(checks{
				"hostname": object(parameter, checks{"type": knownvalue.StringExact("string")}),
				"ssh_key": object(parameter, checks{
					"type": knownvalue.StringExact("text"), "description": empty, "required": knownvalue.Bool(false),
					"default": empty,
				})})}},
		{`labels = { a = "" }`, checks{"labels": knownvalue.MapExact(checks{"a": empty})}},
		{`labels = { a = null }`, checks{"labels": knownvalue.MapExact(checks{"a": null})}},
		{`labels = toset([]) == null ? null : tomap({})`, checks{"labels": nothing}},
	}
	// applied returns a step with one template for each case. Each template has the settings of the
	// case that comes that many cases later.
	applied := func(after int) resource.TestStep {
		step := resource.TestStep{Config: tfacc.Provider(pool)}
		for n := range cases {
			c, label := cases[(n+after)%len(cases)], fmt.Sprintf("it%d", n)
			step.Config += templateAs(label, fmt.Sprint(name, "-", n), c.settings)
			for attribute, want := range c.want {
				step.ConfigStateChecks = append(step.ConfigStateChecks,
					statecheck.ExpectKnownValue("novacron_template."+label, tfjsonpath.New(attribute), want))
			}
		}
		return step
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		// first created with these settings, then changed to them
		Steps: []resource.TestStep{applied(0), applied(1)},
	})
}
