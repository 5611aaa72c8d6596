//go:build linux

package sessionhosts

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// envRun makes this binary run hosts until it is killed.
const envRun = "NOVACRON_TEST_SESSION_HOSTS"

func TestMain(m *testing.M) {
	if os.Getenv(envRun) == "" {
		os.Exit(m.Run())
	}
	h, err := Start(2)
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(h.directory + "\n")
	select {}
}

func ask(t *testing.T, h Host) (host.Info, error) {
	t.Helper()
	conn := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: h.URI, CallTimeout: time.Second}))
	defer conn.Close()
	return conn.Info(context.WithoutCancel(t.Context()))
}

func TestHostsAreApart(t *testing.T) {
	hosts, uuids := Run(t, 3), map[string]bool{}
	for _, h := range hosts.All {
		info, err := ask(t, h)
		if err != nil || uuids[info.UUID] {
			t.Errorf("host %s is %q: %v", h.Name, info.UUID, err)
		}
		uuids[info.UUID] = true
	}
	silent := hosts.All[1]
	if err := silent.Freeze(); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, silent); !host.Unanswered(err) {
		t.Errorf("a host that was stopped: %v", err)
	}
	if _, err := ask(t, hosts.All[2]); err != nil {
		t.Error(err)
	}
	if err := silent.Thaw(); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, silent); err != nil {
		t.Errorf("a host that goes on: %v", err)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	hosts := Run(t, 2)
	counted := must.Get[*Counted](t)(hosts.Count())
	defer counted.Close()
	conn := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: counted.All[1].URI}))
	defer conn.Close()
	for range 3 {
		must.Get[map[string]string](t)(conn.PoolUUIDs(t.Context()))
	}
	all := counted.Calls()
	if asked, one := int(conn.Calls()), Sum(all[1]); Sum(all[0]) != 0 || asked == 0 || one != asked {
		t.Errorf("%d requests were made, and counted as %v", asked, all)
	}
}

// A process that is killed leaves no daemons and no files.
func TestHostsEndWithTheirProcess(t *testing.T) {
	Run(t, 1) // or the test is skipped
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envRun+"=1")
	out := must.Get[interface{ Read([]byte) (int, error) }](t)(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 256)
	n := must.Get[int](t)(out.Read(line))
	directory := string(line[:n-1])
	one := Host{Socket: filepath.Join(directory, "run", "h001", "libvirt", "libvirt-sock")}
	pid := must.Get[int](t)(one.pid())
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(directory)
		if errors.Is(err, os.ErrNotExist) && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %s is left: %v; process %d: %v", directory, err, pid, syscall.Kill(pid, 0))
		}
	}
}
