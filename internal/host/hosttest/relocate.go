package hosttest

import (
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// relocations tests that a definition is taken again, with other files. The site has one host, so the
// domain makes way for itself.
func relocations(t *testing.T, s Site) {
	ctx := t.Context()
	want := spec(t, s)
	file := func(name string) string { return s.Pool.Path + "/" + name }
	want.ConsoleLog = file("console")
	want.Disks = append(want.Disks, host.DiskSpec{Name: "data", Target: "vdb", Path: file("data"), Format: "qcow2"})
	before := must.Get[host.Domain](t)(s.Host.DefineDomain(ctx, want))
	done(t, s.Host.SetAutostart(ctx, want.UUID, true))
	definition := must.Get[string](t)(s.Host.Definition(ctx, want.UUID))
	fails(t, second(s.Host.Definition(ctx, s.UUID())), host.ErrNoDomain)

	to := host.Relocation{Name: want.Name, UUID: want.UUID, Metadata: metadata(2), Files: map[string]string{
		file("system"): file("system.moved"), file("data"): file("data"), file("seed"): file("seed.moved"),
		file("console"): file("console.moved"),
	}}
	other := specOf(t, s)
	other.UUID = want.UUID
	done(t, s.Host.UndefineDomain(ctx, want.UUID))
	must.Get[host.Domain](t)(s.Host.DefineDomain(ctx, other)) // it has the UUID
	fails(t, second(s.Host.DefineRelocated(ctx, definition, to)), host.ErrExists)
	done(t, s.Host.UndefineDomain(ctx, other.UUID))
	few := to
	few.Files = map[string]string{file("system"): file("system.moved"), file("seed"): file("seed")}
	if _, err := s.Host.DefineRelocated(ctx, definition, few); err == nil {
		t.Error("a domain is defined of which a disk stays elsewhere")
	}

	made := must.Get[host.Domain](t)(s.Host.DefineRelocated(ctx, definition, to))
	read := must.Get[host.Domain](t)(s.Host.Domain(ctx, want.UUID))
	for how, d := range map[string]host.Domain{"made": made, "read": read} {
		if d.UUID != want.UUID || d.Name != want.Name || d.State != host.StateShutoff || d.Autostart ||
			d.Description != want.Description || d.MemoryMiB != want.MemoryMiB || d.Cores != want.Cores ||
			!slices.Equal(d.Interfaces, before.Interfaces) || d.Metadata == before.Metadata {
			t.Errorf("%s: %+v, want it as %+v", how, d, before)
		}
		paths := map[string]string{}
		for _, disk := range d.Disks {
			paths[disk.Name] = disk.Path
			if disk.CDROM {
				paths["seed"] = disk.Path
			}
		}
		for name, path := range map[string]string{
			"system": file("system.moved"), "data": file("data"), "seed": file("seed.moved"),
		} {
			if paths[name] != path {
				t.Errorf("%s: %s is %s, want %s", how, name, paths[name], path)
			}
		}
	}
}
