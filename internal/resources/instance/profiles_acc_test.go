package instance_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// tiers is a provider whose storage tiers are the test's own pools, which must be empty when it
// ends.
func tiers(t *testing.T, host *acctest.Host, name string) (provider, fast, bulk string) {
	t.Helper()
	_, fast = host.Pool(t, name+"-fast")
	_, bulk = host.Pool(t, name+"-bulk")
	return fmt.Sprintf(`
provider "novacron" {
  storage_tiers   = { fast = "%[1]s-fast", bulk = "%[1]s-bulk", lost = "%[1]s-lost" }
  public_networks = ["default"]
}
`, name), fast, bulk
}

// A linked clone whose overlay is on another pool than its base, with disks of each type, behind a
// filter.
func TestAccDisksAreWhereAndWhatTheyShouldBe(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("tiers")
	provider, fast, bulk := tiers(t, host, name)
	image := acctest.TinyImage(t)
	config := func(size int) string {
		return provider + shop(name, image) + instance("it", name, fmt.Sprintf(`
  storage_profile = { disks = {
    system  = { storage_tier = "fast" }
    archive = { size_gb = %d, type = "hdd", storage_tier = "bulk" }
    scratch = { size_gb = 3, type = "ssd" }
  } }
  network_profile = { requires_public_ip = true, default_network_policies = ["clean-traffic"] }
  wait_for        = ["ip", "agent"]
  timeouts {
    delete = "30s"
  }`, size))
	}
	same := statecheck.CompareValue(compare.ValuesSame())
	macs := func() []statecheck.StateCheck {
		return []statecheck.StateCheck{same.AddStateValue("novacron_instance.it", tfjsonpath.New("mac_addresses"))}
	}
	// It is random which of two SCSI disks Linux finds first and calls sda.
	disks := func(want ...string) {
		t.Helper()
		said := guestSays(t, host, name, "/bin/sh", "-c",
			`cd /sys/block; for d in sd* vd*; do echo "${d%?} $(cat $d/queue/rotational) $(($(cat $d/size) / `+
				`2097152))"; done | sort`)
		if lines := strings.Split(said, "\n"); !slices.Equal(lines, append(want, "vd 1 0")) {
			t.Errorf("the guest has the disks %q, want %q and a first of virtio (kind, whether it turns, GiB)",
				lines, want)
		}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             leavesNothing(t, host, name),
		Steps: []resource.TestStep{{
			Config: config(1), ConfigStateChecks: macs(),
			Check: tfacc.OnHost(func() {
				disks("sd 0 3", "sd 1 1")
				if base := backingOf(
					t, host, diskIn(fast, name, "system"),
				); !strings.HasPrefix(base, "/var/lib/libvirt/novacron/") {
					t.Errorf("the linked clone hangs on %q, no base of the library", base)
				}
				for _, disk := range []string{diskIn(bulk, name, "archive"), diskPath(name, "scratch")} {
					if !exists(host.HostPath(disk)) {
						t.Errorf("there is no %s", disk)
					}
				}
				if definition := host.Virsh(
					t, "dumpxml", name,
				); !strings.Contains(definition, "<filterref filter='clean-traffic'/>") {
					t.Errorf("the filter is missing:\n%s", definition)
				}
			}),
		}, {
			// The disk on the other pool grows under the running guest.
			Config: config(2), ConfigPlanChecks: planned(plancheck.ResourceActionUpdate), ConfigStateChecks: macs(),
			Check: tfacc.OnHost(func() { disks("sd 0 3", "sd 1 2") }),
		}},
	})
}

func diskIn(directory, instance, disk string) string {
	return directory + "/" + filepath.Base(diskPath(instance, disk))
}

// A guest of EFI runs its firmware. A guest that was never started has a tag, a static address and
// a disk to start from.
func TestAccFirmwareTagAndBootDisk(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("profile")
	provider, fast, bulk := tiers(t, host, name)
	host.Network(t, name, "<forward mode='bridge'/><bridge name='nova-none'/><virtualport type='openvswitch'/>")
	tagged := func(vlan int, tier, power string) string {
		return instance("tagged", name+"-tag", fmt.Sprintf(`
  storage_profile = { disks = {
    system = { type = "ssd", storage_tier = "fast" }
    data   = { size_gb = 1, type = "hdd", storage_tier = %q, is_boot = true }
  } }
  strategy        = "clone"
  power_state     = %q
  network_profile = { interfaces = { eth0 = {
    network = %q, vlan = %d
    ip_configuration = { static_ip = "10.0.0.5/24", gateway = "10.0.0.1", dns_servers = ["10.0.0.2"] }
  } } }`, tier, power, name, vlan))
	}
	w := newWorkspace(t, host, name, provider+shop(name, blankImage(t)))
	nvram := host.HostPath("/var/lib/libvirt/qemu/nvram/" + name + "-efi_VARS.fd")
	efi := instance("efi", name+"-efi", `hardware_profile = { firmware = "efi" }`, `wait_for = []`, `timeouts {
    delete = "5s"
  }`)
	w.instances(t, efi, tagged(42, "bulk", "stopped"))
	w.Apply(t)
	w.EmptyPlan(t)
	if !exists(nvram) {
		t.Errorf("there is no %s", nvram)
	}
	definition := host.Virsh(t, "dumpxml", "--inactive", name+"-tag")
	for _, want := range []string{
		`<tag id='42'/>`, `<target dev='sdb' bus='scsi' rotation_rate='1'/>`,
		`<target dev='sdc' bus='scsi' rotation_rate='7200'/>`, `discard='ignore'`,
		bulk + `/nova.disk.default.` + name + `-tag.data.qcow2`,
	} {
		if !strings.Contains(definition, want) {
			t.Errorf("%s is missing:\n%s", want, definition)
		}
	}
	if base := backingOf(t, host, diskIn(fast, name+"-tag", "system")); base != "" {
		t.Errorf("the full clone in the other pool hangs on %q", base)
	}
	data := definition[strings.Index(definition, bulk):]
	if order := data[strings.Index(data, "<boot order="):][:len("<boot order='1'/>")]; order != "<boot order='1'/>" {
		t.Errorf("the data disk has %s", order)
	}

	w.instances(t, efi, tagged(43, "fast", "stopped"))
	if out, err := w.Run(t.Context(), "plan"); err != nil {
		t.Errorf("plan: %v\n%s", err, out)
	} else {
		tfacc.Says(t, out, "novacron_instance.tagged must be replaced", "vlan = 42 -> 43 # (",
			`storage_tier = "bulk" -> "fast" # forces replacement`, "1 to add, 0 to change, 1 to destroy")
	}

	w.instances(t, efi, tagged(43, "bulk", "stopped"))
	tfacc.Says(t, w.Apply(t), "will be updated in-place", "vlan = 42 -> 43", "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	if !strings.Contains(host.Virsh(t, "dumpxml", "--inactive", name+"-tag"), `<tag id='43'/>`) {
		t.Error("the interface has not got its new tag")
	}

	// There is no such bridge, so a start fails after all disks were created: none may stay.
	w.instances(t, efi)
	w.Apply(t)
	w.instances(t, efi, tagged(42, "bulk", "running"))
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), `Making instance "`+name+`-tag", step start`, "nova-none")
	for _, pool := range []string{volumes.DefaultPool, name + "-fast", name + "-bulk"} {
		if left := host.Leftovers(t, pool, name+"-tag"); len(left) > 0 {
			t.Errorf("a create that failed has left %q", left)
		}
	}
	w.instances(t)
	w.Apply(t)
	if exists(nvram) {
		t.Errorf("%s was left", nvram)
	}
}

// An undefined domain leaves volumes in pools that only the provider's configuration names.
func TestAccVolumesOfALostDomainAreRemovedFromAllTiers(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("lost")
	provider, fast, _ := tiers(t, host, name)
	w := newWorkspace(t, host, name, provider+shop(name, blankImage(t)))
	w.instances(t, instance("it", name+"-it", `storage_profile = { disks = { system = { storage_tier = "fast" } } }`,
		`power_state = "stopped"`))
	w.Apply(t)
	disk := host.HostPath(diskIn(fast, name+"-it", "system"))
	if !exists(disk) {
		t.Fatalf("there is no %s", disk)
	}
	base := backingOf(t, host, diskIn(fast, name+"-it", "system"))
	host.Virsh(t, "undefine", name+"-it")
	if out, err := w.Run(
		t.Context(), "destroy", "-auto-approve", "-refresh=false", "-target=novacron_instance.it",
	); err != nil {
		t.Fatalf("destroy: %v\n%s", err, out)
	}
	if exists(disk) {
		t.Errorf("%s is left", disk)
	}
	// A base is not removed from under a foreign overlay either, in any pool.
	host.Virsh(t, "vol-create-as", name+"-fast", "theirs.qcow2", "16M", "--format", "qcow2", "--backing-vol", base,
		"--backing-vol-format", "qcow2")
	tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve"), "volume theirs.qcow2")
	host.Virsh(t, "vol-delete", "--pool", name+"-fast", "theirs.qcow2")
}

func TestAccBadProfilesAreRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("badprofile")
	t.Parallel()
	host.Virsh(t, "pool-define-as", name+"-off", "dir", "--target", "/var/lib/libvirt/"+name+"-off")
	t.Cleanup(func() { host.Virsh(t, "pool-undefine", name+"-off") })
	w := newWorkspace(t, host, name, fmt.Sprintf(`
provider "novacron" {
  storage_tiers   = { fast = "novacron", off = "%[1]s-off", lost = "%[1]s-lost" }
  public_networks = ["public", "br0"]
}
`, name)+shop(name, blankImage(t)))
	disk := func(settings string) string {
		return `storage_profile = { disks = { system = { ` + settings + ` } } }`
	}
	nic := func(settings string) string {
		return `network_profile = { interfaces = { eth0 = { ` + settings + ` } } }`
	}
	const eth0, system = `network_profile.interfaces["eth0"].`, `storage_profile.disks["system"].`
	refusals := w.Refusals(w.shop)
	for _, c := range []struct {
		mistake, settings string
		says              []string
	}{
		{
			"tier", disk(`storage_tier = "slow"`), []string{
				"Storage tier not found", system + "storage_tier", "They have: fast, lost, off.",
			},
		},
		{
			"tier without a pool", disk(`storage_tier = "lost"`),
			[]string{"Storage pool not found", system + "storage_tier", `the pool "` + name +
				`-lost"`, "It has: ", name + "-off"},
		},
		{
			"tier that is off", disk(`storage_tier = "off"`),
			[]string{"Storage pool is not active", "virsh pool-start " + name + "-off"},
		},
		{"disk type", disk(`type = "tape"`), []string{"Unknown disk type", `"tape" is not one of ssd, hdd.`}},
		{"two to start from", `storage_profile = { disks = { system = { is_boot = true }, data = { size_gb = 1, ` +
			`is_boot = true } } }`,
			[]string{"Duplicate boot disk", `Disk "data" is the disk to start from already`}},
		{"filter", `network_profile = { default_network_policies = ["no-such"] }`,
			[]string{
				"Network filter not found", "network_profile.default_network_policies", `"no-such"`,
				"It has: allow-arp, ", "clean-traffic",
			}},
		{"two filters", `network_profile = { default_network_policies = ["allow-arp", "clean-traffic"] }`,
			[]string{"Too many network filters", "<filterref filter='allow-arp'/><filterref filter='clean-traffic'/>"}},
		{"public network", `network_profile = { requires_public_ip = true }`,
			[]string{"Missing public network", "network_profile.requires_public_ip", "They name: br0, public."}},
		{"tag", nic(`vlan = 42`), []string{"Network does not support VLAN tags", eth0 + "vlan", "Open vSwitch"}},
		{
			"bridge", nic(`bridge = "br-none"`), []string{
				"Bridge not found", eth0 + "bridge",
				`Interface "eth0" should be on the bridge "br-none", which the host`, "Its interfaces are", "virbr0",
			},
		},
		{
			"tag of a bridge", nic(`bridge = "virbr0", vlan = 42`),
			[]string{"Network does not support VLAN tags", eth0 + "vlan"},
		},
		{"tag beyond", nic(`vlan = 4095`), []string{"Value out of range", "4095 is not between 1 and 4094"}},
		{"static address", nic(`ip_configuration = { static_ip = "10.0.0.5" }`),
			[]string{"Invalid address", eth0 + "ip_configuration.static_ip", "write it as 10.0.0.5/24"}},
		{"gateway", nic(`ip_configuration = { static_ip = "10.0.0.5/24", gateway = "10.0.1.1" }`),
			[]string{"Invalid gateway", eth0 + "ip_configuration.gateway", "not in the network 10.0.0.0/24"}},
		{"gateway alone", nic(`ip_configuration = { gateway = "10.0.1.1" }`),
			[]string{"Gateway without static address", eth0 + "ip_configuration.gateway"}},
		{"static address and DHCP", nic(`ip_configuration = { static_ip = "10.0.0.5/24", dhcp_enabled = true }`),
			[]string{"Conflicting static_ip and dhcp_enabled"}},
		{"DNS server", nic(`ip_configuration = { dns_servers = ["dns"] }`),
			[]string{"Invalid DNS server", `"dns" is not the address`}},
		{"no address", nic(`ip_configuration = { dhcp_enabled = false }`), []string{"No interface to wait for"}},
		{
			"firmware", `hardware_profile = { firmware = "uefi" }`,
			[]string{"Unknown firmware", `"uefi" is not one of bios, efi.`},
		},
		{"GPU type", `hardware_profile = { gpu_count = 1 }`, []string{"Missing GPU type", "hardware_profile.gpu_type"}},
		{"GPU", `hardware_profile = { gpu_count = 1, gpu_type = "10de:1eb8" }`,
			[]string{"GPU not found", `no GPU of the type "10de:1eb8". It has`}},
		{"no GPU type", `hardware_profile = { gpu_type = "T4" }`, []string{"Invalid GPU type", "lspci -n"}},
	} {
		refusals.Add(c.mistake, instance("it", name+"-it", c.settings), c.says...)
	}
	refusals.Check(t)
	// Values that are not known yet are not reported as wrong. Two data disks are laid over a
	// system disk that the version names.
	w.instances(t, `
resource "terraform_data" "later" {
  input = { ip = "10.0.0.5/24", gpus = "10de:1eb8", policy = "clean-traffic", tier = "fast" }
}
`, instance("it", name+"-it", `hardware_profile = { gpu_count = 1, gpu_type = terraform_data.later.output.gpus }
  network_profile = {
    default_network_policies = [terraform_data.later.output.policy]
    interfaces = { eth0 = { ip_configuration = { static_ip = terraform_data.later.output.ip, gateway = "10.0.0.1" } } }
  }
  storage_profile = { disks = {
    a = { size_gb = 1, storage_tier = terraform_data.later.output.tier }
    b = { size_gb = 1 }
  } }`))
	if out, err := w.Run(t.Context(), "plan"); err != nil {
		t.Errorf("a plan with unknown values: %v\n%s", err, out)
	}
	w.instances(t)

	deferred := tfacc.NewWorkspace(t, `
resource "terraform_data" "later" {
  input = "novacron"
}
provider "novacron" {
  storage_tiers   = { fast = terraform_data.later.output }
  public_networks = [terraform_data.later.output]
}
`+shop(name+"-2", blankImage(t))+instance("it", name+"-2", disk(`storage_tier = "slow"`)))
	if out, err := deferred.Run(t.Context(), "plan"); err != nil {
		t.Errorf("a plan with a provider that is not known yet: %v\n%s", err, out)
	}
}
