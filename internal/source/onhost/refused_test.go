package onhost_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
)

// another defines a domain of that name, with a disk, and returns its UUID.
func (g *ground) another(t *testing.T, name, metadata, target, format string) string {
	t.Helper()
	d, err := g.DefineDomain(t.Context(), host.DomainSpec{
		Name: name, Type: "qemu", Sockets: 1, Cores: 1, MemoryMiB: 64, Metadata: metadata,
		Disks: []host.DiskSpec{{Name: "system", Target: target, Path: g.pool.Path + "/" + g.volume, Format: format}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.UUID
}

// want checks that an error has a cause and says what to do.
func want(t *testing.T, err, cause error, says ...string) {
	t.Helper()
	if err == nil || cause != nil && !errors.Is(err, cause) {
		t.Fatalf("got %v, want %v", err, cause)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestVolumesThatAreNotRead(t *testing.T) {
	open := func(g *ground, name string) error {
		_, err := g.bind(onhost.Volume{Name: name}).Open(t.Context())
		return err
	}
	g := inMemory(t)
	g.put(t, g.volume, imagetest.RawDisk(4096))
	g.put(t, "nova.base.one.raw", imagetest.RawDisk(4096))
	want(t, open(g, "none/disk"), host.ErrNoPool, "The host has the pools pool.")
	want(t, open(g, "pool/none"), host.ErrNoVolume, "virsh vol-list pool")
	want(t, open(g, "pool/nova.base.one.raw"), host.ErrNoVolume, "has no such volume")
	want(t, open(g, "pool/"+naming.Disk("other", "web", "system", "raw")), host.ErrNoVolume, "has no such volume")

	// What its guest has written to the beginning of a raw disk does not turn it into another image.
	g.another(t, "web", "", "vda", "raw")
	g.put(t, g.volume, imagetest.Qcow2(nil))
	err := open(g, "pool/"+g.volume)
	want(t, err, nil, "Have the guest write something else")
	if wrong := imagetest.WantError[*host.FormatError](t, err); wrong.Defined != "raw" || wrong.Probed != "qcow2" {
		t.Errorf("it is defined as %s, and looks like %s", wrong.Defined, wrong.Probed)
	}

	_, err = onhost.Volume{Name: "pool/" + g.volume}.Open(t.Context())
	want(t, err, nil, "it is on a host")
}

// A running guest may be shut down before the volume is read.
func TestAPlanWaitsForAVolume(t *testing.T) {
	g := inMemory(t)
	g.put(t, g.volume, imagetest.RawDisk(4096))
	id := g.another(t, "other.web", "", "vda", "raw")
	if err := g.StartDomain(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	found, err := source.Examine(t.Context(), g.bind(onhost.Volume{Name: "pool/" + g.volume}))
	if err != nil || found.VirtualSize != 0 {
		t.Fatalf("got %+v, %v", found, err)
	}
	want(t, found.Wait, nil, "in use by running machines: other.web", "Shut them down before it is read")
}

func TestInstancesThatAreNotCaptured(t *testing.T) {
	disk := func(t *testing.T, g *ground) (onhost.Disk, error) {
		t.Helper()
		captured, is := g.bind(onhost.Instance{UUID: g.uuid}).(onhost.Captured)
		if !is {
			t.Fatal("it is not captured")
		}
		return captured.Disk(t.Context())
	}
	fresh := func(t *testing.T) *ground {
		t.Helper()
		g := inMemory(t)
		g.put(t, g.volume, imagetest.Qcow2(nil))
		return g
	}
	t.Run("saved", func(t *testing.T) {
		g := fresh(t)
		g.define(t, "qcow2")
		memory, is := g.Host.(*fakehost.Host)
		if !is {
			t.Fatal("it is not in memory")
		}
		g.starts(t)
		memory.Save(g.uuid)
		found, err := disk(t, g)
		if err != nil {
			t.Fatal(err)
		}
		want(t, found.Busy, nil, "the guest was saved", "managedsave-remove")
	})
	t.Run("used by another", func(t *testing.T) {
		g := fresh(t)
		g.define(t, "qcow2")
		id := g.another(t, "rescue", "", "vdb", "qcow2")
		if err := g.StartDomain(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		found, err := disk(t, g)
		if err != nil {
			t.Fatal(err)
		}
		want(t, found.Busy, nil, "running machines: rescue")
	})
	t.Run("forged", func(t *testing.T) {
		g := fresh(t)
		g.define(t, "raw")
		_, err := disk(t, g)
		want(t, err, nil, "The host would copy what that leads to")
		imagetest.WantError[*host.FormatError](t, err)
	})
	facts, err := metadata.Facts{Tenant: "t", Name: "web"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ metadata, target, says string }{
		"damaged":          {"<instance", "vda", "finding"},
		"of nobody":        {"", "vda", "Use volume for the disk of a machine that novacron did not create"},
		"without its disk": {facts, "vdb", "no system disk"},
	} {
		t.Run(name, func(t *testing.T) {
			g := fresh(t)
			g.tenant, g.reader = "t", "t"
			g.uuid = g.another(t, "t.web", c.metadata, c.target, "qcow2")
			_, err := disk(t, g)
			want(t, err, nil, c.says)
		})
	}
	t.Run("without an answer", func(t *testing.T) {
		g := fresh(t)
		g.define(t, "qcow2")
		lost := errors.New("lost")
		for _, method := range []string{"Domain", "Volume", "HasSavedState", "DiskUsers"} {
			memory := fakehost.New()
			memory.Inject = func(c fakehost.Call) fakehost.Fault {
				if c.Method == method {
					return fakehost.Fault{Before: lost}
				}
				return fakehost.Fault{}
			}
			pool, err := memory.CreateDirPool(context.Background(), "pool", "/pool")
			if err != nil {
				t.Fatal(err)
			}
			asked := &ground{
				Host:   memory,
				pool:   pool,
				tenant: g.tenant,
				reader: g.tenant,
				volume: g.volume,
				uuid:   g.uuid,
			}
			spec := host.VolumeSpec{Name: g.volume, Format: "qcow2", Capacity: 1 << 20}
			if _, err := memory.CreateVolume(t.Context(), "pool", spec); err != nil {
				t.Fatal(err)
			}
			if method != "Domain" {
				asked.define(t, "qcow2")
			}
			if _, err := disk(t, asked); !errors.Is(err, lost) {
				t.Errorf("%s: got %v", method, err)
			}
		}
	})
}
