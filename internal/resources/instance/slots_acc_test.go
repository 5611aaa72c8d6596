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
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// The plan reports a replacement at the attribute that causes it.
func TestAccWhatOfDevicesReplaces(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("replaces")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	nics := func(eth0 tfconfig.Interface, more ...tfconfig.Interface) *tfconfig.Network {
		all := map[string]tfconfig.Interface{"eth0": eth0}
		for _, nic := range more {
			all["eth1"] = nic
		}
		return &tfconfig.Network{Interfaces: all}
	}
	disks := func(data tfconfig.Disk, more ...tfconfig.Disk) *tfconfig.Storage {
		all := map[string]tfconfig.Disk{"system": {}, "data": data}
		for _, disk := range more {
			all["other"] = disk
		}
		return &tfconfig.Storage{Disks: all}
	}
	static := func(address tfconfig.Value) tfconfig.Interface {
		return tfconfig.Interface{IPConfiguration: &tfconfig.Addresses{StaticIP: address}}
	}
	const later = `
resource "terraform_data" "later" {
  input = "10.0.0.5/24"
}
`
	made := off("it", name+"-it")
	made.NetworkProfile, made.StorageProfile = nics(tfconfig.Interface{}), disks(tfconfig.Disk{SizeGB: 1})
	w.instances(t, made.String())
	w.Apply(t)
	for what, c := range map[string]struct {
		network *tfconfig.Network
		storage *tfconfig.Storage
		says    string
	}{
		"static address": {
			network: nics(tfconfig.Interface{}, static("10.0.0.5/24")),
			says:    `+ ip_configuration = { # forces replacement`,
		},
		"address to come": {
			network: nics(tfconfig.Interface{}, static(tfconfig.Expr("terraform_data.later.output"))),
			says:    `+ ip_configuration = { # forces replacement`,
		},
		"MAC address": {
			network: nics(tfconfig.Interface{MACAddress: "52:54:00:00:00:01"}),
			says:    `mac_address = "52:54:00:00:00:01" # forces replacement`,
		},
		"type of a disk": {
			storage: disks(tfconfig.Disk{SizeGB: 1, Type: "ssd"}),
			says:    `type = "ssd" # forces replacement`,
		},
		"start from it": {
			storage: disks(tfconfig.Disk{SizeGB: 1}, tfconfig.Disk{SizeGB: 1, IsBoot: true}),
			says:    `is_boot = true # forces replacement`,
		},
	} {
		changed := made
		if c.network != nil {
			changed.NetworkProfile = c.network
		}
		if c.storage != nil {
			changed.StorageProfile = c.storage
		}
		w.instances(t, changed.String(), later)
		out, err := w.Run(t.Context(), "plan")
		if err != nil {
			t.Errorf("%s: %v\n%s", what, err, out)
			continue
		}
		tfacc.Says(t, out, "must be replaced", c.says)
	}
	w.instances(t, made.String())
}

// A guest without a system releases no device: the error says so, and nothing is lost.
func TestAccAGuestThatDoesNotLetGo(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("keeps")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	config := func(settings ...string) {
		w.instances(t, instance("it", domain, append(settings, `wait_for = []`, `timeouts {
    update = "30s"
    delete = "1s"
  }`)...))
	}
	const data = `storage_profile = { disks = { data = { size_gb = 1 } } }`
	config(data)
	w.Apply(t)
	config()
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), `Disk "data" will be deleted`, "Could not update instance",
		`did not let go of disk "data"`, "Nothing of it was deleted", "apply again", `power_state = "stopped"`)
	if !exists(host.HostPath(diskPath(domain, "data"))) ||
		!strings.Contains(host.Virsh(t, "dumpxml", "--inactive", domain), "ua-disk-data") {
		t.Error("the disk or its volume is gone")
	}
	config(`power_state = "stopped"`)
	w.Apply(t)
	w.EmptyPlan(t)
	if exists(host.HostPath(diskPath(domain, "data"))) ||
		strings.Contains(host.Virsh(t, "dumpxml", "--inactive", domain), "ua-disk-data") {
		t.Error("the disk or its volume is still there")
	}
}

// A guest whose slots are all taken is restarted for another device, which is announced, and then
// has slots to spare.
func TestAccWithoutAFreeSlotARestartIsAnnounced(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("slots")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	config := func(settings ...string) {
		w.instances(t, instance("it", domain, append(settings, `wait_for = []`, `timeouts {
    update = "1m"
    delete = "1s"
  }`)...))
	}
	config(`power_state = "stopped"`)
	w.Apply(t)
	// A foreign edit turned it into a PCI Express machine, with as many ports as libvirt finds
	// necessary.
	definition := host.Virsh(t, "dumpxml", "--inactive", domain)
	definition = regexp.MustCompile(`machine='[^']*'`).ReplaceAllString(definition, "machine='q35'")
	definition = regexp.MustCompile(`<address type='pci'[^>]*/>|<controller type='pci' index='0' model='pci-root'/>`).
		ReplaceAllString(definition, "")
	file := filepath.Join(t.TempDir(), "q35.xml")
	if err := os.WriteFile(file, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	host.Virsh(t, "define", file)
	config()
	w.Apply(t)
	id := host.Virsh(t, "domid", domain)

	const more = `network_profile = { interfaces = { eth0 = {}, eth1 = {}, eth2 = {} } }`
	config(more, `allow_restart = false`)
	tfacc.Says(t, w.Fails(t, "plan"), "Change requires a restart", "with novacron_instance.it", "network_profile = {",
		`The change of network_profile.interfaces["eth2"] needs a restart`, "which allow_restart = false forbids",
		"no PCI slot left")
	config(more)
	tfacc.Says(t, w.Apply(t), "Warning: Instance will be restarted", `network_profile.interfaces["eth2"]`,
		"0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	restarted := host.Virsh(t, "domid", domain)
	if now := nicsOf(t, host, domain); restarted == id || len(now) != 3 {
		t.Errorf("domain %s was %s and has the interfaces %v", restarted, id, now)
	}
	config(more, `allow_restart = false`, `storage_profile = { disks = { a = { size_gb = 1 }, b = { size_gb = 1 }, c `+
		`= { size_gb = 1 }, d = { size_gb = 1 } } }`)
	w.Apply(t)
	w.EmptyPlan(t)
	if now := host.Virsh(t, "domid", domain); now != restarted {
		t.Error("the guest was restarted although it had slots to spare")
	}
}

// attach attaches a device of that XML to the running guest only.
func attach(t *testing.T, host *acctest.Host, domain, device string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "device.xml")
	if err := os.WriteFile(file, []byte(device), 0o600); err != nil {
		t.Fatal(err)
	}
	host.Virsh(t, "attach-device", domain, file, "--live")
}

// Remains of an interrupted change and foreign devices do not block a later change.
func TestAccAChangeThatWasCutOffIsFinished(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("cutoff")
	t.Parallel()
	provider, fast, _ := tiers(t, host, name)
	w := newWorkspace(t, host, name, provider+shop(name, blankImage(t)))
	domain := name + "-it"
	config := func(settings ...string) {
		w.instances(t, instance("it", domain, append(settings, `wait_for = []`, `allow_restart = false`, `timeouts {
    delete = "1s"
  }`)...))
	}
	config()
	w.Apply(t)
	id := host.Virsh(t, "domid", domain)
	const device = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/><target ` +
		`dev='%s'/>%s</disk>`
	volume := filepath.Base(diskPath(domain, "data"))
	host.Virsh(t, "vol-create-as", "novacron", volume, "1G", "--format", "qcow2")
	host.Virsh(t, "vol-create-as", "novacron", name+"-theirs", "1G", "--format", "qcow2")
	attach(t, host, domain, fmt.Sprintf(device, "/var/lib/libvirt/novacron/"+name+"-theirs", "vdb", ""))
	attach(t, host, domain, fmt.Sprintf(device, diskPath(domain, "data"), "vdc",
		"<serial>data</serial><alias name='ua-disk-data'/>"))
	attach(t, host, domain, `<interface type='network'><mac address='52:54:00:12:34:57'/><source `+
		`network='default'/><model type='virtio'/><alias name='ua-nic-eth1'/></interface>`)

	// The guest's process cannot open the new disk on the tier: its volume is removed again.
	const data = `data = { size_gb = 2 }`
	const nics = `network_profile = { interfaces = { eth0 = {}, eth1 = {} } }`
	if err := os.Chmod(host.HostPath(fast), 0o700); err != nil {
		t.Fatal(err)
	}
	config(nics, `storage_profile = { disks = { `+data+`, fast = { size_gb = 1, storage_tier = "fast" } } }`)
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Could not update instance", `adding disk "fast"`,
		"Permission denied")
	if left := host.Leftovers(t, name+"-fast", domain); len(left) != 1 { // the domain
		t.Errorf("left over: %q", left)
	}
	if err := os.Chmod(host.HostPath(fast), 0o755); err != nil {
		t.Fatal(err)
	}
	w.Apply(t)
	w.EmptyPlan(t)
	defined := places(t, host, domain, "--inactive")
	if live := places(t, host, domain); fmt.Sprint(live) != fmt.Sprint(defined) || defined["ua-disk-fast"] == "" ||
		defined["ua-disk-data"] == "" {
		t.Errorf("the guest has %v, its definition %v", live, defined)
	}
	if now := nicsOf(t, host, domain, "--inactive"); len(now) != 2 || now[1].mac != "52:54:00:12:34:57" {
		t.Errorf("the interfaces are %v", now)
	}
	if size := host.Virsh(t, "domblkinfo", domain, "vdc"); !strings.Contains(size, "2147483648") {
		t.Errorf("the disk that was there has not grown:\n%s", size)
	}
	if now := host.Virsh(t, "domid", domain); now != id {
		t.Error("the guest was restarted")
	}
	w.instances(t)
	w.Apply(t)
	host.Virsh(t, "vol-delete", "--pool", "novacron", name+"-theirs")
}
