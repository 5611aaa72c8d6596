package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

const thePool = "novacron"

var theTemplate = catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "web"}

// world is some hosts in memory with one catalog, in the pool of the first.
type world struct {
	names  []string
	hosts  map[string]*fakehost.Host
	limits provision.Limits
	image  string            // of version 1.0.0, a file
	tiers  map[string]string // the pool of the tier "fast", by host
	zones  map[string]string // the label "zone" of hosts that have it, by host
	uuid   string            // of the instance that moves
	live   bool              // its guest runs on while it does
	alone  bool              // hosts do not reach each other
}

// inWorld runs a test with hosts of these names, by a clock that does not wait. The template web has a
// version 1.0.0 of an image that is on the first host.
func inWorld(t *testing.T, limits provision.Limits, names []string, test func(t *testing.T, w *world)) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk.img")
	content := make([]byte, 64<<10)
	content[510], content[511] = 0x55, 0xaa // a boot sector's mark
	if err := os.WriteFile(image, content, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &world{names: names, hosts: map[string]*fakehost.Host{}, limits: limits, image: image}
		for _, name := range names {
			w.hosts[name] = fakehost.New()
			w.hosts[name].Peers = map[string]*fakehost.Host{}
			for other, h := range w.hosts {
				w.hosts[name].Peers[peer(other).URI], h.Peers[peer(name).URI] = h, w.hosts[name]
			}
			must.Get[host.Pool](t)(w.hosts[name].CreateDirPool(t.Context(), thePool, "/pool"))
		}
		must.Get[catalog.Template](t)(
			w.process().library.CreateTemplate(t.Context(), catalog.Template{ID: theTemplate, Type: catalog.TypeVM}))
		w.version(t, "1.0.0")
		test(t, w)
	})
}

// peer is how the other hosts reach a host.
func peer(name string) host.Peer { return host.Peer{URI: "fake://" + name + "/system"} }

// version registers a version of the template.
func (w *world) version(t *testing.T, number string) {
	t.Helper()
	must.Get[catalog.Version](t)(w.process().library.RegisterVersion(t.Context(), library.VersionRequest{
		ID: theTemplate.Version(number), Source: file.Source{Path: w.image},
	}))
}

// process is the fleet as another process has it. The label "rack" of a host is its name.
func (w *world) process() *Fleet { return w.as(naming.DefaultTenant) }

// as is process for another tenant.
func (w *world) as(tenant string) *Fleet {
	f, _ := w.open(tenant)
	return f
}

// open is as with the images of all hosts.
func (w *world) open(tenant string) (*Fleet, map[string]*imagestore.Store) {
	home := w.names[0]
	store := poolstore.New(w.hosts[home], thePool)
	stores := map[string]*imagestore.Store{}
	var others []*imagestore.Store
	for _, name := range w.names {
		documents := imagestore.Documents(store)
		if name != home {
			documents = imagestore.Elsewhere(store, tenant, poolstore.New(w.hosts[name], thePool))
		}
		options := imagestore.Options{
			Host: w.hosts[name], Pool: thePool, Documents: documents, Tenant: tenant, Site: name,
		}
		if name != "" {
			options.Sharing = poolstore.New(w.hosts[name], thePool)
		}
		stores[name] = imagestore.New(options)
		if name != home {
			others = append(others, stores[name])
		}
	}
	l := library.New(library.Options{Images: stores[home], Others: others, Store: store, User: "tester"})
	l.Requests.Aside = func(tidy func()) { tidy() }
	var members []*Member
	for _, name := range w.names {
		limits, labels, reached := w.limits, map[string]string{"rack": name}, peer(name)
		if zone, has := w.zones[name]; has {
			labels["zone"] = zone
		}
		if w.alone {
			reached = host.Peer{}
		}
		members = append(members, &Member{
			Name: name, Labels: labels, Peer: reached,
			Provisioner: provision.New(provision.Settings{
				Host: w.hosts[name], Library: l.At(stores[name]), Limits: &limits,
				StorageTiers: map[string]string{"fast": w.tiers[name]},
				Kinds:        func(s kind.Site) []kind.Driver { return []kind.Driver{vm.New(s, "qemu")} },
			}),
		})
	}
	return New(Options{
		Members: members, Home: home, Library: l, Placements: store.Placements(), Clock: store.Now,
		Pools: store.ResourcePools(),
	}), stores
}

// request is an instance that is off.
func request(name string, memory int64) kind.Request {
	return kind.Request{
		Name: name, Template: theTemplate, Version: "1.0.0", Strategy: "linked_clone",
		Hardware: &profile.Hardware{MemoryMB: &memory},
	}
}

// create creates an instance, and returns the host that has it.
func create(ctx context.Context, f *Fleet, r kind.Request, w Where) (kind.Instance, string, error) {
	i, _, on, err := f.Create(ctx, r, w, func(kind.Instance, provision.Record, *Member) {})
	if err != nil || on == nil {
		return i, "", err
	}
	return i, on.Name, err
}

// placements are the placements as the catalog has them, "name on host (state)".
func (w *world) placements(t *testing.T) (all []string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, rec := range must.Get[[]catalog.Record[catalog.Placement]](t)(w.process().placements.List(ctx, "")) {
		p := rec.Value
		all = append(all, fmt.Sprintf("%s on %s (%s)", p.Name, p.Host, p.State))
	}
	return all
}

// domains are the instances on a host, by name.
func (w *world) domains(t *testing.T, name string) (all []string) {
	t.Helper()
	domains, _, err := w.hosts[name].AllDomains(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range domains {
		all = append(all, d.Name)
	}
	slices.Sort(all)
	return all
}

// leaves checks that no host has a volume of an instance.
func (w *world) leaves(t *testing.T, instance string) {
	t.Helper()
	for name, h := range w.hosts {
		for _, v := range must.Get[[]string](t)(h.VolumeNames(context.WithoutCancel(t.Context()), thePool)) {
			for _, prefix := range naming.InstancePrefixes(naming.DefaultTenant, instance) {
				if strings.HasPrefix(v, prefix) {
					t.Errorf("host %s has the volume %s", name, v)
				}
			}
		}
	}
}

// silent makes a host not answer.
func silent(fakehost.Call) fakehost.Fault { return fakehost.Fault{Before: host.ErrUnreachable} }

// failing makes the request of a number fail, and notes which one it was.
func failing(n int, met *string) func(fakehost.Call) fakehost.Fault {
	return func(c fakehost.Call) fakehost.Fault {
		if c.N != n {
			return fakehost.Fault{}
		}
		*met = c.Method + " " + c.Object
		return fakehost.Fault{After: host.ErrNoAnswer}
	}
}
