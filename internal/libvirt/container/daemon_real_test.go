package container_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// A container runs on while its host's daemon is started again, and the daemon finds it. A container
// that starts with its host does not start with the daemon.
func TestRealContainersOutliveTheDaemon(t *testing.T) {
	own := acctest.RequireHost(t).Own(t, "lxc")
	s := openAt(t, own.URI)
	ctx := t.Context()
	spec := s.spec()
	s.does(&spec, "")
	runs, off := s.started(spec), s.defined(s.spec())
	s.says("ready")
	s.done(s.SetAutostart(ctx, off.UUID, true))
	pid := s.pid(runs)
	for _, restart := range []func(testing.TB){own.Restart, own.Crash} {
		restart(t)
		statuses := must.Get[map[string]host.Status](t)(s.Statuses(ctx))
		if got := statuses[runs.UUID]; got.State != host.StateRunning || s.pid(runs) != pid {
			t.Errorf("the container that ran is %+v, by another process: %t", got, s.pid(runs) != pid)
		}
		if got := statuses[off.UUID]; got.State != host.StateShutoff || !got.Autostart {
			t.Errorf("the container that was off is %+v", got)
		}
	}
	s.done(s.ShutdownDomain(ctx, runs.UUID, host.ShutdownSignal))
	s.says("TERM")
	s.becomes(runs.UUID, host.StateShutoff)
}

// The connection to the driver is opened when it is first needed, and closes with the host.
func TestRealTheDriverIsConnectedWhenNeeded(t *testing.T) {
	relay, uri := virttest.NewRelay(t, virttest.Socket(t))
	h := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: uri}))
	ctx := t.Context()
	must.Get[[]host.Pool](t)(h.Pools(ctx))
	if n := relay.Connections(); n != 1 {
		t.Errorf("without a container there are %d connections", n)
	}
	for range 2 {
		if err := h.Containers().Offered(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n := relay.Connections(); n != 2 || !strings.Contains(string(relay.Asked()), "lxc:///system") {
		t.Errorf("there are %d connections", n)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Containers().Statuses(ctx); err == nil || errors.Is(err, host.ErrNoDriver) {
		t.Errorf("once the host is closed: %v", err)
	}
}

// A daemon without the driver says so once. Machines are not affected.
func TestRealHostsWithoutTheDriver(t *testing.T) {
	relay, uri := virttest.NewRelay(t, virttest.Socket(t))
	relay.Lacks = "lxc:///system"
	h := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: uri}))
	t.Cleanup(func() { _ = h.Close() })
	ctx := t.Context()
	lacks := func(err error) {
		t.Helper()
		virttest.WantErr(t, err, host.ErrNoDriver)
		if errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "libvirt-daemon-driver-lxc") {
			t.Errorf("got %v", err)
		}
	}
	lacks(h.Containers().Offered(ctx))
	before := relay.Connections()
	_, err := h.Containers().Domain(ctx, "00000000-0000-4000-8000-000000000001")
	lacks(err)
	_, _, err = h.Containers().AllDomains(ctx)
	lacks(err)
	if n := relay.Connections(); n != before {
		t.Errorf("it was asked again, by %d connections", n-before)
	}
	must.Get[map[string]host.Status](t)(h.Statuses(ctx))
}

// A daemon in session mode cannot have the driver.
func TestSessionsHaveNoContainers(t *testing.T) {
	h := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: "qemu:///session?socket=/nowhere"}))
	t.Cleanup(func() { _ = h.Close() })
	err := h.Containers().Offered(t.Context())
	virttest.WantErr(t, err, host.ErrNoDriver)
	if !strings.Contains(err.Error(), "session") {
		t.Errorf("got %v", err)
	}
}
