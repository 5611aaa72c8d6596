package imagestore

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

var web = catalog.TemplateID{Tenant: "shop", Name: "web"}

// stored is a store of the tenant shop, and the documents that it uses.
type stored struct {
	*Store
	documents *poolstore.Store
}

// inMemory opens the pool "novacron" of a host in memory.
func inMemory(t *testing.T) stored {
	t.Helper()
	h := fakehost.New()
	must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "novacron", "/novacron"))
	return storeIn(h, "novacron", Options{})
}

func storeIn(h host.Host, pool string, o Options) stored {
	documents := poolstore.New(h, pool)
	o.Host, o.Pool, o.Documents, o.Tenant = h, pool, documents, "shop"
	return stored{New(o), documents}
}

// onTestHost opens a pool of its own on the test host; dir is its directory there.
func onTestHost(t *testing.T) (s stored, site *acctest.Host, dir string) {
	t.Helper()
	site = acctest.RequireHost(t)
	pool, dir := site.Pool(t, "images-"+strings.ToLower(rand.Text()[:8]))
	return storeIn(connect(t, site), pool, Options{}), site, dir
}

func connect(t *testing.T, site *acctest.Host) host.Host {
	t.Helper()
	h, err := libvirt.New(libvirt.Options{URI: site.URI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func (s stored) version(t *testing.T, v catalog.Version) {
	t.Helper()
	must.Get[catalog.Record[catalog.Version]](t)(s.documents.Versions().Create(t.Context(), v.ID.String(), v))
}

func (s stored) base(t *testing.T, b catalog.Base) catalog.Record[catalog.Base] {
	t.Helper()
	return must.Get[catalog.Record[catalog.Base]](t)(
		s.documents.Bases().Create(t.Context(), catalog.BaseKey(b.Digest), b))
}
