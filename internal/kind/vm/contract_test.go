package vm_test

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent/agenttest"
	"github.com/novacron/terraform-provider-novacron/internal/guest/resume"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/kindtest"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// contractSite is a site with an image in a pool.
func contractSite(t *testing.T, h host.Host, pool string) kindtest.Site {
	t.Helper()
	offers := inventory.New(h)
	p, err := h.Pool(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	image, err := h.CreateVolume(t.Context(), pool, host.VolumeSpec{Name: "image", Format: "raw", Capacity: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	site := kind.Site{
		Host: h, Inventory: offers, Tenant: "t1",
		Volumes: volumes.New(h, offers, pool, nil), Networks: network.New(h, offers, nil),
	}
	return kindtest.Site{
		Driver: vm.New(site, "qemu"), Host: h, Pool: p, Image: kind.Image{Volume: image, Format: "raw"}, Tenant: "t1",
		Unique: func() string { return "kind-" + strings.ToLower(rand.Text()[:8]) },
	}
}

func TestContract(t *testing.T) {
	kindtest.Run(t, func(t *testing.T) kindtest.Site {
		h := fakehost.New()
		if _, err := h.CreateDirPool(t.Context(), "pool", "/pool"); err != nil {
			t.Fatal(err)
		}
		s := contractSite(t, h, "pool")
		s.Resumable = func() kind.Image { // its guests have an agent
			h.Agent = (&agenttest.Agent{Run: func(string, string) (string, int) {
				return resume.Facts{Version: 1, Reseed: "perl"}.String(), 0
			}}).Command
			return s.Image
		}
		return s
	})
}

func TestAccContract(t *testing.T) {
	site := acctest.RequireHost(t)
	kindtest.Run(t, func(t *testing.T) kindtest.Site {
		h, err := libvirt.New(libvirt.Options{URI: site.URI})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		h.ValidateDefinitions()
		pool, directory := site.Pool(t, "kind-"+strings.ToLower(rand.Text()[:8]))
		s := contractSite(t, h, pool)
		s.Resumable = func() kind.Image {
			site.Exec(t, "cp", acctest.TinyImage(t), filepath.Join(directory, "tiny"))
			if err := h.RefreshPool(t.Context(), pool); err != nil {
				t.Fatal(err)
			}
			return kind.Image{Volume: must.Get[host.Volume](t)(h.Volume(t.Context(), pool, "tiny")), Format: "qcow2"}
		}
		return s
	})
}
