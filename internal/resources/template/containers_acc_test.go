package template_test

import (
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

// A template of containers is kept as it was written, whether something is null, empty or set, and
// every change is one in place.
func TestAccTemplateOfContainers(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("cont")
	pool, _ := host.Pool(t, name)
	config := func(settings ...string) string {
		return tfacc.Provider(pool) + template(name, append([]string{`type = "container"`}, settings...)...)
	}
	change := func(settings ...string) resource.TestStep {
		return resource.TestStep{
			Config: config(settings...), ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionUpdate),
		}
	}
	const (
		parameters = `parameters = { port = { type = "integer", default = 80 } }`
		all        = `container = { init = "process", entrypoint = ["/bin/app"], command = ["-p", "{{ .port }}"], ` +
			`env = { PORT = "{{ .port }}", EMPTY = "" }, working_dir = "/srv", user = "app:1000", restart = ` +
			`"always", stop_signal = "SIGRTMIN+3", stop_timeout_seconds = 0, privileged = false, health_check = { ` +
			`command = ["CMD-SHELL", "check {{ .port }}"], interval_seconds = 5, timeout_seconds = 3, retries = 2, ` +
			`start_period_seconds = 0 }, tmpfs = { "/run" = { size_mb = 16 }, "/dev/shm" = {} } }`
		empty = `container = { entrypoint = [], command = [], env = {}, tmpfs = {}, ` +
			`health_check = { command = ["NONE"] } }`
		disks = `storage_profile = { disks = { system = { size_gb = 2 }, ` +
			`data = { size_gb = 1, mount_path = "/data" } } }`
		data = "data \"novacron_template\" \"it\" {\n  id = novacron_template.it.id\n}\n" +
			"data \"novacron_templates\" \"it\" {\n  type = novacron_template.it.type\n}\n"
	)
	same := func(attribute string) statecheck.StateCheck {
		return statecheck.CompareValuePairs(address, tfjsonpath.New(attribute), "data.novacron_template.it",
			tfjsonpath.New(attribute), compare.ValuesSame())
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			{Config: config(), ConfigStateChecks: []statecheck.StateCheck{
				value("type", knownvalue.StringExact("container")), value("container", knownvalue.Null()),
			}},
			change(parameters, all, disks),
			{Config: config(parameters, all, disks) + data, ConfigStateChecks: []statecheck.StateCheck{
				same("container"), same("storage_profile"), same("type"),
				statecheck.ExpectKnownValue("data.novacron_templates.it", tfjsonpath.New("templates").AtSliceIndex(0).
					AtMapKey("container").AtMapKey("user"), knownvalue.StringExact("app:1000")),
			}},
			{ResourceName: address, ImportState: true, ImportStateVerify: true},
			change(empty),
			change(`container = { stop_timeout_seconds = 5 }`,
				`storage_profile = { disks = { data = { size_gb = 1, mount_path = "/data" } } }`),
			{
				Config:           tfacc.Provider(pool) + template(name),
				ConfigPlanChecks: tfacc.Planned(address, plancheck.ResourceActionReplace),
			},
		},
	})
}

// A plan refuses what the other type of template has, at the attribute, with the value.
func TestAccBadTemplateOfContainersIsRefusedWhilePlanning(t *testing.T) {
	acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	const (
		at  = `resource "novacron_template" "it":`
		not = "Not supported by this type of template"
	)
	with := func(settings string) string { return template("it", `type = "container"`, settings) }
	settings := func(inner string) string { return with(`container = { ` + inner + ` }`) }
	refusals := w.Refusals("")
	for _, c := range []struct {
		mistake, config string
		says            []string
	}{
		{"a machine with a container", template("it", `container = { user = "app" }`),
			[]string{not, at, `A template of the type "vm" has no container`}},
		{"a machine with a mount path",
			template("it", `storage_profile = { disks = { system = {}, data = { size_gb = 1, mount_path = "/a" } } }`),
			[]string{not, at, `disks["data"].mount_path`, `leave mount_path = "/a" out`}},
		{"CPU type", with(`hardware_profile = { cpu_type = "maximum" }`),
			[]string{not, at, `hardware_profile.cpu_type`, `leave cpu_type = "maximum" out`}},
		{"firmware", with(`hardware_profile = { firmware = "efi" }`), []string{not, at, `leave firmware = "efi" out`}},
		{"GPU", with(`hardware_profile = { gpu_count = 1, gpu_type = "10de:1eb8" }`),
			[]string{not, at, `leave gpu_count = 1 out`, `leave gpu_type = "10de:1eb8" out`}},
		{"interface type", with(`network_profile = { interfaces = { eth0 = { type = "virtio" } } }`),
			[]string{not, at, `interfaces["eth0"].type`, `leave type = "virtio" out`}},
		{"VLAN", with(`network_profile = { interfaces = { eth0 = { vlan = 7 } } }`),
			[]string{not, at, `interfaces["eth0"].vlan`, `leave vlan = 7 out`}},
		{"disk type", with(`storage_profile = { disks = { system = { type = "ssd" } } }`),
			[]string{not, at, `disks["system"].type`, `leave type = "ssd" out`}},
		{"boot disk", with(`storage_profile = { disks = { system = { is_boot = true } } }`),
			[]string{not, at, `disks["system"].is_boot`, `leave is_boot = true out`}},
		{"no mount path", with(`storage_profile = { disks = { system = {}, data = { size_gb = 1 } } }`),
			[]string{"Missing mount path", at, `disks["data"].mount_path`,
				`Disk "data" is a data disk of a container`}},
		{"a mount path of the kernel",
			with(`storage_profile = { disks = { data = { size_gb = 1, mount_path = "/proc/x" } } }`),
			[]string{"Invalid path", at, `disks["data"].mount_path`, `"/proc/x" is in /proc`}},
		{"two mounts",
			with("storage_profile = { disks = { data = { size_gb = 1, mount_path = \"/run\" } } }\n" +
				"container = { tmpfs = { \"/run\" = {} } }"),
			[]string{"Two mounts at one path", at, `container.tmpfs["/run"]`, `there is already disk "data"`}},
		{"cloud-init", with(`cloud_init = { user_data = "#cloud-config\n" }`),
			[]string{not, at, "An application container has no cloud-init: use container.env, customization.files or " +
				`container.init = "system"`}},
		{"an unprivileged system", settings(`init = "system"`),
			[]string{"System container is not privileged", at, "container.privileged", "set privileged = true"}},
		{"a system with a program", settings(`init = "system", privileged = true, command = ["a"]`),
			[]string{"Not supported by a system container", at, "container.command", "leave command out"}},
		{"init", settings(`init = "systemd"`), []string{"Unknown init", at, `"systemd" is not one of process, system`}},
		{"restart", settings(`restart = "unless-stopped"`),
			[]string{"Unknown restart policy", at, `"unless-stopped" is not one of no, on-failure, always`}},
		{"signal", settings(`stop_signal = "SIGSTOPP"`), []string{"Unknown signal", at, `"SIGSTOPP" is not a signal`}},
		{"time", settings(`stop_timeout_seconds = -1`),
			[]string{"Value out of range", at, "container.stop_timeout_seconds: -1 is not between 0 and 3600"}},
		{"a null", settings(`command = ["a", null]`), []string{"Null List Value", at}},
		{"a variable", settings(`env = { "A B" = "1" }`),
			[]string{"Invalid name of a variable", at, `Variable "A B": Use letters`}},
		{"directory", settings(`working_dir = "srv"`),
			[]string{"Invalid path", at, "container.working_dir", `"srv" is not an absolute path`}},
		{"user", settings(`user = "a b"`), []string{"Invalid user", at, `"a b" is not a user`}},
		{"template", settings(`command = ["a", "{{ .port"]`),
			[]string{"Invalid template", at, "container.command", "Element 1:"}},
		{"parameter", settings(`env = { PORT = "{{ .port }}" }`),
			[]string{"Unknown parameter", at, `container.env["PORT"]`,
				`Variable "PORT": Line 1: there is no parameter "port"`}},
		{"health check", settings(`health_check = { command = ["wget"] }`),
			[]string{"Invalid health check", at, "container.health_check.command",
				`It begins with "wget": write ["CMD"`}},
		{"tmpfs", settings(`tmpfs = { "/sys/x" = {} }`),
			[]string{"Invalid path", at, `container.tmpfs["/sys/x"]`, `"/sys/x" is in /sys`}},
	} {
		refusals.Add(c.mistake, c.config, c.says...)
	}
	refusals.Check(t)
}
