// Package acctest helps acceptance tests: a private libvirt host, guest images and checks that
// nothing was left behind.
package acctest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The environment that tools/testhost/testhost.sh up and tools/images/build.sh give to acceptance
// tests.
const (
	envURI         = "NOVACRON_URI"
	envDomainType  = "NOVACRON_DOMAIN_TYPE"
	envName        = "NOVACRON_TESTHOST"
	envRoot        = "NOVACRON_TESTHOST_ROOT"
	envTinyImage   = "NOVACRON_TEST_IMAGE_TINY"
	envDebianImage = "NOVACRON_TEST_IMAGE_DEBIAN"
)

// testhostPath is where the repository keeps the script that runs test hosts.
var testhostPath = filepath.Join("tools", "testhost", "testhost.sh")

// hostDirectories maps the directories that a host has to itself to their places below Host.Root,
// as tools/testhost/inside.sh binds them. All other paths are the machine's own.
var hostDirectories = map[string]string{
	"/var/lib/libvirt":   "lib",
	"/var/cache/libvirt": "cache",
	"/var/log/libvirt":   "log",
	"/run/libvirt":       "run",
	"/etc/libvirt":       "etc",
}

// Host is a private libvirt host, started by tools/testhost/testhost.sh.
type Host struct {
	URI        string // for the provider; works from outside the host's namespaces
	DomainType string // "qemu": hardware virtualisation cannot be relied on
	Root       string // the directory outside that holds the host's private directories
	name       string
}

// RequireHost returns the test host of the environment. It skips the test unless TF_ACC=1, and
// fails it when TF_ACC=1 but there is no host.
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

// Own starts a host for one test alone, beside this one, for what would disturb others; it is taken
// down when the test ends. Its name is this one's with a suffix.
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
	down() // what a killed run has left
	t.Cleanup(down)
	if _, err := own.script(t, "up"); err != nil {
		t.Fatal(err)
	}
	own.reportCrashes(t)
	t.Cleanup(func() { h.adoptCrashes(t, own) })
	return own
}

// Restart restarts the host's daemon; guests run on. Only for a host of the test's own.
func (h *Host) Restart(t testing.TB) {
	t.Helper()
	if _, err := h.script(t, "restart"); err != nil {
		t.Error(err)
	}
}

// Exec runs a command on the host, in its network and with its /var/lib/libvirt, and returns what
// it printed. The test fails when the command does.
func (h *Host) Exec(t testing.TB, command ...string) string {
	t.Helper()
	out, err := h.run(t, command...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Virsh runs virsh on the host and returns what it printed, without headings.
func (h *Host) Virsh(t testing.TB, args ...string) string {
	t.Helper()
	return h.Exec(t, append([]string{"virsh", "--quiet", "--connect", "qemu:///system"}, args...)...)
}

// HostPath tells where a path of the host is to be found from outside.
func (h *Host) HostPath(path string) string {
	path = filepath.Clean(path)
	for directory, private := range hostDirectories {
		if rest, ok := strings.CutPrefix(path, directory); ok && (rest == "" || rest[0] == '/') {
			return filepath.Join(h.Root, private, rest)
		}
	}
	return path
}

// TinyImage returns the path of the tiny guest image: boots in seconds, has a guest agent, takes
// its host name from the seed. It is a qcow2 of 64 MiB virtual size.
func TinyImage(t testing.TB) string {
	t.Helper()
	return image(t, envTinyImage, "tiny")
}

// DebianImage returns the path of the Debian guest image: cloud-init, sshd, guest agent. It is a
// qcow2 of 2 GiB virtual size.
func DebianImage(t testing.TB) string {
	t.Helper()
	return image(t, envDebianImage, "debian")
}

func image(t testing.TB, variable, kind string) string {
	t.Helper()
	build := fmt.Sprintf("export %s=\"$(%s %s)\"", variable,
		filepath.Join(repositoryRoot(t), "tools", "images", "build.sh"), kind)
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: this test needs the %s guest image. Build it, once, with\n  %s", variable, kind, build)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the %s guest image of %s: %v. Build it with\n  %s", kind, variable, err, build)
	}
	return path
}

// run runs a command on the host. It enters the host's namespaces as the script's exec does, whose
// dozen processes take as long as the command itself.
func (h *Host) run(t testing.TB, command ...string) (string, error) {
	holder, err := h.holder()
	if err != nil {
		return "", fmt.Errorf("test host %s does not run: %w", h.name, err)
	}
	directory, err := os.Getwd()
	if err != nil {
		return "", err
	}
	enter := []string{"--target", holder, "--net", "--mount", "--cgroup", "--wdns=" + directory, "--"}
	return h.output(exec.CommandContext(context.WithoutCancel(t.Context()), "nsenter", append(enter, command...)...))
}

// holder is the number of the process that holds the host's namespaces.
func (h *Host) holder() (string, error) {
	file, err := os.ReadFile(filepath.Join(h.Root, "holder.pid"))
	if err != nil {
		return "", err
	}
	holder := strings.TrimSpace(string(file))
	// The number may belong to another process by now: the network namespace tells.
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

// script runs a command of the test host's script. It outlives the test's context, so that cleanups
// can use it.
func (h *Host) script(t testing.TB, command string, args ...string) (string, error) {
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), testhostScript(t), append([]string{command, h.name}, args...)...)
	cmd.Env = append(os.Environ(), "NOVACRON_TESTHOST_DIR="+filepath.Dir(h.Root))
	return h.output(cmd)
}

func (h *Host) output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("on test host %s: %s: %w\n%s", h.name, strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

func testhostScript(t testing.TB) string {
	return filepath.Join(repositoryRoot(t), testhostPath)
}

// repositoryRoot is the nearest directory upwards that has the test host's script: tests run in
// their package's directory. Not the nearest with a go.mod: tools is a module of its own.
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
