package instance_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// The plan reports every mistake that can be known, at the line that is wrong, with what there is
// instead.
func TestAccBadInputIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("bad")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	settings := func(settings ...string) string { return instance("it", domain, settings...) }
	from := func(lines string) string {
		return `resource "novacron_instance" "it" {
  name = "` + domain + `"
  ` + lines + `
}
`
	}
	const at = `resource "novacron_instance" "it":`
	refusals := w.Refusals(w.shop)
	for _, c := range []struct {
		mistake string
		config  string
		says    []string
	}{
		{"unknown template", from(`template_id = "default/nope"`),
			[]string{
				"Template not found", at, `template_id = "default/nope"`, `The library in pool "novacron" on qemu`,
				`has no template "default/nope"`, "Check the name and the tenant",
			}},
		{"not a template id", from(`template_id = "nope"`),
			[]string{
				"Invalid value", at, `template_id = "nope"`, `"nope" is not a template id: write it as tenant/name`,
			}},
		{"unknown version", from("template_id = novacron_template.it.id\n  version = \"2.0.0\""),
			[]string{
				"Version not found", at, `version = "2.0.0"`,
				`does not have a version that "2.0.0" allows. It has: 1.0.0.`,
			}},
		{"constraint that nothing meets", from("template_id = novacron_template.it.id\n  version = \"~> 1.1\""),
			[]string{
				"Version not found", at, `version = "~> 1.1"`,
				`does not have a version that "~> 1.1" allows. It has: 1.0.0.`,
			}},
		{"no constraint", from("template_id = novacron_template.it.id\n  version = \"newest\""),
			[]string{"Invalid value", at, `version = "newest"`, `"newest" is not a version constraint: write`}},
		{"unknown network", settings(`network_profile = { interfaces = { eth0 = { network = "lan" } } }`),
			[]string{
				"Network not found", at, `network = "lan"`,
				`network_profile.interfaces["eth0"].network: Interface "eth0" should be on the network "lan", which ` +
					`the host qemu`, "It has: ", "default", "or use bridge",
			}},
		{"network and bridge",
			settings(`network_profile = { interfaces = { eth0 = { network = "default", bridge = "br0" } } }`),
			[]string{"Conflicting network and bridge", at, "set network or bridge, not both"}},
		{"bridge that Linux cannot have",
			settings(`network_profile = { interfaces = { eth0 = { bridge = "br-of-department" } } }`),
			[]string{
				"Invalid bridge name", at, `bridge = "br-of-department"`,
				`"br-of-department" has 16 bytes, and Linux accepts at most 15`,
			}},
		{"more metadata than libvirt takes",
			settings("labels = { small = \"a\", large = join(\"\", [for n in range(1000) : format(\"%04000d\", n)]) }"),
			[]string{
				"Metadata too large", at, "labels",
				`label "large" takes 3.81 MiB: make it smaller, or have the guest fetch it.`,
			}},
		{"MAC address", settings(`network_profile = { interfaces = { eth0 = { mac_address = "52:54:00" } } }`),
			[]string{
				"Invalid MAC address", at, `"52:54:00" is not an Ethernet address: write it as 52:54:00:12:34:56`,
			}},
		{"instance name", instance("it", "Web_1"),
			[]string{"Invalid value", at, `name = "Web_1"`, `"Web_1" is not a valid instance name: use a DNS label`}},
		{"host name", settings(`parameters = { hostname = "web.example.org" }`),
			[]string{
				"Invalid parameter value", at, `parameters = { hostname = "web.example.org" }`,
				`Parameter "hostname": "web.example.org" is not a DNS label, as a host name has to be`,
			}},
		{"unknown parameter", settings(`parameters = { hostnam = "web" }`),
			[]string{
				"Unknown parameter", at, `parameters = { hostnam = "web" }`,
				`There is no parameter "hostnam". The template declares: hostname. Did you mean "hostname"?`,
			}},
		{"parameter that is no text", settings(`parameters = { hostname = ["web"] }`),
			[]string{
				"Invalid parameter value", at, `parameters = { hostname = ["web"] }`,
				`Parameter "hostname": the value is a list, not a text`,
			}},
		{"no object", settings(`parameters = "web"`),
			[]string{
				"Parameters must be an object", at, `parameters = "web"`, "Write parameters as an object or a map",
			}},
		{"memory", settings(`hardware_profile = { memory_mb = 1 }`),
			[]string{"Value out of range", at, `memory_mb = 1`, "hardware_profile.memory_mb: 1 is not between 32 and"}},
		{"settings of a container", settings(`container = { user = "app" }`),
			[]string{
				"Not supported by this type of template", at, `container = { user = "app" }`,
				`A template of the type "vm" has no container`,
			}},
		{"a mount path", settings(`storage_profile = { disks = { data = { size_gb = 1, mount_path = "/data" } } }`),
			[]string{
				"Not supported by this type of template", at, `storage_profile.disks["data"].mount_path`,
				`leave mount_path = "/data" out`,
			}},
		{"a health check of a machine", settings(`wait_for = ["healthy"]`),
			[]string{"Not supported by this type of template", at, `wait_for = ["healthy"]`}},
		{"secrets that would stay", settings(`parameters_wo = { hostname = "web" }`, `wait_for = ["ip"]`),
			[]string{"Secrets would remain on the host", at, `wait_for must contain "cloud_init"`}},
		{"a policy", settings(`container = { restart = "maybe" }`),
			[]string{"Unknown restart policy", at, `"maybe" is not one of no, on-failure, always`}},
		{"condition", settings(`wait_for = ["ssh"]`),
			[]string{"Invalid Attribute Value", at, `wait_for = ["ssh"]`, `"ip"`, `"agent"`, `"cloud_init"`}},
		{"address without an interface", settings(`network_profile = { interfaces = {} }`),
			[]string{"No interface to wait for", at, `remove "ip" from wait_for`}},
		{"data disk without a size", settings(`storage_profile = { disks = { data = {} } }`),
			[]string{"Missing disk size", at, `Disk "data" is blank, so it needs size_gb`}},
	} {
		refusals.Add(c.mistake, c.config, c.says...)
	}
	refusals.Check(t)
	for _, c := range []struct {
		mistake, provider string
		says              []string
	}{
		{"unknown pool", `provider "novacron" {
  pool = "nope"
}
`,
			[]string{
				"Storage pool not found", "has no storage pool \"nope\". It has: ", "novacron",
				"Define the pool, or name one that exists",
			}},
		{"unreachable host", `provider "novacron" {
  uri = "qemu+unix:///system?socket=/nowhere/libvirt-sock"
}
`,
			[]string{
				"the host is unreachable: connecting to qemu+unix:///system?socket=/nowhere/libvirt-sock",
				"no such file or directory", "Check the provider's uri",
			}},
		{"no libvirt URI", `provider "novacron" {
  uri = "http://host"
}
`,
			[]string{"Invalid libvirt URI", `uri = "http://host"`}},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			w.instances(t, c.provider, settings())
			tfacc.Says(t, w.Fails(t, "plan"), c.says...)
		})
	}
	w.instances(t) // the destroy at the end needs a valid configuration
}

// Checks of what the template itself declares need a template that declares more.
func TestAccBadParametersAreRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("badparam")
	t.Parallel()
	w := newWorkspace(t, host, name, shopOf(name, tfacc.EmptyImage(t, "1500M"),
		`ssh_key = { type = "text", description = "who may log in", required = true }`))
	refusals := w.Refusals(w.shop)
	for _, c := range []struct {
		mistake, settings string
		says              []string
	}{
		{
			"missing parameter", ``, []string{
				"Missing parameter",
				`The template requires the parameter "ssh_key" (who may log in): set it in parameters`,
			},
		},
		{
			"missing because null", `parameters = { ssh_key = null }`,
			[]string{"Missing parameter", `requires the parameter "ssh_key"`},
		},
		{
			"SSH key", `parameters = { ssh_key = "ssh-ed25519 AAAA" }`,
			[]string{"Invalid SSH key", `parameters = { ssh_key = "ssh-ed25519 AAAA" }`},
		},
		{"private SSH key", `parameters = { ssh_key = "-----BEGIN OPENSSH PRIVATE KEY-----\nx" }`,
			[]string{"Invalid SSH key", "private"}},
		{"disk smaller than the image", `storage_profile = { disks = { system = { size_gb = 1 } } }`,
			[]string{
				"Disk smaller than image", "size_gb = 1",
				`storage_profile.disks["system"].size_gb: Disk "system": The image's disk is 1.465 GiB and does not ` +
					`fit on one of 1 GiB: set size_gb to at least 2`,
			}},
	} {
		refusals.Add(c.mistake, instance("it", name+"-it", c.settings), c.says...)
	}
	refusals.Check(t)
	w.instances(t)
}

func TestAccForeignDomainKeepsItsName(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("foreign")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	definition := filepath.Join(t.TempDir(), "domain.xml")
	if err := os.WriteFile(definition, []byte(`<domain type='qemu'><name>`+domain+`</name><memory unit='MiB'>32</memory>
		<os><type arch='x86_64'>hvm</type></os></domain>`), 0o600); err != nil {
		t.Fatal(err)
	}
	host.Virsh(t, "define", definition)
	t.Cleanup(func() { host.Virsh(t, "undefine", domain) })
	before := host.Virsh(t, "dumpxml", domain)

	w.instances(t, instance("it", domain))
	tfacc.Says(t, w.Fails(t, "plan"), "Instance name already in use", `name = "`+domain+`"`,
		`has a domain "`+domain+`" already. Choose another name`)
	if after := host.Virsh(t, "dumpxml", domain); after != before {
		t.Errorf("the foreign domain was\n%sand is now\n%s", before, after)
	}
	if left := host.Leftovers(t, volumes.DefaultPool, "."+domain+"."); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	tfacc.Says(t, w.Fails(t, "import", "novacron_instance.it", domain), "Could not import instance", `Domain "`+domain+
		`" on qemu`, "was not made by novacron",
		"register the disk as a novacron_template_version")
}
