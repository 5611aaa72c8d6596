package vm

import (
	"context"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// rig is a host in memory with a driver, and an image in the library's pool.
type rig struct {
	*testing.T
	*fakehost.Host
	driver *Driver
	image  host.Volume
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, Host: fakehost.New()}
	for _, pool := range []string{"lib", "fast"} {
		_, err := r.CreateDirPool(t.Context(), pool, "/"+pool)
		r.ok(err)
	}
	var err error
	r.image, err = r.CreateVolume(t.Context(), "lib", host.VolumeSpec{
		Name: "image", Format: "qcow2", Capacity: 1 << 30,
	})
	r.ok(err)
	r.driver = r.drive("qemu")
	return r
}

// drive is a driver as another process has it.
func (r *rig) drive(domainType string) *Driver {
	offers := inventory.New(r.Host)
	return New(kind.Site{
		Host: r.Host, Inventory: offers, Tenant: "t1", Networks: network.New(r.Host, offers, nil),
		Volumes: volumes.New(r.Host, offers, "lib", map[string]string{"fast": "fast"}),
	}, domainType)
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func request() kind.Request {
	return kind.Request{
		Name: "web", Template: catalog.TemplateID{Tenant: "t1", Name: "t"}, Version: "1.0.0", Strategy: "linked_clone",
		Options: kind.Options{Running: true},
	}
}

// build begins to create a machine, and changes it before its part is decided.
func (r *rig) build(change func(*kind.Request, *kind.Blueprint)) *kind.Build {
	r.Helper()
	q := request()
	b := kind.Blueprint{
		Strategy: q.Strategy, Version: catalog.Version{ID: q.Template.Version(q.Version)},
		NICs: (*profile.Network)(nil).NICs(),
		Drives: []profile.Drive{{Name: "system", Size: 1 << 30, System: true, Boot: true},
			{Name: "data", Size: 1 << 30, Tier: "fast"}},
	}
	if change != nil {
		change(&q, &b)
	}
	if wrong := r.driver.Decide(q, &b, true); len(wrong) > 0 {
		r.Fatal(wrong)
	}
	of, err := strategy.Of(q.Strategy)
	r.ok(err)
	lib, err := r.Pool(r.Context(), "lib")
	r.ok(err)
	fast, err := r.Pool(r.Context(), "fast")
	r.ok(err)
	build := &kind.Build{
		Work: step.Begin(nil), Request: q, Blueprint: b, Tenant: "t1", UUID: kind.RandomUUID(), Strategy: of,
		Image: kind.Image{Volume: r.image, Format: "qcow2"}, Pool: lib, Homes: []host.Pool{lib, fast},
		Confirm: func(context.Context) error { return nil },
	}
	build.ChooseMACs()
	build.Metadata, err = metadata.Facts{
		Tenant: "t1", Name: q.Name, Template: "t1/t", Version: q.Version, Addressing: metadata.NoteAddressing(b.NICs),
		Sizes: metadata.SizesOf(b.Drives),
	}.Marshal()
	r.ok(err)
	return build
}

// made is a machine that runs.
func (r *rig) made(change func(*kind.Request, *kind.Blueprint)) (*kind.Build, kind.Instance) {
	r.Helper()
	b := r.build(change)
	r.ok(r.driver.Define(r.Context(), b))
	for _, s := range r.driver.Stages(b) {
		r.ok(b.Do(r.Context(), s.Name, s.Do))
	}
	return b, r.read(b.UUID)
}

func (r *rig) read(uuid string) kind.Instance {
	r.Helper()
	d, err := r.Domain(r.Context(), uuid)
	r.ok(err)
	facts, err := metadata.Parse(d.Metadata)
	r.ok(err)
	i, err := r.driver.Read(r.Context(), d, facts)
	r.ok(err)
	return i
}

// calls are the requests that an operation makes.
func (r *rig) calls(do func()) (made []string) {
	r.Inject = func(c fakehost.Call) fakehost.Fault {
		made = append(made, c.Method)
		return fakehost.Fault{}
	}
	defer func() { r.Inject = nil }()
	do()
	return made
}
