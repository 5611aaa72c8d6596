package instance_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// ask is the setting of a customization with those attributes.
func ask(attributes ...string) string {
	return "customization = {\n    " + strings.Join(attributes, "\n    ") + "\n  }"
}

func TestAccBadCustomizationsAreRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("badcust")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	const at = `resource "novacron_instance" "it":`
	refusals := w.Refusals(w.shop)
	for _, c := range []struct {
		mistake, asked string
		says           []string
	}{
		{
			"package", `install_packages = ["-y"]`, []string{
				"Invalid package name", at, "customization.install_packages", `"-y" is not the name of a package`,
			},
		},
		{
			"port", `open_ports = [80, 65536]`, []string{
				"Invalid port", at, "customization.open_ports", "65536 is not between 1 and 65535",
			},
		},
		{
			"key", `ssh_authorized_keys = ["ssh-rsa"]`,
			[]string{"Invalid SSH key", at, "customization.ssh_authorized_keys"},
		},
		{
			"user name", `users = { "Deploy" = {} }`,
			[]string{"Invalid user name", at, `customization.users["Deploy"]`, `User "Deploy": Use lower-case letters`},
		},
		{
			"root", `users = { root = { sudo = true } }`,
			[]string{"Reserved user name", at, `customization.users["root"]`},
		},
		{
			"group", `users = { a = { groups = ["b,c"] } }`,
			[]string{"Invalid group name", at, `customization.users["a"].groups`},
		},
		{"private key", `users = { a = { ssh_authorized_keys = ["-----BEGIN OPENSSH PRIVATE KEY-----"] } }`,
			[]string{"Invalid SSH key", at, `customization.users["a"].ssh_authorized_keys`, "private key"}},
		{
			"shell", `users = { a = { shell = "bash" } }`,
			[]string{"Invalid shell", at, `customization.users["a"].shell`},
		},
		{
			"file path", `files = { "etc/motd" = { content = "x" } }`,
			[]string{
				"Invalid file path", at, `customization.files["etc/motd"]`, `File "etc/motd": Use an absolute path`,
			},
		},
		{"permissions", `files = { "/etc/motd" = { content = "x", permissions = "u=rw" } }`,
			[]string{"Invalid permissions", at, `customization.files["/etc/motd"].permissions`, "in octal"}},
		{"owner", `files = { "/etc/motd" = { content = "x", owner = "0" } }`,
			[]string{"Invalid owner", at, `customization.files["/etc/motd"].owner`}},
		{"no content", `files = { "/etc/motd" = {} }`, []string{at, `attribute "content" is required`}},
		{"command", `run_commands = ["true", ""]`, []string{"Invalid command", at, "run_commands[1] is empty"}},
		{
			"time zone", `timezone = "CEST?"`, []string{
				"Invalid time zone", at, "customization.timezone", "Europe/Berlin",
			},
		},
		{"locale", `locale = "german"`, []string{"Invalid locale", at, "customization.locale", "en_US.UTF-8"}},
		{
			"user data", `user_data = "packages: [nginx]"`,
			[]string{"Invalid user data", at, "customization.user_data", "#cloud-config"},
		},
		{"user data of another form", "user_data = \"#cloud-config\\npackages: nginx\"\n    install_packages " +
			"= [\"curl\"]",
			[]string{
				"Could not merge user data", at, "customization.user_data",
				"Packages is a list in one place and a single value in another",
			}},
	} {
		refusals.Add(c.mistake, instance("it", name+"-it", ask(c.asked)), c.says...)
	}
	refusals.Check(t)

	// The apply finds what is not known while planning, before it creates anything.
	const late = `resource "terraform_data" "late" {
  input = "u=rw"
}
`
	w.instances(t, late, instance("it", name+"-it",
		ask(`files = { "/etc/motd" = { content = "x", permissions = terraform_data.late.output } }`)))
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Invalid permissions", at,
		`customization.files["/etc/motd"].permissions`)
	if found := domains(t, host, name); len(found) > 0 {
		t.Errorf("the host has %q", found)
	}
	w.instances(t)
}

func TestAccACustomizationReplacesWhenItsMeaningChanges(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("recust")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	config := func(settings ...string) {
		w.instances(t, instance("it", domain, append(settings, `power_state = "stopped"`)...))
	}
	replaced := func(what string) {
		t.Helper()
		before := fact(t, host, domain, "UUID")
		tfacc.Says(t, w.Apply(t), "customization", "# forces replacement", "1 added, 0 changed, 1 destroyed")
		if fact(t, host, domain, "UUID") == before {
			t.Errorf("%s: the machine is the same", what)
		}
		w.EmptyPlan(t)
	}
	kept := func(what string) {
		t.Helper()
		before := fact(t, host, domain, "UUID")
		tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
		if fact(t, host, domain, "UUID") != before {
			t.Errorf("%s: the machine is another", what)
		}
		w.EmptyPlan(t)
	}
	const secret = "correct-horse-battery"
	config(ask(`files = { "/etc/secret" = { content = "` + secret + `" } }`))
	w.Apply(t)
	w.EmptyPlan(t)
	if xml := host.Virsh(t, "dumpxml", domain); strings.Contains(xml, secret) ||
		!strings.Contains(xml, "<digest>sha256:") {
		t.Errorf("the domain's definition shows a secret or no digest:\n%s", xml)
	}
	config(ask(`files = { "/etc/secret" = { content = "`+secret+`", permissions = "0644", owner = "root:root" } }`,
		`run_commands = []`))
	kept("defaults written out")
	config(ask(`files = { "/etc/secret" = { content = "`+secret+`" } }`, `open_ports = []`))
	replaced("a closed firewall")

	// Forgotten and imported, the instance keeps it if the configuration says the same.
	for _, args := range [][]string{
		{"state", "rm", "novacron_instance.it"},
		{"import", "novacron_instance.it", "default/" + domain},
	} {
		if out, err := w.Run(t.Context(), args...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args, err, out)
		}
	}
	kept("an import")

	config()
	replaced("nothing asked for any more")
	config(`customization = {}`)
	kept("nothing, in other words")
}

func TestAccAGuestWithoutCloudInitCannotBeCustomized(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("custnone")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, acctest.TinyImage(t)))
	w.instances(t, instance("it", name+"-it", ask(`run_commands = ["true"]`)))
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Instance did not become ready",
		`condition "customization" was not met after`, "a guest without cloud-init, which does what the template's "+
			"cloud_init and the customization say", "the guest has no cloud-init",
		"A longer time does not help. Use an image with cloud-init", "is kept so that you can look into it")

	// Created without being started, it is not customized until it is started.
	w.instances(t, instance("it", name+"-it", ask(`run_commands = ["true"]`), `power_state = "stopped"`))
	w.Apply(t)
	w.EmptyPlan(t)
	w.instances(t, instance("it", name+"-it", ask(`run_commands = ["true"]`)))
	console := "/var/lib/libvirt/novacron/nova.console.default." + name + "-it.log"
	host.Exec(t, "sh", "-c", `mv "$0" "$0.away" && mkdir "$0"`, console)
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Could not update instance", "Starting instance")
	host.Exec(t, "sh", "-c", `rmdir "$0" && mv "$0.away" "$0"`, console)
	// A start that failed does not customize it either.
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Could not update instance", "the guest has no cloud-init")

	// A user who waits for nothing is told nothing.
	w.instances(t, instance("it", name+"-it", ask(`run_commands = ["false"]`), `wait_for = []`))
	w.Apply(t)
	w.EmptyPlan(t)
}

// What a template gives a guest to do counts as well, even if the instance has no customization.
func TestAccAGuestWithoutCloudInitIsToldOfByItsTemplate(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("usernone")
	t.Parallel()
	busy := template(name)
	busy.CloudInit = &tfconfig.CloudInit{UserData: "#cloud-config\nruncmd: [date]"}
	w := newWorkspace(t, host, name, tfconfig.Render(busy, release(acctest.TinyImage(t))))
	w.instances(t, instance("it", name+"-it"))
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Instance did not become ready",
		`condition "user_data" was not met after`, "the guest has no cloud-init",
		"A longer time does not help. Use an image with cloud-init", "the next apply replaces it")

	// An instance with an image that cannot report is waited for without a report.
	w.instances(t, instance("it", name+"-it", `wait_for = ["ip", "no_report"]`))
	w.Apply(t)
	if address := stateOf(t, w.Workspace, "novacron_instance.it")["ip_address"]; address == nil {
		t.Error("no address was waited for")
	}
	w.EmptyPlan(t)

	// It has booted, so a later start has nothing to report.
	w.instances(t, instance("it", name+"-it", `power_state = "stopped"`))
	w.Apply(t)
	w.instances(t, instance("it", name+"-it", `wait_for = ["agent"]`))
	w.Apply(t)
	w.EmptyPlan(t)
}
