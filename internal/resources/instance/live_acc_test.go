//go:build linux

package instance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// pair is two hosts that reach each other, and a guest on a network that both have.
type pair struct {
	hosts  map[string]*acctest.Host
	shop   string
	domain string
	space  *tfacc.Workspace
}

// newPair starts two hosts, whose names end with the suffix.
func newPair(t *testing.T, suffix string) *pair {
	t.Helper()
	shared := acctest.RequireHost(t)
	name := tfacc.Name("live")
	p := &pair{hosts: map[string]*acctest.Host{}, domain: name + "-it", shop: shop(name, acctest.TinyImage(t))}
	for _, key := range []string{"kvm1", "kvm2"} {
		p.hosts[key] = shared.Own(t, "live-"+suffix+key[3:])
	}
	p.hosts["kvm1"].Join(t, p.hosts["kvm2"])
	p.space = tfacc.NewWorkspace(t, p.on("kvm1"))
	t.Cleanup(func() { p.space.Destroy(t) })
	tfacc.Says(t, p.space.Apply(t), "3 added")
	return p
}

// on is the configuration that wants the guest on a host.
func (p *pair) on(key string, settings ...string) string {
	return p.reached([]string{"kvm1", "kvm2"}, key, settings...)
}

// reached is on where only some hosts have a peer.
func (p *pair) reached(peers []string, key string, settings ...string) string {
	var b strings.Builder
	b.WriteString("provider \"novacron\" {\n  hosts = {\n")
	for _, name := range []string{"kvm1", "kvm2"} {
		peer := ""
		if slices.Contains(peers, name) {
			uri, data := p.hosts[name].Peer()
			peer = fmt.Sprintf(", peer = { uri = %q, data = %q }", uri, data)
		}
		fmt.Fprintf(&b, "    %s = { uri = %q, overcommit = { vcpus = 100, memory = 4 }%s }\n", name, p.hosts[name].URI,
			peer)
	}
	b.WriteString("  }\n  catalog = { host = \"kvm1\" }\n}\n")
	return b.String() + p.shop + instance("it", p.domain, append(settings, fmt.Sprintf("placement = { hosts = [%q] }",
		key), `on_host_change = "live"`, `wait_for = ["agent"]`,
		`network_profile = { interfaces = { front = { bridge = "peers" } } }`,
		`storage_profile = { disks = { data = { size_gb = 1 } } }`)...)
}

// address is what the guest was leased on the bridge of both hosts.
func (p *pair) address(t *testing.T) string {
	t.Helper()
	leases, err := os.ReadFile(filepath.Join(p.hosts["kvm1"].Root, "run", "peers.leases"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(leases)) { // expiry, MAC, address, name, client
		if fields := strings.Fields(line); len(fields) > 2 {
			return fields[2]
		}
	}
	t.Fatalf("nothing is leased: %q", leases)
	return ""
}

// life is what a guest knows of how long it has run.
type life struct {
	boot   string
	uptime float64 // seconds
}

func (p *pair) life(t *testing.T, key string) life {
	t.Helper()
	said := guestSays(t, p.hosts[key], p.domain, "/bin/sh", "-c", "cat /proc/sys/kernel/random/boot_id /proc/uptime")
	fields := strings.Fields(said)
	uptime, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return life{fields[0], uptime}
}

// isOn checks that the guest has run on, is whole on one host, and that the other has nothing of it.
func (p *pair) isOn(t *testing.T, key string, since life) {
	t.Helper()
	p.space.EmptyPlan(t)
	if state := stateOf(t, p.space, "novacron_instance.it"); state["placed_on"] != key || state["status"] != "running" {
		t.Errorf("it is on %v, and %v", state["placed_on"], state["status"])
	}
	if now := p.life(t, key); now.boot != since.boot || now.uptime < since.uptime {
		t.Errorf("its boot was %+v, and is %+v", since, now)
	}
	other := map[string]string{"kvm1": "kvm2", "kvm2": "kvm1"}[key]
	if left := domains(t, p.hosts[other], p.domain); len(left) > 0 {
		t.Errorf("host %s has the domains %q", other, left)
	}
	for _, prefix := range []string{"nova.disk.", "nova.seed.", "nova.console."} {
		if left := filesOf(t, p.hosts[other], prefix); len(left) > 0 {
			t.Errorf("host %s has %q", other, left)
		}
	}
	definition := p.hosts[key].Virsh(t, "dumpxml", "--inactive", p.domain)
	if strings.Contains(definition, "<moving>") || strings.Contains(definition, "<arrived>") {
		t.Errorf("its domain says that it moves:\n%s", definition)
	}
}

// plan is what a plan of a configuration says.
func (p *pair) plan(t *testing.T, config string) string {
	t.Helper()
	p.space.Configure(t, config)
	return p.space.Succeeds(t, "plan")
}

func TestAccAGuestRunsOnWhileItIsMoved(t *testing.T) {
	t.Parallel()
	p := newPair(t, "a")
	const place = "$(($(cat /sys/block/vda/size) - 8))" // near the end of the system disk, where nothing is
	guestSays(t, p.hosts["kvm1"], p.domain, "/bin/sh", "-c", "printf data >/dev/vdb && "+
		"printf system | dd of=/dev/vda bs=512 seek="+place+" conv=sync && sync")
	before, devices := p.life(t, "kvm1"), places(t, p.hosts["kvm1"], p.domain)

	// What the plan says.
	p.space.Configure(t, p.reached([]string{"kvm1"}, "kvm2"))
	tfacc.Says(t, p.space.Fails(t, "plan"), "Guest cannot be moved while it runs", `on_host_change = "live"`,
		"kvm2: the provider's configuration has no peer for it")
	p.hosts["kvm1"].Virsh(t, "suspend", p.domain)
	p.space.Configure(t, p.on("kvm2"))
	tfacc.Says(t, p.space.Fails(t, "plan"), "Guest cannot be moved while it runs", "it is paused")
	p.hosts["kvm1"].Virsh(t, "resume", p.domain)
	tfacc.Says(t, p.plan(t, p.on("kvm2", "allow_restart = false")), `"kvm1" -> "kvm2"`, "Instance will be moved",
		"moves it to host kvm2 while it runs", "The guest runs on meanwhile.")

	// It answers all the time, but for a moment.
	ping := p.hosts["kvm1"].Ping(t, p.address(t))
	began := time.Now()
	tfacc.Says(t, p.space.Apply(t), "0 added, 1 changed, 0 destroyed")
	took := time.Since(began)
	asked, lost, gap := ping.Stop()
	t.Logf("moved in %s: %d of %d pings were lost, the longest gap was %s", took, lost, asked, gap)
	const switchover = 2 * time.Second
	if asked < 50 || gap > switchover {
		t.Errorf("%d of %d pings were lost, the longest gap was %s", lost, asked, gap)
	}
	p.isOn(t, "kvm2", before)
	if got := places(t, p.hosts["kvm2"], p.domain); fmt.Sprint(got) != fmt.Sprint(devices) {
		t.Errorf("its devices were at %v, and are at %v", devices, got)
	}
	if got := guestSays(t, p.hosts["kvm2"], p.domain, "/bin/sh", "-c", "head -c 4 /dev/vdb; "+
		"dd if=/dev/vda bs=512 skip="+place+" count=1 | head -c 6"); got != "datasystem" {
		t.Errorf("the guest has %q", got)
	}
	console, err := os.ReadFile(filesOf(t, p.hosts["kvm2"], "nova.console.")[0])
	if err != nil || !strings.Contains(string(console), "userspace at") {
		t.Errorf("the log of its console has %q, %v", console, err)
	}

	// What needs a restart is said, and done on the new host.
	memory := p.on("kvm1", `hardware_profile = { memory_mb = 160 }`)
	tfacc.Says(t, p.plan(t, memory), "needs a restart", "while it runs")
	p.space.Apply(t)
	after := p.life(t, "kvm1")
	if after.boot == before.boot {
		t.Error("it has other memory without a restart")
	}
	p.isOn(t, "kvm1", after)

	// A guest that is off is moved as ever.
	off := p.on("kvm2", `power_state = "stopped"`)
	p.space.Configure(t, p.on("kvm1", `power_state = "stopped"`))
	p.space.Apply(t)
	tfacc.Says(t, p.plan(t, off), "Instance will be moved", "The guest is off.")
	p.space.Apply(t)
	p.space.EmptyPlan(t)
	if state := fact(t, p.hosts["kvm2"], p.domain, "State"); state != "shut off" {
		t.Errorf("it is %s", state)
	}
}

// untilMigrating waits until the first host sends the guest.
func (p *pair) untilMigrating(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !p.migrating(t, "kvm1"); {
		if time.Now().After(end) {
			t.Fatal("it is not moved")
		}
	}
}

// migrating reports whether a host sends the guest.
func (p *pair) migrating(t *testing.T, key string) bool {
	t.Helper()
	return strings.Contains(p.hosts[key].Virsh(t, "domjobinfo", p.domain), "Outgoing migration")
}

// A provider that is killed during the move does not stop it, and the next plan waits for the hosts.
func TestAccALiveMoveGoesOnWithoutItsProvider(t *testing.T) {
	t.Parallel()
	p := newPair(t, "b")
	p.space.OwnProcess()
	before := p.life(t, "kvm1")
	p.hosts["kvm1"].Virsh(t, "migrate-setspeed", p.domain, "8")
	p.space.Configure(t, p.on("kvm2"))
	ping := p.hosts["kvm1"].Ping(t, p.address(t))
	out, err := p.space.Start(t, "apply", "-auto-approve").Until(t, "the guest moves", func() bool {
		return p.migrating(t, "kvm1")
	}, syscall.SIGKILL)
	if err == nil {
		t.Fatalf("it ended:\n%s", out)
	}
	if !p.migrating(t, "kvm1") {
		t.Error("the move has ended with its provider")
	}
	p.space.Apply(t)
	asked, lost, gap := ping.Stop()
	t.Logf("%d of %d pings were lost, the longest gap was %s", lost, asked, gap)
	p.isOn(t, "kvm2", before)
}

// If the daemon of the guest's host is restarted during the move, it waits until the guest is there. So does the
// apply.
func TestAccADaemonIsRestartedDuringALiveMove(t *testing.T) {
	t.Parallel()
	p := newPair(t, "e")
	p.space.OwnProcess()
	before := p.life(t, "kvm1")
	p.hosts["kvm1"].Virsh(t, "migrate-setspeed", p.domain, "8")
	p.space.Configure(t, p.on("kvm2"))
	apply := p.space.Start(t, "apply", "-auto-approve")
	p.untilMigrating(t)
	p.hosts["kvm1"].Restart(t)
	if out, err := apply.Wait(); err != nil {
		// The guest is there, and the daemon was still away when its host was to be cleared.
		tfacc.Says(t, out, "is on host kvm2 now, and runs", "removed from host kvm1", "the host is unreachable")
		p.space.Apply(t)
	}
	p.isOn(t, "kvm2", before)
}

// An apply that is cancelled leaves the guest where it is, and nothing on the other host.
func TestAccALiveMoveIsCancelled(t *testing.T) {
	t.Parallel()
	p := newPair(t, "c")
	p.space.OwnProcess()
	before := p.life(t, "kvm1")
	p.hosts["kvm1"].Virsh(t, "migrate-setspeed", p.domain, "1")
	p.space.Configure(t, p.on("kvm2"))
	out, err := p.space.Start(t, "apply", "-auto-approve").Until(t, "the guest moves", func() bool {
		return p.migrating(t, "kvm1")
	}, syscall.SIGINT)
	if err == nil {
		t.Fatalf("it ended:\n%s", out)
	}
	p.space.Configure(t, p.on("kvm1"))
	p.isOn(t, "kvm1", before)
}

// untilCopying waits until the first host has sent some of the guest's memory. Its disks are mirrored by then.
func (p *pair) untilCopying(t *testing.T) {
	t.Helper()
	sent := regexp.MustCompile(`Memory processed: +[0-9.]*[1-9]`)
	for end := time.Now().Add(time.Minute); !sent.MatchString(p.hosts["kvm1"].Virsh(t, "domjobinfo", p.domain)); {
		if time.Now().After(end) {
			t.Fatal("its memory is not sent")
		}
	}
}

// If the daemon of a host crashes while memory is copied, the guest stays. The next apply moves it. (If the daemon
// crashes between adding the mirror of a disk to QEMU and starting it, the mirror stays in QEMU, and libvirt can move
// the guest only after a restart.)
func TestAccADaemonCrashesDuringALiveMove(t *testing.T) {
	t.Parallel()
	p := newPair(t, "d")
	p.space.OwnProcess()
	before := p.life(t, "kvm1")
	for _, crashes := range []string{"kvm1", "kvm2"} {
		p.hosts["kvm1"].Virsh(t, "migrate-setspeed", p.domain, "1")
		p.space.Configure(t, p.on("kvm2"))
		apply := p.space.Start(t, "apply", "-auto-approve")
		p.untilCopying(t)
		p.hosts[crashes].Crash(t)
		out, err := apply.Wait()
		if err == nil {
			t.Errorf("the daemon of %s crashed, and the apply says:\n%s", crashes, out)
		}
		p.space.Configure(t, p.on("kvm1"))
		p.isOn(t, "kvm1", before)
	}
	p.hosts["kvm1"].Virsh(t, "migrate-setspeed", p.domain, "1000")
	p.space.Configure(t, p.on("kvm2"))
	p.space.Apply(t)
	p.isOn(t, "kvm2", before)
}
