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

// containerSpec returns a container with a root, two files, memory and an interface. It creates the
// volumes. The container is removed when the test ends.
func containerSpec(t *testing.T, s Site) host.ContainerSpec {
	t.Helper()
	root := s.Root(t, "root")
	for _, name := range []string{"one", "two"} {
		must.Get[host.Volume](t)(s.Host.CreateVolume(t.Context(), s.Pool.Name, host.VolumeSpec{
			Name: name, Format: "raw", Capacity: 4096,
		}))
	}
	return containerSpecOf(t, s, root)
}

// containerSpecOf returns the container of containerSpec under another name and UUID, and creates no
// volumes. The container is removed when the test ends.
func containerSpecOf(t *testing.T, s Site, root host.Volume) host.ContainerSpec {
	t.Helper()
	id := s.UUID()
	cleanUpContainer(t, s, id)
	return host.ContainerSpec{
		Name: s.Unique(), UUID: id, Title: "A <title>", Description: "line 1\nline 2", Init: RootInit,
		VCPUs: 1, MemoryMiB: 64, Metadata: metadata(1),
		Filesystems: []host.Filesystem{
			{Kind: host.FilesystemImage, Source: root.Path, Target: "/", ReadOnly: true},
			{Kind: host.FilesystemRAM, Target: "/run", Size: 64 << 10},
			{Kind: host.FilesystemFile, Source: s.Pool.Path + "/one", Target: "/run/one"},
			{Kind: host.FilesystemFile, Source: s.Pool.Path + "/two", Target: "/run/two", ReadOnly: true},
		},
		Interfaces: []host.InterfaceSpec{{Name: "lan", Network: "default", MAC: macOf(id, "01")}},
	}
}

// macOf is a MAC address of a guest, which ends with last.
func macOf(id, last string) string { return "52:54:00:" + id[:2] + ":" + id[2:4] + ":" + last }

// cleanUpContainer removes a container when the test ends.
func cleanUpContainer(t *testing.T, s Site, id string) {
	t.Helper()
	cs := s.Host.Containers()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := cs.Domain(ctx, id); errors.Is(err, host.ErrNoDomain) {
			return
		}
		if err := errors.Join(cs.DestroyDomain(ctx, id), cs.UndefineDomain(ctx, id)); err != nil {
			t.Error(err)
		}
	})
}

func containerDefinitions(t *testing.T, s Site) {
	ctx, cs := t.Context(), s.Host.Containers()
	done(t, cs.Offered(ctx))
	want := containerSpec(t, s)
	made := must.Get[host.Domain](t)(cs.DefineContainer(ctx, want))
	all, undescribed, err := cs.DomainsNamed(ctx, func(name string) bool { return name == want.Name })
	if err != nil || len(undescribed) > 0 || len(all) != 1 {
		t.Fatalf("listed are %+v, %v, %v", all, undescribed, err)
	}
	nic := host.DomainInterface{MAC: want.Interfaces[0].MAC, Network: "default", Device: "eth0"}
	for how, d := range map[string]host.Domain{
		"made":   made,
		"read":   must.Get[host.Domain](t)(cs.Domain(ctx, want.UUID)),
		"named":  must.Get[host.Domain](t)(cs.DomainByName(ctx, want.Name)),
		"with":   must.Get[host.Domain](t)(cs.DomainWith(ctx, want.UUID, host.Status{State: host.StateShutoff})),
		"listed": all[0],
	} {
		if d.UUID != want.UUID || d.Name != want.Name || d.Title != want.Title || d.Description != want.Description ||
			d.Type != "lxc" || d.State != host.StateShutoff || d.Autostart || d.Sockets != 1 || d.Cores != 1 ||
			d.MemoryMiB != 64 || len(d.Disks) > 0 || d.Metadata == "" {
			t.Errorf("%s: %+v", how, d)
		}
		if !slices.Equal(d.Filesystems, want.Filesystems) || !slices.Equal(d.Interfaces, []host.DomainInterface{nic}) {
			t.Errorf("%s: the filesystems are %+v, and the interfaces %+v", how, d.Filesystems, d.Interfaces)
		}
	}
	if _, err := s.Host.Domain(ctx, want.UUID); !errors.Is(err, host.ErrNoDomain) {
		t.Errorf("among the machines, it is %v", err)
	}
	rootless := want
	rootless.Name, rootless.UUID, rootless.Filesystems = s.Unique(), s.UUID(), want.Filesystems[1:]
	if _, err := cs.DefineContainer(ctx, rootless); err == nil {
		t.Error("a container without a root was defined")
		cleanUpContainer(t, s, rootless.UUID)
	}
	fails(t, cs.RenameDomain(ctx, want.UUID, s.Unique()), host.ErrUnsupported)
}

func containerNamesAreTaken(t *testing.T, s Site) {
	ctx, cs := t.Context(), s.Host.Containers()
	one := containerSpec(t, s)
	must.Get[host.Domain](t)(cs.DefineContainer(ctx, one))
	other := one
	other.UUID = s.UUID()
	fails(t, second(cs.DefineContainer(ctx, other)), host.ErrExists)
	other = one
	other.Name = s.Unique()
	fails(t, second(cs.DefineContainer(ctx, other)), host.ErrExists)
	other.UUID = "" // the host chooses
	d := must.Get[host.Domain](t)(cs.DefineContainer(ctx, other))
	if d.UUID == "" || d.UUID == one.UUID {
		t.Errorf("the host has chosen the UUID %q", d.UUID)
	}
	done(t, cs.UndefineDomain(ctx, d.UUID))

	machine := defined(t, s)
	other.Name, other.UUID = machine.Name, s.UUID()
	fails(t, second(cs.DefineContainer(ctx, other)), host.ErrExists)
	fails(t, second(cs.Domain(ctx, other.UUID)), host.ErrNoDomain)
}

func containerDevices(t *testing.T, s Site) {
	ctx, cs := t.Context(), s.Host.Containers()
	d := containerSpec(t, s)
	must.Get[host.Domain](t)(cs.DefineContainer(ctx, d))
	change := func(c host.DomainChange) {
		t.Helper()
		done(t, cs.RedefineDomain(ctx, d.UUID, c))
	}
	filesystems := func(want ...host.Filesystem) {
		t.Helper()
		if got := must.Get[host.Domain](t)(cs.Domain(ctx, d.UUID)).Filesystems; !slices.Equal(got, want) {
			t.Errorf("its filesystems are\n%+v, want\n%+v", got, want)
		}
	}
	fs := d.Filesystems
	other := fs[3]
	other.Target = "/run/one"
	change(host.DomainChange{SetFilesystems: []host.Filesystem{other}})
	filesystems(fs[0], fs[1], other, fs[3])
	tmp := host.Filesystem{Kind: host.FilesystemRAM, Target: "/tmp", Size: 1 << 20}
	change(host.DomainChange{SetFilesystems: []host.Filesystem{tmp}, RemoveFilesystem: "/run/two"})
	filesystems(fs[0], fs[1], other, tmp)
	change(host.DomainChange{RemoveFilesystem: "/no/such/target"})
	tmp.Size = 2 << 20
	change(host.DomainChange{SetFilesystems: []host.Filesystem{tmp}})
	filesystems(fs[0], fs[1], other, tmp)

	interfaces := func(want ...host.DomainInterface) {
		t.Helper()
		if got := must.Get[host.Domain](t)(cs.Domain(ctx, d.UUID)).Interfaces; !slices.Equal(got, want) {
			t.Errorf("its interfaces are\n%+v, want\n%+v", got, want)
		}
	}
	first, next := d.Interfaces[0].MAC, macOf(d.UUID, "02")
	change(host.DomainChange{SetInterface: &host.InterfaceSpec{Name: "wan", Bridge: "virbr0", MAC: next}})
	interfaces(
		host.DomainInterface{MAC: first, Network: "default", Device: "eth0"},
		host.DomainInterface{MAC: next, Bridge: "virbr0", Device: "eth1"},
	)
	change(host.DomainChange{SetInterface: &host.InterfaceSpec{
		Name: "wan", Network: "default", MAC: next, Filter: "clean-traffic", FilterIPs: []string{"192.0.2.7"},
	}})
	change(host.DomainChange{RemoveInterface: first})
	change(host.DomainChange{RemoveInterface: first})
	filtered := host.DomainInterface{MAC: next, Network: "default", Filter: "clean-traffic", Device: "eth1"}
	interfaces(filtered)
	change(host.DomainChange{SetInterface: &host.InterfaceSpec{Name: "lan", Network: "default", MAC: first}})
	interfaces(filtered, host.DomainInterface{MAC: first, Network: "default", Device: "eth0"})

	title := "all or nothing"
	for what, c := range map[string]host.DomainChange{
		"disk":   {Title: &title, AddDisk: &host.DiskSpec{Name: "data", Target: "vdb", Path: "/x", Format: "raw"}},
		"device": {Title: &title, RemoveDevice: host.InterfaceID("lan")},
	} {
		if err := cs.RedefineDomain(ctx, d.UUID, c); !errors.Is(err, host.ErrUnsupported) {
			t.Errorf("a change of a %s of a container gives %v", what, err)
		}
	}
	if got := must.Get[host.Domain](t)(cs.Domain(ctx, d.UUID)); got.Title != d.Title {
		t.Errorf("a change that failed was made in part: the title is %q", got.Title)
	}
}

// containerRelocations tests that a definition is taken again, with other files.
func containerRelocations(t *testing.T, s Site) {
	ctx, cs := t.Context(), s.Host.Containers()
	want := containerSpec(t, s)
	before := must.Get[host.Domain](t)(cs.DefineContainer(ctx, want))
	definition := must.Get[string](t)(cs.Definition(ctx, want.UUID))
	done(t, cs.UndefineDomain(ctx, want.UUID))
	to := host.Relocation{Name: want.Name, UUID: want.UUID, Metadata: metadata(2), Files: map[string]string{}}
	for i, fs := range before.Filesystems {
		if fs.Source != "" {
			to.Files[fs.Source] = fs.Source + ".moved"
			before.Filesystems[i].Source += ".moved"
		}
	}
	few := to
	few.Files = map[string]string{s.Pool.Path + "/one": "/moved"}
	if _, err := cs.DefineRelocated(ctx, definition, few); err == nil {
		t.Error("a container is defined of which a file stays elsewhere")
	}
	must.Get[host.Domain](t)(cs.DefineRelocated(ctx, definition, to))
	got := must.Get[host.Domain](t)(cs.Domain(ctx, want.UUID))
	if !slices.Equal(got.Filesystems, before.Filesystems) || !slices.Equal(got.Interfaces, before.Interfaces) ||
		got.Description != want.Description || got.Metadata == before.Metadata || got.MemoryMiB != want.MemoryMiB {
		t.Errorf("it is %+v, want it as %+v", got, before)
	}
}

func signals(t *testing.T, s Site) {
	ctx, cs := t.Context(), s.Host.Containers()
	d := containerSpec(t, s)
	must.Get[host.Domain](t)(cs.DefineContainer(ctx, d))
	fails(t, cs.SignalContainer(ctx, d.UUID, host.SignalHangUp), host.ErrOperationInvalid)
	for _, mode := range []host.ShutdownMode{host.ShutdownACPI, host.ShutdownAgent} {
		fails(t, cs.ShutdownDomain(ctx, d.UUID, mode), host.ErrUnsupported)
	}
	for how, end := range map[string]func() error{
		"shut down": func() error { return cs.ShutdownDomain(ctx, d.UUID, host.ShutdownSignal) },
		"signalled": func() error { return cs.SignalContainer(ctx, d.UUID, host.SignalTerminate) },
	} {
		done(t, cs.StartDomain(ctx, d.UUID))
		deadline := time.Now().Add(time.Minute)
		// Process 1 may not listen yet. If it has just ended, which libvirt notices later than the kernel, the request
		// fails: then the container goes off by itself.
		var gone error
		for must.Get[host.State](t)(cs.DomainState(ctx, d.UUID)) != host.StateShutoff {
			if time.Now().After(deadline) {
				t.Fatalf("%s, it does not end: %v", how, gone)
			}
			if gone != nil {
				continue
			}
			if err := end(); err != nil && !errors.Is(err, host.ErrOperationInvalid) {
				gone = err
			}
		}
	}
	machine := defined(t, s)
	fails(t, s.Host.ShutdownDomain(ctx, machine.UUID, host.ShutdownSignal), host.ErrUnsupported)
}

// A container does not start if a file is missing. It keeps its definition while it runs.
func containerStarts(t *testing.T, s Site) {
	ctx, cs := t.Context(), s.Host.Containers()
	d := containerSpec(t, s)
	must.Get[host.Domain](t)(cs.DefineContainer(ctx, d))
	done(t, cs.StartDomain(ctx, d.UUID))
	done(t, cs.RedefineDomain(ctx, d.UUID, host.DomainChange{RemoveFilesystem: "/run/two"}))
	if got := must.Get[host.Domain](t)(cs.Domain(ctx, d.UUID)); len(got.Filesystems) != 3 ||
		got.State != host.StateRunning {
		t.Errorf("changed while it runs, it is %+v", got)
	}
	for name, want := range map[string][]string{"one": {d.Name}, "two": nil, "root": nil} {
		v := must.Get[host.Volume](t)(s.Host.Volume(ctx, s.Pool.Name, name))
		if users := must.Get[[]string](t)(cs.DiskUsers(ctx, v)); !slices.Equal(users, want) {
			t.Errorf("the volume %s is used by %q, want %q", name, users, want)
		}
	}
	done(t, cs.DestroyDomain(ctx, d.UUID))
	done(t, s.Host.DeleteVolume(ctx, s.Pool.Name, "one"))
	if err := cs.StartDomain(ctx, d.UUID); err == nil {
		t.Error("it started without its file")
	}
	if state := must.Get[host.State](t)(cs.DomainState(ctx, d.UUID)); state != host.StateShutoff {
		t.Errorf("it is %s", state)
	}
}
