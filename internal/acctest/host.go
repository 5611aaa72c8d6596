// Package acctest helps acceptance tests. It provides a private libvirt host and guest images, and
// checks that tests leave nothing behind.
package acctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Environment variables that tools/testhost/testhost.sh up and tools/images/build.sh set for
// acceptance tests.
const (
	envURI         = "NOVACRON_URI"
	envDomainType  = "NOVACRON_DOMAIN_TYPE"
	envName        = "NOVACRON_TESTHOST"
	envRoot        = "NOVACRON_TESTHOST_ROOT"
	envTinyImage   = "NOVACRON_TEST_IMAGE_TINY"
	envDebianImage = "NOVACRON_TEST_IMAGE_DEBIAN"
	envWebImage    = "NOVACRON_TEST_IMAGE_WEB"
	envSystemImage = "NOVACRON_TEST_IMAGE_SYSTEM"
)

// testhostPath is the path of the script that runs test hosts, in the repository.
var testhostPath = filepath.Join("tools", "testhost", "testhost.sh")

// hostDirectories maps the private directories of a host to their places below Host.Root, as
// tools/testhost/inside.sh binds them. The host shares all other paths with the machine.
var hostDirectories = map[string]string{
	"/var/lib/libvirt":   "lib",
	"/var/cache/libvirt": "cache",
	"/var/log/libvirt":   "log",
	"/run/libvirt":       "run",
	"/etc/libvirt":       "etc",
}

// Host is a private libvirt host that tools/testhost/testhost.sh has started.
type Host struct {
	URI        string // for the provider; works from outside the host's namespaces
	DomainType string // "qemu", because hardware virtualization may be missing
	Root       string // the directory, outside the host, that holds the host's private directories
	name       string
	address    string // on the bridge "peers" of hosts that are joined
}

// RequireHost returns the test host of the environment. Without TF_ACC=1 it skips the test. With
// TF_ACC=1 and no host it fails the test.
func RequireHost(t testing.TB) *Host {
	t.Helper()
	if os.Getenv("TF_ACC") != "1" {
		t.Skip("an acceptance test: needs TF_ACC=1 and a test host; run make testacc")
	}
	for _, name := range []string{envURI, envDomainType, envName, envRoot} {
		if os.Getenv(name) == "" {
			t.Fatalf("TF_ACC=1, but %s is not set: acceptance tests need a test host. Run make testacc, or first\n"+
				"  eval \"$(%s up NAME)\"", name, testhostScript(t))
		}
	}
	h := &Host{
		URI:        os.Getenv(envURI),
		DomainType: os.Getenv(envDomainType),
		Root:       os.Getenv(envRoot),
		name:       os.Getenv(envName),
	}
	h.reportCrashes(t)
	return h
}

// Own starts a second host for one test that would disturb others. Its name is this host's name
// with a suffix. The host is taken down when the test ends.
func (h *Host) Own(t testing.TB, suffix string) *Host {
	t.Helper()
	name := h.name + "-" + suffix
	own := &Host{Root: filepath.Join(filepath.Dir(h.Root), name), DomainType: h.DomainType, name: name}
	own.URI = "qemu+unix:///system?socket=" + filepath.Join(own.Root, "run", "libvirt-sock")
	down := func() {
		if _, err := own.script(t, "down"); err != nil {
			t.Error(err)
		}
	}
	down() // in case a killed run left such a host
	t.Cleanup(down)
	if _, err := own.script(t, "up"); err != nil {
		t.Fatal(err)
	}
	own.reportCrashes(t)
	t.Cleanup(func() {
		h.adoptCrashes(t, own)
		if t.Failed() {
			own.reportLog(t)
		}
	})
	return own
}

// reportLog logs the end of what the host's libvirtd has logged.
func (h *Host) reportLog(t testing.TB) {
	text, err := os.ReadFile(filepath.Join(h.Root, "log", "libvirtd.log"))
	if err != nil {
		t.Log(err)
	}
	t.Logf("libvirtd of test host %s has logged:\n%s", h.name, text[max(0, len(text)-8<<10):])
}

// Join joins the networks of two hosts of one test by a bridge "peers", which each of them has. The first
// host leases addresses there.
func (h *Host) Join(t testing.TB, other *Host) {
	t.Helper()
	if _, err := h.script(t, "join", other.name); err != nil {
		t.Fatal(err)
	}
	h.address, other.address = "10.213.0.1", "10.213.0.2"
}

// Peer returns how a joined host is reached by the other one: the URI of its libvirt, and where its QEMU
// listens.
func (h *Host) Peer() (uri, data string) {
	return "qemu+tcp://" + h.address + "/system", "tcp://" + h.address
}

// Restart restarts the host's daemon; guests keep running. Call it only for a test's own host.
func (h *Host) Restart(t testing.TB) {
	t.Helper()
	if _, err := h.script(t, "restart"); err != nil {
		t.Error(err)
	}
}

// Crash kills the host's daemon, which is started again; guests keep running. Call it only for a test's own
// host.
func (h *Host) Crash(t testing.TB) {
	t.Helper()
	if _, err := h.script(t, "restart", "KILL"); err != nil {
		t.Error(err)
	}
}

// Cool restarts libvirtd without what it knows of the host's QEMU. libvirtd finds that out when it is
// first needed, which takes a while: it starts each QEMU of the host and asks it.
func (h *Host) Cool(t testing.TB) {
	t.Helper()
	known := filepath.Join(h.Root, "cache", "qemu", "capabilities")
	if err := os.RemoveAll(known); err != nil {
		t.Fatal(err)
	}
	h.Restart(t)
	if files, _ := filepath.Glob(filepath.Join(known, "*.xml")); len(files) > 0 {
		t.Fatalf("libvirtd of test host %s knows QEMU before it is asked: %q", h.name, files)
	}
}

// Exec runs a command on the host, in its network and with its /var/lib/libvirt, and returns the
// output. If the command fails, the test fails.
func (h *Host) Exec(t testing.TB, command ...string) string {
	t.Helper()
	out, err := h.run(t, command...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Virsh runs virsh on the host and returns the output without headings.
func (h *Host) Virsh(t testing.TB, args ...string) string {
	t.Helper()
	return h.Exec(t, append([]string{"virsh", "--quiet", "--connect", "qemu:///system"}, args...)...)
}

// HostPath returns the path, outside the host, of a path on the host.
func (h *Host) HostPath(path string) string {
	path = filepath.Clean(path)
	for directory, private := range hostDirectories {
		if rest, ok := strings.CutPrefix(path, directory); ok && (rest == "" || rest[0] == '/') {
			return filepath.Join(h.Root, private, rest)
		}
	}
	return path
}

// TinyImage returns the path of the tiny guest image, a qcow2 with 64 MiB of virtual size. The
// guest boots in seconds, has a guest agent, and takes its host name from the seed.
func TinyImage(t testing.TB) string {
	t.Helper()
	return image(t, envTinyImage, "tiny")
}

// DebianImage returns the path of the Debian guest image, a qcow2 with 2 GiB of virtual size. The
// guest has cloud-init, sshd and a guest agent.
func DebianImage(t testing.TB) string {
	t.Helper()
	return image(t, envDebianImage, "debian")
}

// WebImage returns the path of a container image, an OCI layout in a tar. Its application is a web
// server on port 8080, which serves /srv/www as the user "www" and has a health check. The image has
// busybox, and the directory /bin alone in PATH.
func WebImage(t testing.TB) string {
	t.Helper()
	return image(t, envWebImage, "web")
}

// SystemImage returns the path of the root file system of a Debian with systemd and cloud-init, a
// tar.
func SystemImage(t testing.TB) string {
	t.Helper()
	return image(t, envSystemImage, "system")
}

func image(t testing.TB, variable, kind string) string {
	t.Helper()
	build := fmt.Sprintf("export %s=\"$(%s %s)\"", variable,
		filepath.Join(repositoryRoot(t), "tools", "images", "build.sh"), kind)
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: this test needs the image %q. Build it, once, with\n  %s", variable, kind, build)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the image %q of %s: %v. Build it with\n  %s", kind, variable, err, build)
	}
	return path
}

// run runs a command on the host. It enters the host's namespaces itself: the script's exec starts
// a dozen processes for that, which take as long as the command.
func (h *Host) run(t testing.TB, command ...string) (string, error) {
	holder, err := h.holder()
	if err != nil {
		return "", fmt.Errorf("test host %s does not run: %w", h.name, err)
	}
	directory, err := os.Getwd()
	if err != nil {
		return "", err
	}
	enter := []string{"nsenter", "--target", holder, "--net", "--mount", "--cgroup", "--wdns=" + directory, "--"}
	return h.output(t, commandTime, append(enter, command...)...)
}

// holder returns the number of the process that holds the host's namespaces.
func (h *Host) holder() (string, error) {
	file, err := os.ReadFile(filepath.Join(h.Root, "holder.pid"))
	if err != nil {
		return "", err
	}
	holder := strings.TrimSpace(string(file))
	// Another process may have the number by now, so compare the network namespaces.
	its, err := os.Stat("/proc/" + holder + "/ns/net")
	if err != nil {
		return "", err
	}
	hosts, err := os.Stat("/run/netns/novacron-" + h.name)
	if err == nil && !os.SameFile(its, hosts) {
		err = fmt.Errorf("process %s is another one", holder)
	}
	return holder, err
}

// script runs a command of the test host's script. The end of the test's context does not stop it,
// so cleanups can use it.
func (h *Host) script(t testing.TB, command string, args ...string) (string, error) {
	return h.output(t, scriptTime, append([]string{testhostScript(t), command, h.name}, args...)...)
}

// How long a command may take on the host, and one of its script, which itself waits for as long as 600 s.
const (
	commandTime = 3 * time.Minute
	scriptTime  = 12 * time.Minute
)

// output runs a command and returns what it prints. The end of the test's context does not stop it.
func (h *Host) output(t testing.TB, within time.Duration, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "NOVACRON_TESTHOST_DIR="+filepath.Dir(h.Root))
	cmd.WaitDelay = time.Second // a process that it has left may hold its output
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", fmt.Errorf("on test host %s: %s: %w (within %s)\n%s", h.name, strings.Join(cmd.Args, " "),
			errors.Join(err, ctx.Err()), within, stderr.String())
	}
	return stdout.String(), nil
}

func testhostScript(t testing.TB) string {
	return filepath.Join(repositoryRoot(t), testhostPath)
}

// repositoryRoot returns the nearest parent directory that has the test host's script, since tests
// run in the directory of their package. It does not look for go.mod, because tools is a module of
// its own.
func repositoryRoot(t testing.TB) string {
	t.Helper()
	start, err := os.Getwd()
	if err != nil {
		t.Fatalf("finding the repository: %v", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, testhostPath)); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatalf("finding the repository: no %s in %s or above it", testhostPath, start)
		}
	}
}
