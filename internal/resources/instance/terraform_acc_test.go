package instance_test

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/library"
)

// What plugin-testing cannot show is told by Terraform itself: warnings, where errors point, and what becomes of an
// interrupted or killed apply.

// workspace is a directory of Terraform's whose shop is in place.
type workspace struct {
	*tfacc.Workspace
	shop string
}

// newWorkspace applies a shop. The test's end destroys everything and finds nothing with marker in its name.
func newWorkspace(t *testing.T, host *acctest.Host, marker, shop string) *workspace {
	t.Helper()
	w := &workspace{shop: shop}
	w.Workspace = tfacc.NewWorkspace(t, w.shop)
	t.Cleanup(func() {
		w.Destroy(t)
		if left := host.Leftovers(t, library.DefaultPool, marker); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	})
	w.Apply(t)
	return w
}

// instances sets what is configured beside the shop.
func (w *workspace) instances(t *testing.T, config ...string) {
	t.Helper()
	w.Configure(t, w.shop+strings.Join(config, ""))
}

// fails runs Terraform, which is expected to fail, and returns what it printed.
func fails(t *testing.T, w *workspace, args ...string) string {
	t.Helper()
	out, err := w.Run(t.Context(), args...)
	if err == nil {
		t.Fatalf("terraform %s succeeded:\n%s", strings.Join(args, " "), out)
	}
	return out
}

// emptyPlan checks that there is nothing to do.
func emptyPlan(t *testing.T, w *workspace) {
	t.Helper()
	if out, err := w.Run(t.Context(), "plan", "-detailed-exitcode"); err != nil {
		t.Errorf("the plan is not empty (%v):\n%s", err, out)
	}
}

// instancesIn lists the instances in the workspace's state.
func instancesIn(t *testing.T, w *workspace) []string {
	t.Helper()
	out, err := w.Run(t.Context(), "state", "list")
	if err != nil {
		t.Fatalf("terraform state list: %v\n%s", err, out)
	}
	return slices.DeleteFunc(strings.Fields(out), func(address string) bool { return !strings.HasPrefix(address, "novacron_instance.") })
}

// process is a Terraform that runs, in a process group of its own together with the providers that it starts, as from a
// user's shell.
type process struct {
	*exec.Cmd
	output bytes.Buffer
	ended  chan error
}

func start(t *testing.T, w *workspace, args ...string) *process {
	t.Helper()
	p := &process{Cmd: w.Command(t.Context(), args...), ended: make(chan error, 1)}
	p.Stdout, p.Stderr = &p.output, &p.output
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cancel = func() error { return p.group(syscall.SIGINT) }
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	return p
}

// group sends a signal to all processes of the group, as a terminal does with Ctrl-C.
func (p *process) group(signal syscall.Signal) error { return syscall.Kill(-p.Process.Pid, signal) }

// until waits for a fact while Terraform runs, and then sends the signal and waits for Terraform's end.
func (p *process) until(t *testing.T, what string, fact func() bool, signal syscall.Signal) (output string) {
	t.Helper()
	tick, patience := time.NewTicker(2*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !fact() {
		select {
		case err := <-p.ended:
			t.Fatalf("terraform ended (%v) before %s:\n%s", err, what, &p.output)
		case <-patience:
			_ = p.group(syscall.SIGKILL)
			<-p.ended
			t.Fatalf("waited in vain until %s:\n%s", what, &p.output)
		case <-tick.C:
		}
	}
	if err := p.group(signal); err != nil {
		t.Fatal(err)
	}
	if err := <-p.ended; err == nil {
		t.Errorf("terraform succeeded in spite of signal %q:\n%s", signal, &p.output)
	}
	return p.output.String()
}

// The facts that a signal waits for. They cost no more than a look at a file, so that it comes at once.
func defined(host *acctest.Host, domain string) bool {
	return exists(host.HostPath("/etc/libvirt/qemu/" + domain + ".xml"))
}

func onDisk(host *acctest.Host, domain string) bool {
	return exists(host.HostPath(diskPath(domain, "system")))
}

func started(host *acctest.Host, domain string) bool {
	return exists(host.HostPath("/run/libvirt/qemu/" + domain + ".pid"))
}
