package instance_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// isolated creates a network of the host that leads nowhere.
func isolated(t *testing.T, host *acctest.Host, name string) {
	t.Helper()
	host.Network(t, name, fmt.Sprintf("<bridge name='nv%s' stp='off'/>", name[len(name)-8:]))
}

// nic is an interface as virsh lists it: network or bridge, model, MAC address.
type nic struct{ source, model, mac string }

// nicsOf lists the interfaces of a running guest, or of the definition, in the order of the domain.
func nicsOf(t *testing.T, host *acctest.Host, domain string, flags ...string) []nic {
	t.Helper()
	var nics []nic
	for line := range strings.Lines(host.Virsh(t, append([]string{"domiflist", domain}, flags...)...)) {
		if c := strings.Fields(line); len(c) == 5 {
			nics = append(nics, nic{c[2], c[3], c[4]})
		}
	}
	return nics
}

// places are where the definition, or the running guest, has the devices that novacron named.
func places(t *testing.T, host *acctest.Host, domain string, flags ...string) map[string]string {
	t.Helper()
	at := map[string]string{}
	xml := host.Virsh(t, append([]string{"dumpxml", domain}, flags...)...)
	named := regexp.MustCompile(`(?s)<alias name='(ua-[^']*)'/>.*?<address ([^>]*)/>`)
	for _, m := range named.FindAllStringSubmatch(xml, -1) {
		at[m[1]] = m[2]
	}
	return at
}

// guestHas waits until a guest sees what it was given: its system notices by itself.
func guestHas(t *testing.T, host *acctest.Host, domain, shell, want string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if got = guestSays(t, host, domain, "/bin/sh", "-c", shell); got == want {
			return
		}
	}
	t.Errorf("in the guest, %s says %q, want %q", shell, got, want)
}

func TestAccDevicesComeAndGoWhileTheGuestRuns(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("devices")
	t.Parallel()
	isolated(t, host, name)
	w := newWorkspace(t, host, name, shop(name, acctest.TinyImage(t)))
	domain := name + "-it"
	config := func(settings ...string) {
		w.instances(t, instance("it", domain, append(settings, `wait_for = ["agent"]`, `allow_restart = false`)...))
	}
	const (
		boot  = "cat /proc/sys/kernel/random/boot_id"
		cards = "cat /sys/class/net/eth*/address | sort | xargs"
		disks = "cd /sys/block; for d in vd* sd*; do [ ! -e $d ] || echo $d:$(($(cat $d/size) / 2097152)); done | xargs"
	)
	config()
	w.Apply(t)
	id, booted, first := host.Virsh(t, "domid", domain), guestSays(t, host, domain, "/bin/sh", "-c", boot),
		nicsOf(t, host, domain)[0]
	same := func() {
		t.Helper()
		if now := guestSays(t, host, domain, "/bin/sh", "-c", boot); now != booted ||
			host.Virsh(t, "domid", domain) != id {
			t.Errorf("the guest was restarted: its boot was %s and is %s", booted, now)
		}
		if now := nicsOf(t, host, domain)[0]; now.mac != first.mac {
			t.Errorf("the first interface was %v and is %v", first, now)
		}
		live, defined := places(t, host, domain), places(t, host, domain, "--inactive")
		if fmt.Sprint(live) != fmt.Sprint(defined) {
			t.Errorf("after a restart the guest would have its devices elsewhere:\n%v\n%v", live, defined)
		}
		w.EmptyPlan(t)
	}
	change := func(settings ...string) string {
		t.Helper()
		config(settings...)
		out := w.Apply(t)
		tfacc.Says(t, out, "will be updated in-place", "0 added, 1 changed, 0 destroyed")
		if strings.Contains(out, "restarted") {
			t.Errorf("a restart is announced:\n%s", out)
		}
		return out
	}
	eth1 := func(settings string) string {
		return `network_profile = { default_network_policies = ["allow-arp"], interfaces = { eth0 = {}, eth1 = { ` +
			settings + ` } } }`
	}

	change(`description = "new"`, `labels = { a = "b" }`, `autostart = true`)
	same()

	const both = `storage_profile = { disks = { data = { size_gb = 1 }, logs = { size_gb = 2, type = "hdd" } } }`
	change(both, `network_profile = { interfaces = { eth0 = {}, eth1 = { mac_address = "52:54:00:12:34:56" } } }`)
	guestHas(t, host, domain, disks, "vda:0 vdb:1 sda:2")
	guestHas(t, host, domain, "cat /sys/block/vdb/serial", "data")
	guestHas(t, host, domain, cards, strings.Join(sorted(first.mac, "52:54:00:12:34:56"), " "))
	same()

	change(both, eth1(`mac_address = "52:54:00:12:34:56", network = "`+name+`"`))
	if now := nicsOf(t, host, domain); len(now) != 2 || now[0].source != "default" ||
		now[1] != (nic{name, "virtio", "52:54:00:12:34:56"}) {
		t.Errorf("the guest has the interfaces %v", now)
	}
	if n := strings.Count(host.Virsh(t, "dumpxml", domain), "<filterref filter='allow-arp'/>"); n != 2 {
		t.Errorf("%d interfaces of the guest have the filter, want 2", n)
	}
	same()

	change(both, eth1(`mac_address = "52:54:00:12:34:56", bridge = "virbr0"`))
	if now := nicsOf(t, host, domain); len(now) != 2 || now[1] != (nic{"virbr0", "virtio", "52:54:00:12:34:56"}) {
		t.Errorf("the guest has the interfaces %v", now)
	}
	same()

	change(both, eth1(`mac_address = "52:54:00:12:34:56", bridge = "virbr0", type = "e1000"`))
	if now := nicsOf(t, host, domain); len(now) != 2 || now[1] != (nic{"virbr0", "e1000", "52:54:00:12:34:56"}) {
		t.Errorf("the guest has the interfaces %v", now)
	}
	same()

	out := change()
	tfacc.Says(t, out, `Warning: Disk "data" will be deleted`, "with novacron_instance.it",
		`storage_profile.disks["data"]`, "deletes its volume")
	guestHas(t, host, domain, disks, "vda:0")
	guestHas(t, host, domain, cards, first.mac)
	for _, disk := range []string{"data", "logs"} {
		if exists(host.HostPath(diskPath(domain, disk))) {
			t.Errorf("the volume of disk %s is still there", disk)
		}
	}
	same()
}

func sorted(a, b string) []string {
	if b < a {
		return []string{b, a}
	}
	return []string{a, b}
}

// Changes are made in the definition of a stopped instance, by the configuration and by other
// means.
func TestAccDevicesOfAStoppedInstance(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("stopped")
	t.Parallel()
	isolated(t, host, name)
	w := newWorkspace(t, host, name, shop(name, blankImage(t)))
	domain := name + "-it"
	config := func(settings ...string) {
		w.instances(t, instance("it", domain, append(settings, `power_state = "stopped"`)...))
	}
	disks := func() string {
		return strings.Join(strings.Fields(host.Virsh(t, "domblklist", domain)), " ")
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	system, data, seed := "vda "+diskPath(domain, "system"), " vdb "+diskPath(domain, "data"),
		" sda /var/lib/libvirt/novacron/nova.seed.default."+domain+".iso"
	config()
	w.Apply(t)
	first := nicsOf(t, host, domain)[0]

	const data1 = `storage_profile = { disks = { data = { size_gb = 1 } } }`
	moved := func(filter string) string {
		return `network_profile = { ` + filter + ` interfaces = { eth0 = { network = "` + name +
			`" }, eth1 = { type = "e1000e", ip_configuration = { dhcp_enabled = false } } } }`
	}
	config(data1, moved(`default_network_policies = ["clean-traffic"],`))
	tfacc.Says(t, w.Apply(t), "will be updated in-place", "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	check("disks", disks(), system+data+seed)
	now := nicsOf(t, host, domain)
	if len(now) != 2 || now[0] != (nic{name, "virtio", first.mac}) || now[1].source != "default" ||
		now[1].model != "e1000e" {
		t.Errorf("the interfaces are %v", now)
	}
	if n := strings.Count(host.Virsh(t, "dumpxml", domain), "<filterref filter='clean-traffic'/>"); n != 2 {
		t.Errorf("%d interfaces have the filter, want 2", n)
	}

	// The disk and an interface are removed from the definition by other means: both come back, the
	// disk with its data.
	file := host.HostPath(diskPath(domain, "data"))
	host.Virsh(t, "detach-disk", domain, "vdb", "--config")
	host.Virsh(t, "detach-interface", domain, "network", "--mac", now[1].mac, "--config")
	host.Exec(t, "qemu-io", "-f", "qcow2", "-c", "write -P 77 0 4k", diskPath(domain, "data"))
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	config(data1, moved(""), `description = "repaired"`)
	w.Apply(t)
	w.EmptyPlan(t)
	check("disks", disks(), system+data+seed)
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("the disk's volume was made anew (%v)", err)
	}
	host.Exec(t, "qemu-io", "-f", "qcow2", "-c", "read -P 77 0 4k", diskPath(domain, "data"))
	if again := nicsOf(t, host, domain); len(again) != 2 || again[1].model != "e1000e" {
		t.Errorf("the interfaces are %v", again)
	}
	if strings.Contains(host.Virsh(t, "dumpxml", domain), "filterref") {
		t.Error("an interface still has a filter")
	}

	config()
	tfacc.Says(t, w.Apply(t), `Disk "data" will be deleted`, "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	check("disks", disks(), system+seed)
	if exists(file) {
		t.Errorf("%s is still there", file)
	}
	if now := nicsOf(t, host, domain); len(now) != 1 || now[0] != first {
		t.Errorf("the interfaces are %v, want %v", now, first)
	}
}
