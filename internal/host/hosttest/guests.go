package hosttest

import (
	"slices"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func power(t *testing.T, _ Site, k kind) {
	ctx := t.Context()
	d := k.define(t)
	state := func(want host.State) {
		t.Helper()
		if got := must.Get[host.State](t)(k.DomainState(ctx, d.UUID)); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
	state(host.StateShutoff)
	done(t, k.DestroyDomain(ctx, d.UUID))
	done(t, k.ShutdownDomain(ctx, d.UUID, k.ask))
	if must.Get[bool](t)(k.HasSavedState(ctx, d.UUID)) {
		t.Error("a domain that never ran has a saved state")
	}
	for range 2 { // the second time it is running already
		done(t, k.StartDomain(ctx, d.UUID))
	}
	state(host.StateRunning)
	done(t, k.ResumeDomain(ctx, d.UUID))
	statuses := must.Get[map[string]host.Status](t)(k.Statuses(ctx))
	if got := statuses[d.UUID].State; got != host.StateRunning {
		t.Errorf("listed it is %s", got)
	}
	done(t, k.DestroyDomain(ctx, d.UUID))
	state(host.StateShutoff)
}

func guestsThatAreOff(t *testing.T, s Site) {
	ctx := t.Context()
	d := defined(t, s)
	done(t, s.Host.DiscardSavedState(ctx, d.UUID))
	if defined := must.Get[host.Hardware](t)(s.Host.Hardware(ctx, d.UUID)); !defined.Has(host.DiskID("system")) {
		t.Errorf("its devices are %+v", defined.Devices)
	}
	fails(t, s.Host.ResizeDomainDisk(ctx, d.UUID, "vda", 16<<20), host.ErrOperationInvalid)
	fails(t, second(s.Host.DomainAddresses(ctx, d.UUID, host.AddressLease)), host.ErrOperationInvalid)
	fails(t, second(s.Host.CPUTime(ctx, d.UUID)), host.ErrOperationInvalid)
	fails(t, s.Host.EjectSeed(ctx, d.UUID), host.ErrOperationInvalid)
	fails(t, s.Host.LinkUp(ctx, d.UUID, "eth0"), host.ErrOperationInvalid)
	fails(t, second(s.Host.Sent(ctx, d.UUID, d.Interfaces[0].MAC)), host.ErrOperationInvalid)
	v := must.Get[host.Volume](t)(s.Host.Volume(ctx, s.Pool.Name, "system"))
	if users := must.Get[[]string](t)(s.Host.DiskUsers(ctx, v)); len(users) > 0 {
		t.Errorf("the disk of a domain that is off is used by %q", users)
	}
}

func guestsThatRun(t *testing.T, s Site) {
	ctx := t.Context()
	d := defined(t, s)
	done(t, s.Host.StartDomain(ctx, d.UUID))
	v := must.Get[host.Volume](t)(s.Host.Volume(ctx, s.Pool.Name, "system"))
	if users := must.Get[[]string](t)(s.Host.DiskUsers(ctx, v)); !slices.Equal(users, []string{d.Name}) {
		t.Errorf("its disk is used by %q", users)
	}
	fails(t, s.Host.RenameDomain(ctx, d.UUID, s.Unique()), host.ErrOperationInvalid)
	fails(t, second(s.Host.DomainAddresses(ctx, d.UUID, host.AddressAgent)), host.ErrAgentUnresponsive)
	fails(t, second(s.Host.AgentCommand(ctx, d.UUID, `{"execute":"guest-ping"}`, time.Second)),
		host.ErrAgentUnresponsive)
	fails(t, s.Host.ShutdownDomain(ctx, d.UUID, host.ShutdownAgent), host.ErrAgentUnresponsive)

	data := host.DiskSpec{Name: "data", Target: "vdb", Path: s.Pool.Path + "/data", Format: "qcow2"}
	nic := host.InterfaceSpec{Name: "eth1", Network: "default", MAC: "52:54:00:aa:cc:02"}
	done(t, s.Host.PlugDisk(ctx, d.UUID, data))
	done(t, s.Host.PlugInterface(ctx, d.UUID, nic))
	done(t, s.Host.ResizeDomainDisk(ctx, d.UUID, "vdb", 4<<20))
	if v := must.Get[host.Volume](t)(s.Host.Volume(ctx, s.Pool.Name, "data")); v.Capacity != 4<<20 {
		t.Errorf("the disk that grew has %d bytes", v.Capacity)
	}
	live := must.Get[host.Hardware](t)(s.Host.Hardware(ctx, d.UUID))
	for _, id := range []host.DeviceID{
		host.DiskID("system"), host.DiskID("data"), host.InterfaceID("eth0"), host.InterfaceID("eth1"),
	} {
		if at := live.PCI(id); !live.Has(id) || at == nil || !live.HasPCI(*at) {
			t.Errorf("%s is at %v in %+v", id, at, live.Devices)
		}
	}
	if !slices.ContainsFunc(live.Interfaces, func(n host.DomainInterface) bool {
		return n.Name == "eth1" && n.MAC == nic.MAC && n.Network == "default"
	}) {
		t.Errorf("its interfaces are %+v", live.Interfaces)
	}
	if got := must.Get[host.Domain](t)(s.Host.Domain(ctx, d.UUID)); len(got.Disks) != 2 || len(got.Interfaces) != 1 {
		t.Errorf("plugging in has changed the definition: %+v", got)
	}
	done(t, s.Host.Reconnect(ctx, d.UUID, host.InterfaceSpec{
		Name: "eth1", Network: "default", Filter: "clean-traffic",
	}))
	live = must.Get[host.Hardware](t)(s.Host.Hardware(ctx, d.UUID))
	if !slices.ContainsFunc(live.Interfaces, func(n host.DomainInterface) bool {
		return n.Name == "eth1" && n.MAC == nic.MAC && n.Filter == "clean-traffic"
	}) {
		t.Errorf("reconnected its interfaces are %+v", live.Interfaces)
	}
	done(t, s.Host.EjectSeed(ctx, d.UUID))
	live = must.Get[host.Hardware](t)(s.Host.Hardware(ctx, d.UUID))
	if !slices.ContainsFunc(live.Disks, func(d host.DomainDisk) bool { return d.CDROM && d.Path == "" }) {
		t.Errorf("once the seed is ejected, its disks are %+v", live.Disks)
	}
	done(t, s.Host.LinkUp(ctx, d.UUID, "eth0"))
	if err := s.Host.LinkUp(ctx, d.UUID, "eth9"); err == nil {
		t.Error("it has connected an interface that is not there")
	}
	if used := must.Get[time.Duration](t)(s.Host.CPUTime(ctx, d.UUID)); used <= 0 {
		t.Errorf("it has used processors for %s", used)
	}
	done(t, s.Host.Unplug(ctx, d.UUID, host.DiskID("no-such-disk")))
	done(t, s.Host.DestroyDomain(ctx, d.UUID))
}

// A guest does not start if a disk's volume is missing; a seed may be missing.
func startWithoutVolume(t *testing.T, s Site) {
	ctx := t.Context()
	d := defined(t, s)
	done(t, s.Host.DeleteVolume(ctx, s.Pool.Name, "seed"))
	done(t, s.Host.StartDomain(ctx, d.UUID))
	done(t, s.Host.DestroyDomain(ctx, d.UUID))
	done(t, s.Host.DeleteVolume(ctx, s.Pool.Name, "system"))
	if err := s.Host.StartDomain(ctx, d.UUID); err == nil {
		t.Error("it started without its disk")
	}
	if state := must.Get[host.State](t)(s.Host.DomainState(ctx, d.UUID)); state != host.StateShutoff {
		t.Errorf("it is %s", state)
	}
}
