package fakehost_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hosttest"
)

func TestContract(t *testing.T) {
	var n atomic.Int64
	hosttest.Run(t, func(t *testing.T) hosttest.Site {
		h := fakehost.New()
		pool, err := h.CreateDirPool(t.Context(), "pool", "/pool")
		if err != nil {
			t.Fatal(err)
		}
		return hosttest.Site{
			Host: h, Pool: pool, StopPool: func(*testing.T) { h.StopPool("pool") },
			Root: func(t *testing.T, name string) host.Volume {
				return must.Get[host.Volume](t)(h.CreateVolume(t.Context(), "pool", host.VolumeSpec{
					Name: name, Format: "raw", Capacity: 8 << 20,
				}))
			},
			Unique: rand.Text, UUID: func() string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n.Add(1)) },
		}
	})
}

func TestMigrations(t *testing.T) {
	hosttest.RunMigrations(t, func(t *testing.T) hosttest.Road {
		const uri = "fake://to/system"
		var n atomic.Int64
		uuid := func() string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n.Add(1)) }
		open := func() (*fakehost.Host, hosttest.Site) {
			h := fakehost.New()
			pool := must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "pool", "/pool"))
			return h, hosttest.Site{Host: h, Pool: pool, Unique: rand.Text, UUID: uuid}
		}
		h, from := open()
		other, to := open()
		h.Peers, h.MigrationTime = map[string]*fakehost.Host{uri: other}, 100*time.Millisecond
		return hosttest.Road{
			From: from, To: to, Peer: host.Peer{URI: uri},
			Slow: func(*testing.T, string) { h.MigrationTime = time.Hour },
		}
	})
}

func TestFaultsAreInjected(t *testing.T) {
	ctx := t.Context()
	h := fakehost.New()
	if _, err := h.CreateDirPool(ctx, "pool", "/pool"); err != nil {
		t.Fatal(err)
	}
	volume := host.VolumeSpec{Name: "v", Format: "raw", Capacity: 1}
	var seen []string
	fault := fakehost.Fault{Before: host.ErrUnreachable}
	h.Inject = func(c fakehost.Call) fakehost.Fault {
		seen = append(seen, fmt.Sprintf("%d %s %s", c.N, c.Method, c.Object))
		return fault
	}
	if _, err := h.CreateVolume(ctx, "pool", volume); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	fault = fakehost.Fault{After: host.ErrNoAnswer}
	if _, err := h.CreateVolume(ctx, "pool", volume); !errors.Is(err, host.ErrNoAnswer) {
		t.Errorf("got %v: the first request was carried out, or the second failed otherwise", err)
	}
	fault = fakehost.Fault{}
	if _, err := h.CreateVolume(ctx, "pool", volume); !errors.Is(err, host.ErrExists) {
		t.Errorf("got %v: the second request was not carried out", err)
	}
	if want := "[2 CreateVolume pool/v 3 CreateVolume pool/v 4 CreateVolume pool/v]"; fmt.Sprint(seen) != want ||
		h.Calls() != 4 {
		t.Errorf("seen are %q, of %d", seen, h.Calls())
	}
}

// Two creates of the same volume are given up, and the host carries out first the one that is due
// first.
func TestLateRequestsAreCarriedOutInTheOrderOfTime(t *testing.T) {
	ctx := t.Context()
	h := fakehost.New()
	if _, err := h.CreateDirPool(ctx, "pool", "/pool"); err != nil {
		t.Fatal(err)
	}
	late := []int{4, 1, 4} // the last one is due two requests after the first
	h.Inject = func(c fakehost.Call) (f fakehost.Fault) {
		if c.Method == "CreateVolume" {
			f = fakehost.Fault{Before: host.ErrNoAnswer, Late: late[0]}
			late = late[1:]
		}
		return f
	}
	for _, name := range []string{"v", "v", "w"} {
		capacity := uint64(len(late)) // 3, 2 and 1
		_, err := h.CreateVolume(ctx, "pool", host.VolumeSpec{Name: name, Format: "raw", Capacity: capacity})
		if !errors.Is(err, host.ErrNoAnswer) {
			t.Fatal(err)
		}
	}
	v, err := h.Volume(ctx, "pool", "v")
	if err != nil || v.Capacity != 2 {
		t.Errorf("got %d bytes, %v: want the volume that is created first", v.Capacity, err)
	}
	for request, want := range []error{host.ErrNoVolume, host.ErrNoVolume, host.ErrNoVolume, nil} {
		if _, err := h.Volume(ctx, "pool", "w"); !errors.Is(err, want) {
			t.Errorf("request %d: %v, want %v", request, err, want)
		}
	}
}

// A test acts as process 1 of containers: it sees them start and get signals, and ends them.
func TestContainersRunWhatTheTestSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		h := fakehost.New()
		done := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must.Get[host.Pool](t)(h.CreateDirPool(ctx, "pool", "/pool"))
		spec := host.VolumeSpec{Name: "v", Format: "raw", Capacity: 1}
		v := must.Get[host.Volume](t)(h.CreateVolume(ctx, "pool", spec))
		cs := h.Containers()
		var seen []host.Signal
		h.Init = func(d host.Domain, signal host.Signal) bool {
			if err := h.WriteVolume(ctx, "pool", "v", []byte(d.Name)); err != nil {
				t.Error(err)
			}
			seen = append(seen, signal)
			return signal != host.SignalTerminate
		}
		d := must.Get[host.Domain](t)(cs.DefineContainer(ctx, host.ContainerSpec{
			Name: "box", VCPUs: 1, MemoryMiB: 64,
			Filesystems: []host.Filesystem{{Kind: host.FilesystemImage, Source: v.Path, Target: "/"}},
			Interfaces:  []host.InterfaceSpec{{Name: "lan", Network: "default", MAC: "52:54:00:00:00:01"}},
		}))
		done(cs.StartDomain(ctx, d.UUID))
		synctest.Wait()
		done(cs.SignalContainer(ctx, d.UUID, host.SignalHangUp))
		synctest.Wait()
		if state := must.Get[host.State](t)(cs.DomainState(ctx, d.UUID)); state != host.StateRunning {
			t.Errorf("it is %s", state)
		}
		leases := must.Get[[]host.Address](t)(h.Leases(ctx, "default"))
		if len(leases) != 1 || leases[0].MAC != "52:54:00:00:00:01" {
			t.Errorf("the leases are %+v", leases)
		}
		done(cs.ShutdownDomain(ctx, d.UUID, host.ShutdownSignal))
		synctest.Wait()
		if state := must.Get[host.State](t)(cs.DomainState(ctx, d.UUID)); state != host.StateShutoff {
			t.Errorf("told to end, it is %s", state)
		}
		data := must.Get[[]byte](t)(h.ReadVolume(ctx, "pool", "v", 10))
		if string(data) != "box" || !slices.Equal(seen, []host.Signal{0, host.SignalHangUp, host.SignalTerminate}) {
			t.Errorf("it has written %q, and seen %v", data, seen)
		}
		if uuids := h.UUIDs(); !slices.Equal(uuids, []string{d.UUID}) {
			t.Errorf("the host has %q", uuids)
		}
		h.NoContainers = true
		if err := cs.Offered(ctx); !errors.Is(err, host.ErrNoDriver) {
			t.Errorf("a host without the driver says %v", err)
		}
		if _, err := cs.Domain(ctx, d.UUID); !errors.Is(err, host.ErrNoDriver) {
			t.Errorf("a host without the driver says %v", err)
		}
	})
}
