package hosttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// metadata returns an element like those of instances, numbered.
func metadata(n int) string {
	return fmt.Sprintf(`<n:instance xmlns:n="urn:novacron:instance:1" number="%d"/>`, n)
}

// spec returns a domain with a disk, a seed and an interface. It creates the volumes. The domain is
// removed when the test ends.
func spec(t *testing.T, s Site) host.DomainSpec {
	t.Helper()
	for _, v := range []host.VolumeSpec{
		{Name: "system", Format: "qcow2", Capacity: 8 << 20},
		{Name: "data", Format: "qcow2", Capacity: 1 << 20},
		{Name: "seed", Format: "raw", Capacity: 1 << 20},
	} {
		must.Get[host.Volume](t)(s.Host.CreateVolume(t.Context(), s.Pool.Name, v))
	}
	return specOf(t, s)
}

// specOf returns the domain of spec under another name and UUID, and creates no volumes. The domain
// is removed when the test ends.
func specOf(t *testing.T, s Site) host.DomainSpec {
	t.Helper()
	id := s.UUID()
	cleanUp(t, s, id)
	return host.DomainSpec{
		Name: s.Unique(), UUID: id, Title: "A <title>", Description: "line 1\nline 2", Type: "qemu",
		Sockets: 1, Cores: 2, CPU: "host-model", MemoryMiB: 64, Metadata: metadata(1),
		Seed: s.Pool.Path + "/seed",
		Disks: []host.DiskSpec{
			{Name: "system", Target: "vda", Path: s.Pool.Path + "/system", Format: "qcow2", Boot: 1},
		},
		Interfaces: []host.InterfaceSpec{
			{
				Name: "eth0", Network: "default", LinkDown: true,
				MAC: "52:54:00:" + id[:2] + ":" + id[2:4] + ":" + id[len(id)-2:],
			},
		},
	}
}

// cleanUp removes a domain when the test ends.
func cleanUp(t *testing.T, s Site, id string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := s.Host.Domain(ctx, id); errors.Is(err, host.ErrNoDomain) {
			return
		}
		if err := errors.Join(s.Host.DestroyDomain(ctx, id), s.Host.UndefineDomain(ctx, id)); err != nil {
			t.Error(err)
		}
	})
}

// defined defines a domain from spec.
func defined(t *testing.T, s Site) host.DomainSpec {
	t.Helper()
	d := spec(t, s)
	must.Get[host.Domain](t)(s.Host.DefineDomain(t.Context(), d))
	return d
}

func definitions(t *testing.T, s Site) {
	ctx := t.Context()
	want := spec(t, s)
	made := must.Get[host.Domain](t)(s.Host.DefineDomain(ctx, want))
	read := must.Get[host.Domain](t)(s.Host.Domain(ctx, want.UUID))
	named := must.Get[host.Domain](t)(s.Host.DomainByName(ctx, want.Name))
	with := must.Get[host.Domain](t)(s.Host.DomainWith(ctx, want.UUID, host.Status{State: host.StateShutoff}))
	all, undescribed, err := s.Host.DomainsNamed(ctx, func(name string) bool { return name == want.Name })
	if err != nil || len(undescribed) > 0 || len(all) != 1 {
		t.Fatalf("listed are %+v, %v, %v", all, undescribed, err)
	}
	for how, d := range map[string]host.Domain{
		"made":   made,
		"read":   read,
		"named":  named,
		"with":   with,
		"listed": all[0],
	} {
		if d.UUID != want.UUID || d.Name != want.Name || d.Title != want.Title || d.Description != want.Description ||
			d.Type != "qemu" || d.State != host.StateShutoff || d.Autostart || d.Sockets != 1 || d.Cores != 2 ||
			d.CPU != "maximum" || d.MemoryMiB != 64 || d.Firmware != "" || len(d.Passthrough) > 0 || d.Metadata == "" {
			t.Errorf("%s: %+v", how, d)
		}
		i := slices.IndexFunc(d.Disks, func(disk host.DomainDisk) bool { return disk.Name == "system" })
		if i < 0 || len(d.Disks) != 2 || !d.Disks[1-i].CDROM || d.Disks[1-i].Path != want.Seed {
			t.Fatalf("%s: the disks are %+v", how, d.Disks)
		}
		disk := host.DomainDisk{Name: "system", Target: "vda", Path: want.Disks[0].Path, Format: "qcow2", Boot: 1}
		nic := host.DomainInterface{Name: "eth0", MAC: want.Interfaces[0].MAC, Network: "default", Model: "virtio"}
		if d.Disks[i] != disk || len(d.Interfaces) != 1 || d.Interfaces[0] != nic {
			t.Errorf("%s: the disk is %+v, and the interfaces are %+v", how, d.Disks[i], d.Interfaces)
		}
	}
}

func namesAreTaken(t *testing.T, s Site) {
	ctx := t.Context()
	one := defined(t, s)
	other := one
	other.UUID = s.UUID()
	fails(t, second(s.Host.DefineDomain(ctx, other)), host.ErrExists)
	other = one
	other.Name = s.Unique()
	fails(t, second(s.Host.DefineDomain(ctx, other)), host.ErrExists)
	other.UUID = "" // the host chooses
	d := must.Get[host.Domain](t)(s.Host.DefineDomain(ctx, other))
	if d.UUID == "" || d.UUID == one.UUID {
		t.Errorf("the host has chosen the UUID %q", d.UUID)
	}
	fails(t, s.Host.RenameDomain(ctx, d.UUID, one.Name), host.ErrExists)
	name := s.Unique()
	done(t, s.Host.RenameDomain(ctx, d.UUID, name))
	if renamed := must.Get[host.Domain](t)(s.Host.DomainByName(ctx, name)); renamed.UUID != d.UUID {
		t.Errorf("%q is %s", name, renamed.UUID)
	}
	done(t, s.Host.UndefineDomain(ctx, d.UUID))
}

func changes(t *testing.T, _ Site, k kind) {
	ctx := t.Context()
	d := k.define(t)
	title, sockets, memory, text := "", 3, uint64(96), metadata(2)
	done(t, k.RedefineDomain(ctx, d.UUID, host.DomainChange{
		Title: &title, Sockets: &sockets, MemoryMiB: &memory, Metadata: &text,
	}))
	done(t, k.SetAutostart(ctx, d.UUID, true))
	got := must.Get[host.Domain](t)(k.Domain(ctx, d.UUID))
	if got.Title != "" || got.Description != d.Description || got.Sockets != 3 || got.Cores != k.cores ||
		got.MemoryMiB != 96 || !got.Autostart {
		t.Errorf("it is %+v", got)
	}
	done(t, k.RedefineDomain(ctx, d.UUID, host.DomainChange{Metadata: new(string)}))
	done(t, k.SetAutostart(ctx, d.UUID, false))
	if got := must.Get[host.Domain](t)(k.Domain(ctx, d.UUID)); got.Metadata != "" || got.Autostart {
		t.Errorf("it is %+v", got)
	}
	done(t, k.UndefineDomain(ctx, d.UUID))
	fails(t, second(k.Domain(ctx, d.UUID)), host.ErrNoDomain)
}

func devices(t *testing.T, s Site) {
	ctx := t.Context()
	d := defined(t, s)
	names := func() (disks, nics []string) {
		got := must.Get[host.Domain](t)(s.Host.Domain(ctx, d.UUID))
		for _, disk := range got.Disks {
			if !disk.CDROM {
				disks = append(disks, disk.Name)
			}
		}
		for _, nic := range got.Interfaces {
			nics = append(nics, nic.Name+" "+nic.Model)
		}
		return disks, nics
	}
	want := func(disks, nics []string) {
		t.Helper()
		if gotDisks, gotNICs := names(); !slices.Equal(gotDisks, disks) || !slices.Equal(gotNICs, nics) {
			t.Errorf("it has %q and %q, want %q and %q", gotDisks, gotNICs, disks, nics)
		}
	}
	data := host.DiskSpec{Name: "data", Target: "vdb", Path: s.Pool.Path + "/data", Format: "qcow2"}
	for range 2 { // the second time, it exists already
		done(t, s.Host.RedefineDomain(ctx, d.UUID, host.DomainChange{AddDisk: &data}))
	}
	nic := host.InterfaceSpec{Name: "eth1", Network: "default", MAC: "52:54:00:aa:cc:01", Model: "e1000"}
	done(t, s.Host.RedefineDomain(ctx, d.UUID, host.DomainChange{SetInterface: &nic}))
	want([]string{"system", "data"}, []string{"eth0 virtio", "eth1 e1000"})
	done(t, s.Host.RedefineDomain(ctx, d.UUID, host.DomainChange{RemoveDevice: host.InterfaceID("eth0")}))
	done(t, s.Host.RedefineDomain(ctx, d.UUID, host.DomainChange{RemoveDevice: host.DiskID("no-such-disk")}))
	want([]string{"system", "data"}, []string{"eth1 e1000"})
	done(t, s.Host.RedefineDomain(ctx, d.UUID, host.DomainChange{RemoveDevice: host.DiskID("data")}))
	image := host.DiskImage{Name: "system", Path: s.Pool.Path + "/data", Format: "qcow2"}
	done(t, s.Host.RedefineDomain(ctx, d.UUID, host.DomainChange{Disk: &image}))
	want([]string{"system"}, []string{"eth1 e1000"})
	for _, disk := range must.Get[host.Domain](t)(s.Host.Domain(ctx, d.UUID)).Disks {
		if disk.Name == "system" && (disk.Path != image.Path || disk.Target != "vda" || disk.Boot != 1) {
			t.Errorf("the disk is %+v", disk)
		}
	}
	image.Name = "no-such-disk"
	title := "all or nothing"
	if err := s.Host.RedefineDomain(ctx, d.UUID, host.DomainChange{Title: &title, Disk: &image}); err == nil {
		t.Error("a disk that is not there got an image")
	}
	if got := must.Get[host.Domain](t)(s.Host.Domain(ctx, d.UUID)); got.Title != d.Title {
		t.Errorf("a change that failed was made in part: the title is %q", got.Title)
	}
}

func nothingIsNotThere(t *testing.T, s Site, k kind) {
	ctx, id := t.Context(), s.UUID()
	for what, err := range map[string]error{
		"Domain":         second(k.Domain(ctx, id)),
		"DomainWith":     second(k.DomainWith(ctx, id, host.Status{})),
		"DomainByName":   second(k.DomainByName(ctx, s.Unique())),
		"DomainState":    second(k.DomainState(ctx, id)),
		"RedefineDomain": k.RedefineDomain(ctx, id, host.DomainChange{}),
		"UndefineDomain": k.UndefineDomain(ctx, id),
		"SetAutostart":   k.SetAutostart(ctx, id, true),
		"StartDomain":    k.StartDomain(ctx, id),
		"ResumeDomain":   k.ResumeDomain(ctx, id),
		"ShutdownDomain": k.ShutdownDomain(ctx, id, k.ask),
		"DestroyDomain":  k.DestroyDomain(ctx, id),
		"HasSavedState":  second(k.HasSavedState(ctx, id)),
		"Definition":     second(k.Definition(ctx, id)),
	} {
		if !errors.Is(err, host.ErrNoDomain) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, err := range k.others(id) {
		if !errors.Is(err, host.ErrNoDomain) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
