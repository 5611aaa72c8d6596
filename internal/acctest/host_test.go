package acctest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHostPathFollowsTheBindMounts(t *testing.T) {
	host := &Host{Root: "/srv/hosts/a"}
	for path, want := range map[string]string{
		"/var/lib/libvirt/novacron/base.qcow2": "/srv/hosts/a/lib/novacron/base.qcow2",
		"/var/lib/libvirt":                     "/srv/hosts/a/lib",
		"/var/lib/libvirt-other/x":             "/var/lib/libvirt-other/x",
		"/var/lib/libvirt/../misc":             "/var/lib/misc",
		"/run/libvirt/libvirt-sock":            "/srv/hosts/a/run/libvirt-sock",
		"/tmp/x":                               "/tmp/x",
	} {
		if got := host.HostPath(path); got != want {
			t.Errorf("HostPath(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestRepositoryRootIsFoundFromAnyPackage(t *testing.T) {
	root := repositoryRoot(t)
	t.Chdir(filepath.Join(root, "tools", "testhost"))
	if got := repositoryRoot(t); got != root {
		t.Errorf("from tools/testhost the repository is at %q, from this package at %q", got, root)
	}
}

func TestAccHostRunsCommandsOnItsOwnNetworkAndStorage(t *testing.T) {
	host := RequireHost(t)
	if out := host.Exec(t, "ip", "-brief", "address", "show", "virbr0"); !strings.Contains(out, "192.168.122.1/24") {
		t.Errorf("the default network has no bridge on the host: %q", out)
	}
	const path = "/var/lib/libvirt/images/acctest-path"
	t.Cleanup(func() { os.Remove(host.HostPath(path)) })
	host.Exec(t, "sh", "-c", "echo from the host >"+path)
	content, err := os.ReadFile(host.HostPath(path))
	if err != nil || string(content) != "from the host\n" {
		t.Errorf("outside, %s is %q (%v)", host.HostPath(path), content, err)
	}
}

func TestAccLeftoversAreFoundUntilRemoved(t *testing.T) {
	host := RequireHost(t)
	const pool, marker = "acctest-leftovers", "acctest-marker"
	const directory = "/var/lib/libvirt/" + pool
	const domain = `<domain type='qemu'><name>t.acctest-marker</name><memory unit='MiB'>16</memory>
		<os><type arch='x86_64'>hvm</type></os></domain>`
	const container = `<domain type='lxc'><name>c.acctest-marker</name><memory unit='MiB'>16</memory>
		<os><type>exe</type><init>/init</init></os><features><privnet/></features></domain>`
	if left := host.Leftovers(t, pool, marker); len(left) > 0 {
		t.Fatalf("before the test, in a pool that does not exist: %q", left)
	}

	dir := t.TempDir()
	for name, text := range map[string]string{"domain.xml": domain, "container.xml": container} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host.Virsh(t, "pool-create-as", pool, "dir", "--target", directory, "--build")
	t.Cleanup(func() {
		host.Virsh(t, "pool-destroy", pool)
		host.Exec(t, "rm", "-r", directory)
	})
	host.Virsh(t, "vol-create-as", pool, "disk-acctest-marker.qcow2", "1M")
	host.Virsh(t, "vol-create-as", pool, "disk-of-somebody-else.qcow2", "1M")
	// A pool does not list files that it cannot open.
	host.Exec(t, "ln", "-s", "/nowhere", directory+"/link-acctest-marker")
	host.Virsh(t, "define", filepath.Join(dir, "domain.xml"))
	host.Virsh(t, "connect lxc:///system; define "+filepath.Join(dir, "container.xml"))

	want := []string{
		"domain t.acctest-marker", "domain c.acctest-marker", "volume " + pool + "/disk-acctest-marker.qcow2",
		"file link-acctest-marker",
	}
	if left := host.Leftovers(t, pool, marker); !slices.Equal(left, want) {
		t.Errorf("left over: %q, want %q", left, want)
	}

	host.Virsh(t, "undefine t.acctest-marker; connect lxc:///system; undefine c.acctest-marker")
	host.Virsh(t, "vol-delete", "--pool", pool, "disk-acctest-marker.qcow2")
	host.Exec(t, "rm", directory+"/link-acctest-marker")
	if left := host.Leftovers(t, pool, marker); len(left) > 0 {
		t.Errorf("after everything was removed: %q", left)
	}
}

func TestCrashesOfAnOwnHostAreSeenAtTheSharedOne(t *testing.T) {
	shared := &Host{Root: t.TempDir(), name: "shared"}
	own := &Host{Root: t.TempDir(), name: "own"}
	shared.adoptCrashes(t, own)
	if got := shared.crashes(t); len(got) != 0 {
		t.Errorf("without any crash there are %q", got)
	}
	for host, crashes := range map[*Host]string{shared: "first\n", own: "second\nthird\n"} {
		if err := os.Mkdir(filepath.Dir(host.crashLog()), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(host.crashLog(), []byte(crashes), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shared.adoptCrashes(t, own)
	if got, want := shared.crashes(t), []string{"first", "own: second", "own: third"}; !slices.Equal(got, want) {
		t.Errorf("crashes are %q, want %q", got, want)
	}
}

// If libvirtd crashes, the tests that run after that must not fail.
func TestAccACrashedDaemonComesBack(t *testing.T) {
	host := RequireHost(t).Own(t, "crash")
	t.Cleanup(func() { // this crash is the test's, not a bug in libvirt
		if err := os.Remove(host.crashLog()); err != nil {
			t.Error(err)
		}
	})
	host.Exec(t, "sh", "-c", "kill -SEGV $(cat /run/libvirt/libvirtd.pid)")
	deadline := time.Now().Add(time.Minute)
	for len(host.crashes(t)) == 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	host.Restart(t) // waits until a libvirtd answers
	if got := host.crashes(t); len(got) != 1 || !strings.Contains(got[0], "SEGV") {
		t.Errorf("after a crash and a restart the log of crashes has %q", got)
	}
	host.Virsh(t, "list")
}
