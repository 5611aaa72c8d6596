package template_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// The plan reports every mistake that it can know of, at the line with the mistake.
func TestAccBadTemplateIsRefusedWhilePlanning(t *testing.T) {
	acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	const at = `resource "novacron_template" "it":`
	with := func(settings string) string { return template("it", settings) }
	refusals := w.Refusals("")
	for _, c := range []struct {
		mistake, config string
		says            []string
	}{
		{
			"name", template("Ubuntu 24"), []string{
				"Invalid value", at, `name = "Ubuntu 24"`,
				`"Ubuntu 24" is not a valid template name: use lower-case letters`,
			},
		},
		{"empty name", template(""), []string{"Invalid value", at, `name = ""`, `"" is not a valid template name`}},
		{"long name", template(strings.Repeat("a", 64)), []string{"Invalid value", at, "at most 63 characters"}},
		{"type", with(`type = "lxc"`), []string{at, `type = "lxc"`, `"vm"`}},
		{
			"strategy", with(`default_strategy = "copy"`),
			[]string{at, `default_strategy = "copy"`, `"` + strings.Join(strategy.Names(), `" "`) + `"`},
		},
		{
			"CPUs", with(`hardware_profile = { cpu_cores = 0 }`),
			[]string{
				"Value out of range", at, "hardware_profile", "hardware_profile.cpu_cores: 0 is not between 1 and 512",
			},
		},
		{
			"CPU type", with(`hardware_profile = { cpu_type = " " }`),
			[]string{"Empty CPU type", at, "hardware_profile.cpu_type: Write host-model"},
		},
		{
			"memory", with(`hardware_profile = { memory_mb = 31 }`),
			[]string{"Value out of range", at, "hardware_profile.memory_mb: 31 is not between 32 and"},
		},
		{"interface type", with(`network_profile = { interfaces = { eth0 = { type = "ne2k" } } }`),
			[]string{"Unknown interface type", at, `"ne2k" is not one of virtio, e1000, e1000e, rtl8139`}},
		{"interface name", with(`network_profile = { interfaces = { "eth 0" = {} } }`),
			[]string{"Invalid interface name", at, `"eth 0" is not a valid name`}},
		{"MAC address", with(`network_profile = { interfaces = { a = { mac_address = "01:00:00:00:00:00" } } }`),
			[]string{"Multicast MAC address", at}},
		{"MAC address twice",
			with(`network_profile = { interfaces = { a = { mac_address = "52:54:00:00:00:0a" }, b = { mac_address = ` +
				`"52:54:00:00:00:0A" } } }`),
			[]string{"Duplicate MAC address", at, `is also the address of interface "a"`}},
		{
			"no disks", with(`storage_profile = { disks = {} }`),
			[]string{"No disks", at, "An instance needs a system disk"},
		},
		{"no system disk", with(`storage_profile = { disks = { a = { size_gb = 1 }, b = { size_gb = 1 } } }`),
			[]string{"No system disk", at, "is_system_disk = true"}},
		{"two system disks",
			with(`storage_profile = { disks = { a = { is_system_disk = true }, b = { is_system_disk = true } } }`),
			[]string{"Duplicate system disk", at, `Disk "a" is the system disk already`}},
		{"data disk", with(`storage_profile = { disks = { system = {}, data = {} } }`),
			[]string{"Missing disk size", at, `Disk "data" is blank, so it needs size_gb`}},
		{"disk size", with(`storage_profile = { disks = { system = { size_gb = 0 } } }`),
			[]string{"Value out of range", at, `disks["system"].size_gb: Disk "system": 0 is not between 1 and`}},
		{"parameter type", with(`parameters = { hostname = { type = "int" } }`),
			[]string{at, `"int" is not one of string, text`}},
		{"parameter name", with(`parameters = { Hostname = { type = "string", target = "hostname" } }`),
			[]string{"Invalid parameter name", at, `Parameter "Hostname": Use lower-case`}},
		{"target of another type", with(`parameters = { port = { type = "string", target = "hardware.memory_mb" } }`),
			[]string{"Target does not match type", at, "of type integer"}},
		{"target twice",
			with(`parameters = { hostname = { type = "string" }, name = { type = "string", target = "hostname" } }`),
			[]string{"Duplicate target", at, `Parameter "hostname" has the target "hostname" already`}},
		{"required with a default",
			with(`parameters = { hostname = { type = "string", required = true, default = "a" } }`),
			[]string{"Required parameter has a default", at, "drop required or default"}},
		{"default", with(`parameters = { hostname = { type = "string", default = "a b" } }`),
			[]string{"Invalid default", at, `Parameter "hostname": "a b" is not a DNS label`}},
		{"empty network", with(`network_profile = { interfaces = { eth0 = { network = "" } } }`),
			[]string{
				"Empty name", at, `interfaces["eth0"].network: Interface "eth0": Name the network, or leave it out`,
			}},
	} {
		refusals.Add(c.mistake, c.config, c.says...)
	}
	refusals.Check(t)

	w.Configure(t, `provider "novacron" {
  tenant      = "team.a"
  uri         = ""
  pool        = ""
  domain_type = "xen"
}
`+with(``))
	out := w.Fails(t, "plan")
	for _, says := range [][]string{
		{"Invalid value", `tenant = "team.a"`, `"team.a" is not a valid tenant`},
		{`provider "novacron"`, `uri = ""`, "at least 1"},
		{`provider "novacron"`, `pool = ""`, "at least 1"},
		{`domain_type = "xen"`, `"kvm" "qemu"`},
	} {
		tfacc.Says(t, out, says...)
	}
}

// The apply reports mistakes that only the host can know of, and leaves nothing behind.
func TestAccTemplateThatCannotBeMade(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("unmade")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	w := tfacc.NewWorkspace(t, tfacc.Provider(pool)+template(name))
	w.Apply(t)
	t.Cleanup(func() { w.Destroy(t) })
	other := tfacc.NewWorkspace(t, "")
	for _, c := range []struct {
		mistake, provider string
		says              []string
	}{
		{"existing name", tfacc.Provider(pool),
			[]string{"Template already exists", `resource "novacron_template" "it":`, `name = "` + name + `"`,
				`has a template "default/` + name + `" already. Choose another name, or take it over with ` +
					"`terraform import`, id \"default/" + name + `"`, "`moved` block"}},
		{
			"unknown pool", tfacc.Provider(name + "-not"),
			[]string{"Storage pool not found", `has no storage pool "` + name + `-not". It has: `, name, "Define the " +
				"pool, or name one that exists"},
		},
		{"unreachable host", "provider \"novacron\" {\n  uri = " +
			"\"qemu+unix:///system?socket=/nowhere/libvirt-sock\"\n}\n",
			[]string{
				"Could not create template", "the host is unreachable: connecting to " +
					"qemu+unix:///system?socket=/nowhere/libvirt-sock", "no such file or directory",
				"Check the provider's uri",
			}},
		{"refused connection", "provider \"novacron\" {\n  uri = \"qemu+tcp://127.0.0.1:1/system\"\n}\n",
			[]string{
				"Could not create template", "the host is unreachable: connecting to qemu+tcp://127.0.0.1:1/system",
				"connection refused", "Check the provider's uri",
			}},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			other.Configure(t, c.provider+template(name, `description = "other"`))
			tfacc.Says(t, other.Fails(t, "apply", "-auto-approve"), c.says...)
		})
	}
	w.EmptyPlan(t) // the template has not changed

	t.Log("the pool is made between the plan and the template, as by another provider of the same configuration")
	other.Configure(t, tfacc.Provider(name+"-not")+template(name))
	out, err := other.Run(t.Context(), "plan", "-out=with-pool")
	if err != nil {
		t.Fatalf("terraform plan: %v\n%s", err, out)
	}
	tfacc.Says(t, out, "Warning: Storage pool not found",
		"Unless the same apply creates it first, the apply is refused")
	host.Pool(t, name+"-not")
	if out, err := other.Run(t.Context(), "apply", "with-pool"); err != nil {
		t.Errorf("terraform apply: %v\n%s", err, out)
	}
	other.Destroy(t)
}
