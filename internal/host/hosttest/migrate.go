package hosttest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Road is two hosts of which the one reaches the other.
type Road struct {
	From, To Site
	Peer     host.Peer // of To
	// Slow makes the migrations of a domain take several seconds.
	Slow func(t *testing.T, name string)
}

// RunMigrations runs the part of the suite that is about two hosts; open creates them for each of its
// tests.
func RunMigrations(t *testing.T, open func(t *testing.T) Road) {
	for name, test := range map[string]func(*testing.T, Road){
		"Arrives":      arrives,
		"Refused":      migrationsRefused,
		"GivenUp":      givenUp,
		"NothingMoves": nothingMoves,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// departing defines a guest on both hosts, starts it on the first, and returns how it is to be moved. It
// leaves out one volume of the second host.
func (r Road) departing(t *testing.T, leaveOut string) (host.DomainSpec, host.Migration) {
	t.Helper()
	ctx := t.Context()
	d := spec(t, r.From)
	d.Disks = append(d.Disks, host.DiskSpec{
		Name: "data", Target: "vdb", Path: r.From.Pool.Path + "/data", Format: "qcow2",
	})
	must.Get[host.Domain](t)(r.From.Host.DefineDomain(ctx, d))
	cleanUp(t, r.To, d.UUID)
	to := host.Relocation{Name: d.Name, UUID: d.UUID, Metadata: metadata(2), Files: map[string]string{}}
	for name, v := range map[string]host.VolumeSpec{
		"system": {Format: "qcow2", Capacity: 8 << 20},
		"data":   {Format: "qcow2", Capacity: 1 << 20},
		"seed":   {Format: "raw", Capacity: 1 << 20},
	} {
		v.Name = name + ".moved"
		to.Files[r.From.Pool.Path+"/"+name] = r.To.Pool.Path + "/" + v.Name
		if name != leaveOut {
			must.Get[host.Volume](t)(r.To.Host.CreateVolume(ctx, r.To.Pool.Name, v))
		}
	}
	definition := must.Get[string](t)(r.From.Host.Definition(ctx, d.UUID))
	must.Get[host.Domain](t)(r.To.Host.DefineRelocated(ctx, definition, to))
	done(t, r.From.Host.StartDomain(ctx, d.UUID))
	m := host.Migration{To: r.Peer, Relocation: to, Disks: []string{"vda", "vdb"}}
	m.Definition = must.Get[string](t)(r.To.Host.Definition(ctx, d.UUID))
	m.Metadata = metadata(3)
	return d, m
}

func passage(t *testing.T, s Site, uuid string) host.Passage {
	t.Helper()
	p := must.Get[host.Passage](t)(s.Host.Passage(t.Context(), uuid))
	p.Sent = 0
	return p
}

// stays checks that a guest has stayed on its host, and that the other one has nothing of it but its
// definition.
func (r Road) stays(t *testing.T, uuid string) {
	t.Helper()
	if p := passage(t, r.From, uuid); p != (host.Passage{State: host.StateRunning}) {
		t.Errorf("on its host, it is %+v", p)
	}
	until(t, func() bool { return passage(t, r.To, uuid).State == host.StateShutoff })
	if p := passage(t, r.To, uuid); p != (host.Passage{State: host.StateShutoff}) {
		t.Errorf("on the other host, it is %+v", p)
	}
}

// until waits for something that a host is about to do.
func until(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not happen")
		}
	}
}

func arrives(t *testing.T, r Road) {
	ctx := t.Context()
	d, m := r.departing(t, "")
	running := must.Get[string](t)(r.From.Host.RunningDefinition(ctx, d.UUID))
	if why, err := r.To.Host.Unable(ctx, running); why != "" || err != nil {
		t.Errorf("the other host cannot run it: %q, %v", why, err)
	}
	before := must.Get[host.Domain](t)(r.From.Host.Domain(ctx, d.UUID))
	done(t, r.From.Host.Migrate(ctx, d.UUID, m))
	if p := passage(t, r.From, d.UUID); p != (host.Passage{State: host.StateShutoff, Left: true}) {
		t.Errorf("where it was, it is %+v", p)
	}
	if p := passage(t, r.To, d.UUID); p != (host.Passage{State: host.StateRunning}) {
		t.Errorf("where it has gone to, it is %+v", p)
	}
	after := must.Get[host.Domain](t)(r.To.Host.Domain(ctx, d.UUID))
	if after.Metadata == before.Metadata || after.Name != before.Name || after.MemoryMiB != before.MemoryMiB ||
		!slices.Equal(after.Interfaces, before.Interfaces) {
		t.Errorf("it was %+v, and is %+v", before, after)
	}
	hardware := must.Get[host.Hardware](t)(r.To.Host.Hardware(ctx, d.UUID))
	for _, disk := range hardware.Disks {
		if n := slices.IndexFunc(after.Disks, func(o host.DomainDisk) bool { return o.Target == disk.Target }); n < 0 ||
			after.Disks[n].Path != disk.Path || disk.Path != m.Files[before.Disks[n].Path] {
			t.Errorf("its disk %+v is not as %+v says", disk, after.Disks)
		}
	}
	if len(hardware.Disks) != len(before.Disks) {
		t.Errorf("it has the disks %+v", hardware.Disks)
	}
	done(t, r.To.Host.DestroyDomain(ctx, d.UUID))
	read := must.Get[host.Domain](t)(r.To.Host.Domain(ctx, d.UUID))
	if read.Metadata != after.Metadata {
		t.Errorf("once it is off, its metadata are %q", read.Metadata)
	}
}

func migrationsRefused(t *testing.T, r Road) {
	ctx := t.Context()
	d, m := r.departing(t, "data")
	if err := r.From.Host.Migrate(ctx, d.UUID, m); err == nil {
		t.Error("it is moved to a host that lacks a disk of it")
	}
	r.stays(t, d.UUID)
	nowhere := m
	nowhere.To.URI = "qemu+unix:///system?socket=/no/such/socket"
	if err := r.From.Host.Migrate(ctx, d.UUID, nowhere); err == nil {
		t.Error("it is moved to no host")
	}
	r.stays(t, d.UUID)
	few := m
	few.Files = map[string]string{}
	if err := r.From.Host.Migrate(ctx, d.UUID, few); err == nil {
		t.Error("it is moved without its files")
	}
	r.stays(t, d.UUID)
}

// givenUp tests both ways to give a migration up: its caller does, or another one.
func givenUp(t *testing.T, r Road) {
	d, m := r.departing(t, "")
	r.Slow(t, d.Name)
	for name, giveUp := range map[string]func(cancel context.CancelFunc) error{
		"by its caller": func(cancel context.CancelFunc) error { cancel(); return nil },
		"by another":    func(context.CancelFunc) error { return r.From.Host.AbortMigration(t.Context(), d.UUID) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		failed := make(chan error, 1)
		go func() { failed <- r.From.Host.Migrate(ctx, d.UUID, m) }()
		until(t, func() bool { return passage(t, r.From, d.UUID).Sending && passage(t, r.To, d.UUID).Halted })
		if p := passage(t, r.From, d.UUID); p != (host.Passage{State: host.StateRunning, Sending: true}) {
			t.Errorf("%s: on its way, it is %+v", name, p)
		}
		done(t, giveUp(cancel))
		if err := <-failed; err == nil || errors.Is(err, context.Canceled) != (name == "by its caller") {
			t.Errorf("given up %s: %v", name, err)
		}
		r.stays(t, d.UUID)
	}
}

func nothingMoves(t *testing.T, r Road) {
	ctx := t.Context()
	d, m := r.departing(t, "")
	fails(t, r.From.Host.AbortMigration(ctx, d.UUID), host.ErrOperationInvalid)
	done(t, r.From.Host.DestroyDomain(ctx, d.UUID))
	fails(t, r.From.Host.AbortMigration(ctx, d.UUID), host.ErrOperationInvalid)
	fails(t, second(r.From.Host.RunningDefinition(ctx, d.UUID)), host.ErrOperationInvalid)
	fails(t, r.From.Host.Migrate(ctx, d.UUID, m), host.ErrOperationInvalid)
	if p := passage(t, r.From, d.UUID); p != (host.Passage{State: host.StateShutoff}) {
		t.Errorf("off, it is %+v", p)
	}
	fails(t, second(r.From.Host.Passage(ctx, r.From.UUID())), host.ErrNoDomain)
	fails(t, second(r.From.Host.RunningDefinition(ctx, r.From.UUID())), host.ErrNoDomain)
	fails(t, r.From.Host.Migrate(ctx, r.From.UUID(), m), host.ErrNoDomain)
}
