// Package hosttest is the contract of host.Host as a suite of tests. Every implementation runs it,
// so that tests on the one in memory say something about real hosts.
package hosttest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Site is a host to test.
type Site struct {
	Host host.Host
	Pool host.Pool // of type dir, active and empty; the site removes it
	// StopPool makes the pool inactive.
	StopPool func(t *testing.T)
	// Root creates a volume in the pool with a root file system for containers, which is read-only. Its
	// RootInit runs until SIGTERM.
	Root func(t *testing.T, name string) host.Volume
	// Unique and UUID return a name and a UUID that nothing on the host has yet.
	Unique, UUID func() string
}

// RootInit is the path of process 1 in a Site's Root.
const RootInit = "/init"

// Run runs the suite; open creates a site for each of its tests.
func Run(t *testing.T, open func(t *testing.T) Site) {
	for name, test := range map[string]func(*testing.T, Site){
		"Pools":              pools,
		"StoppedPool":        stoppedPool,
		"Volumes":            volumes,
		"VolumesAreClaimed":  volumesAreClaimed,
		"Documents":          documents,
		"Transfers":          transfers,
		"Clones":             clones,
		"Overlays":           overlays,
		"Definitions":        definitions,
		"NamesAreTaken":      namesAreTaken,
		"Devices":            devices,
		"GuestsThatAreOff":   guestsThatAreOff,
		"GuestsThatRun":      guestsThatRun,
		"Memories":           memories,
		"Relocations":        relocations,
		"Node":               node,
		"CancelledContext":   cancelled,
		"StartWithoutVolume": startWithoutVolume,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
	for name, test := range map[string]func(*testing.T, Site){
		"Definitions":   containerDefinitions,
		"NamesAreTaken": containerNamesAreTaken,
		"Devices":       containerDevices,
		"Relocations":   containerRelocations,
		"Signals":       signals,
		"Starts":        containerStarts,
	} {
		t.Run("Containers"+name, func(t *testing.T) { test(t, open(t)) })
	}
	for name, test := range map[string]func(*testing.T, Site, kind){
		"Changes":           changes,
		"NothingIsNotThere": nothingIsNotThere,
		"Allotments":        allotments,
		"Power":             power,
	} {
		for of, kind := range map[string]func(*testing.T, Site) kind{"Machines": machines, "Containers": containers} {
			t.Run(of+name, func(t *testing.T) {
				s := open(t)
				test(t, s, kind(t, s))
			})
		}
	}
}

// done ends the test if there is an error.
func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fails expects an error of that kind that names the operation.
func fails(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want an error that is %q", err, kind)
	}
	if said, ok := errors.AsType[*host.Error](err); err != nil && (!ok || said.Op == "") {
		t.Errorf("%v (%T) does not say what was being done", err, err)
	}
}

func pools(t *testing.T, s Site) {
	ctx := t.Context()
	p := must.Get[host.Pool](t)(s.Host.Pool(ctx, s.Pool.Name))
	if p.Name != s.Pool.Name || p.Type != "dir" || p.Path != s.Pool.Path || !p.Active || p.Available == 0 ||
		p.Capacity < p.Available {
		t.Errorf("the pool is %+v", p)
	}
	_, err := s.Host.Pool(ctx, "no-such-pool")
	fails(t, err, host.ErrNoPool)
	found := false
	for _, one := range must.Get[[]host.Pool](t)(s.Host.Pools(ctx)) {
		found = found || one.Name == p.Name
	}
	id := must.Get[string](t)(s.Host.PoolUUID(ctx, p.Name))
	if all := must.Get[map[string]string](t)(s.Host.PoolUUIDs(ctx)); !found || id == "" || all[p.Name] != id {
		t.Errorf("the pool is listed: %t; its UUID is %q, and listed %q", found, id, all[p.Name])
	}
	_, err = s.Host.PoolUUID(ctx, "no-such-pool")
	fails(t, err, host.ErrNoPool)
	again := must.Get[host.Pool](t)(s.Host.CreateDirPool(ctx, p.Name, p.Path))
	if again.Name != p.Name || !again.Active {
		t.Errorf("made again it is %+v", again)
	}
	_, err = s.Host.CreateDirPool(ctx, p.Name, p.Path+"-other")
	fails(t, err, host.ErrExists)
	done(t, s.Host.RefreshPool(ctx, p.Name))
	if now, err := s.Host.Time(ctx, p.Name); err != nil || now.IsZero() {
		t.Errorf("the time is %v, %v", now, err)
	}
}

func stoppedPool(t *testing.T, s Site) {
	ctx, name := t.Context(), s.Pool.Name
	must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, name, host.VolumeSpec{Name: "a", Format: "raw", Capacity: 1}))
	s.StopPool(t)
	if p := must.Get[host.Pool](t)(s.Host.Pool(ctx, name)); p.Active || p.Unfinished {
		t.Errorf("after it was stopped the pool is %+v", p)
	}
	_, err := s.Host.Volume(ctx, name, "a")
	fails(t, err, host.ErrPoolInactive)
	_, err = s.Host.VolumeNames(ctx, name)
	fails(t, err, host.ErrPoolInactive)
	fails(t, s.Host.DeleteVolume(ctx, name, "a"), host.ErrPoolInactive)
	_, err = s.Host.CreateVolume(ctx, name, host.VolumeSpec{Name: "b", Format: "raw", Capacity: 1})
	fails(t, err, host.ErrPoolInactive)
	done(t, second(s.Host.CreateDirPool(ctx, name, s.Pool.Path)))
	must.Get[host.Volume](t)(s.Host.Volume(ctx, name, "a"))
}

func second[T any](_ T, err error) error { return err }

func node(t *testing.T, s Site) {
	ctx := t.Context()
	info := must.Get[host.Info](t)(s.Host.Info(ctx))
	if info.Hostname == "" || info.URI != s.Host.URI() || info.Arch == "" || info.CPUs < 1 || info.FreeMemoryMiB == 0 ||
		info.MemoryMiB < info.FreeMemoryMiB || info.AvailableMemoryMiB < info.FreeMemoryMiB ||
		strings.Count(info.LibvirtVersion, ".") != 2 ||
		len(info.DomainTypes) == 0 {
		t.Errorf("%+v", info)
	}
	want := host.Self{Hostname: info.Hostname, UUID: info.UUID}
	if self := must.Get[host.Self](t)(s.Host.Self(ctx)); self != want {
		t.Errorf("it calls itself %+v, and %+v", self, info)
	}
	def := host.Network{}
	for _, n := range must.Get[[]host.Network](t)(s.Host.Networks(ctx)) {
		if n.Name == "default" {
			def = n
		}
	}
	if def.Bridge == "" || !def.Active || def.ForwardMode != "nat" || def.OpenVSwitch {
		t.Errorf("the network is %+v", def)
	}
	for what, names := range map[string][]string{
		"clean-traffic": must.Get[[]string](t)(s.Host.NetworkFilters(ctx)),
		"efi":           must.Get[[]string](t)(s.Host.Firmwares(ctx, "qemu")),
	} {
		found := false
		for _, name := range names {
			found = found || name == what
		}
		if !found {
			t.Errorf("%q is not among %q", what, names)
		}
	}
	if len(must.Get[[]host.PCIDevice](t)(s.Host.PCIDevices(ctx))) == 0 {
		t.Error("there are no PCI devices")
	}
	if leases, err := s.Host.Leases(ctx, "no-such-network"); err != nil || len(leases) > 0 {
		t.Errorf("a network that is not there has leases: %v, %v", leases, err)
	}
}

func cancelled(t *testing.T, s Site) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Host.Pool(ctx, s.Pool.Name)
	fails(t, err, context.Canceled)
	_, err = s.Host.CreateVolume(ctx, s.Pool.Name, host.VolumeSpec{Name: "a", Format: "raw", Capacity: 1})
	fails(t, err, context.Canceled)
	_, _, err = s.Host.AllDomains(ctx)
	fails(t, err, context.Canceled)
	if made := must.Get[[]string](t)(s.Host.VolumeNames(t.Context(), s.Pool.Name)); len(made) > 0 {
		t.Errorf("%q was created for a caller that had given up", made)
	}
}
