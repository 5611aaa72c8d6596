package container_test

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/novainit"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	stored "github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
	"github.com/novacron/terraform-provider-novacron/internal/kind/kindtest"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// programs has something in place of nova-init, for hosts in memory.
func programs(architecture string) (data []byte, digest string, err error) {
	data = []byte(strings.Repeat("nova-init for "+architecture+"\n", 400))
	sum := sha256.Sum256(data)
	return data, "sha256:" + hex.EncodeToString(sum[:]), nil
}

// siteOf is a site of containers.
func siteOf(h host.Host, pool string) kind.Site {
	offers := inventory.New(h)
	return kind.Site{
		Host: h, Inventory: offers, Tenant: "t1", Volumes: volumes.New(h, offers, pool, nil),
		Networks: network.New(h, offers, nil),
	}
}

func TestContract(t *testing.T) {
	kindtest.Run(t, func(t *testing.T) kindtest.Site {
		h := fakehost.New()
		pool, err := h.CreateDirPool(t.Context(), "pool", "/pool")
		if err != nil {
			t.Fatal(err)
		}
		image, err := h.CreateVolume(t.Context(), "pool", host.VolumeSpec{
			Name: "image", Format: "raw", Capacity: 1 << 20,
		})
		if err != nil {
			t.Fatal(err)
		}
		return kindtest.Site{
			Driver: container.New(siteOf(h, "pool"), programs), Host: h, Pool: pool,
			Image: kind.Image{Volume: image, Format: "raw"}, Tenant: "t1",
			Unique:    func() string { return "kind-" + strings.ToLower(rand.Text()[:8]) },
			Container: &settings.Settings{Command: []string{"sleep", "infinity"}},
		}
	})
}

// A real host runs the contract with containers of busybox.
func TestAccContract(t *testing.T) {
	site := acctest.RequireHost(t)
	root := novainit.Root(t, nil)
	kindtest.Run(t, func(t *testing.T) kindtest.Site {
		h := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: site.URI}))
		t.Cleanup(func() { h.Close() })
		name, _ := site.Pool(t, "c-"+strings.ToLower(rand.Text()[:8]))
		pool := must.Get[host.Pool](t)(h.Pool(t.Context(), name))
		image := baseOf(t, h, name, root)
		t.Cleanup(func() {
			if err := h.DeleteVolume(context.WithoutCancel(t.Context()), name, "base.raw"); err != nil {
				t.Error(err)
			}
		})
		return kindtest.Site{
			Driver: container.New(siteOf(h, name), novainit.Program), Host: h, Pool: pool,
			Image: kind.Image{Volume: image, Format: "raw"}, Tenant: "t1",
			Unique:    func() string { return "c-" + strings.ToLower(rand.Text()[:8]) },
			Container: &settings.Settings{Command: []string{"sleep", "100000"}},
		}
	})
}

// baseOf stores a root file system as a base.
func baseOf(t *testing.T, h host.Host, pool, root string) host.Volume {
	t.Helper()
	ctx := t.Context()
	const name = "base.raw"
	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{Name: name, Format: "raw", Capacity: 1 << 20}))
	file := must.Get[*os.File](t)(os.Open(root))
	defer file.Close()
	conn := must.Get[host.Transfer](t)(h.OpenTransfer(ctx))
	defer conn.Close()
	must.Get[*ext4.Base](t)(ext4.SendOnce(ctx, ext4.Options{
		Origin: image.Origin{Name: "busybox"}, Label: "nova-base", Seed: "busybox",
		Directories: ext4.ContainerDirectories(),
	}, ext4.FromTar(tar.NewReader(file)), stored.NewSink(conn, pool, name)))
	if err := h.RefreshPool(ctx, pool); err != nil {
		t.Fatal(err)
	}
	return must.Get[host.Volume](t)(h.Volume(ctx, pool, name))
}
