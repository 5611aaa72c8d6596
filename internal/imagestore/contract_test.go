package imagestore_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/imagestoretest"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

func TestContract(t *testing.T)     { imagestoretest.Run(t, inMemory) }
func TestWarmContract(t *testing.T) { imagestoretest.RunWarm(t, inMemory) }

func TestRootContract(t *testing.T) { imagestoretest.RunRoots(t, inMemory) }

func inMemory(t *testing.T) imagestoretest.Site {
	h := fakehost.New()
	for _, name := range []string{"pool", "other"} {
		if _, err := h.CreateDirPool(t.Context(), name, "/"+name); err != nil {
			t.Fatal(err)
		}
	}
	return siteOf(t, h, "pool", "other")
}

func TestAccContract(t *testing.T)     { imagestoretest.Run(t, onTestHost(t)) }
func TestAccWarmContract(t *testing.T) { imagestoretest.RunWarm(t, onTestHost(t)) }

func TestAccRootContract(t *testing.T) { imagestoretest.RunRoots(t, onTestHost(t)) }

func onTestHost(t *testing.T) func(t *testing.T) imagestoretest.Site {
	site := acctest.RequireHost(t)
	return func(t *testing.T) imagestoretest.Site {
		t.Parallel()
		h, err := libvirt.New(libvirt.Options{URI: site.URI})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		pool, _ := site.Pool(t, "contract-"+strings.ToLower(rand.Text()[:8]))
		other, _ := site.Pool(t, pool+"-2")
		t.Cleanup(func() { empty(t, h, pool); empty(t, h, other) })
		return siteOf(t, h, pool, other)
	}
}

// empty removes what a test has stored and left on purpose.
func empty(t *testing.T, h host.Host, pool string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	names, err := h.VolumeNames(ctx, pool)
	if err != nil {
		t.Error(err)
	}
	for _, name := range names {
		if err := h.DeleteVolume(ctx, pool, name); err != nil {
			t.Error(err)
		}
	}
}

func siteOf(t *testing.T, h host.Host, pool, other string) imagestoretest.Site {
	const tenant = "shop"
	documents := poolstore.New(h, pool)
	return imagestoretest.Site{
		Host: h, Pool: pool, Tenant: tenant, Documents: documents, Dead: leasetest.Dead(t),
		Open: func(o imagestore.Options) *imagestore.Store {
			o.Host = cmp.Or(o.Host, h)
			own := poolstore.New(h, pool)
			o.Pool, o.Documents, o.Tenant, o.Index, o.Rounds = pool, own, tenant, own, own.Rounds()
			return imagestore.New(o)
		},
		OpenOther: func(o imagestore.Options) *imagestore.Store {
			o.Host, o.Pool, o.Tenant = cmp.Or(o.Host, h), other, tenant
			own := poolstore.New(h, other)
			o.Documents = imagestore.Elsewhere(poolstore.New(h, pool), tenant, own)
			o.Index, o.Rounds = own, own.Rounds()
			return imagestore.New(o)
		},
	}
}
