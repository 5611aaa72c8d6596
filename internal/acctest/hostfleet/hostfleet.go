// Package hostfleet opens the fleet of many session hosts as a process of the provider has it, for
// measurements and for tests with real processes.
package hostfleet

import (
	"context"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/sessionhosts"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Template is the template of Prepare, which has the version Version.
var Template = catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "tiny"}

// Version is the only version of Template.
const Version = "1.0.0"

// MemoryMiB is the memory of its instances.
const MemoryMiB = 128

// Image is a raw disk that can be registered.
func Image() []byte {
	image := make([]byte, 64<<10)
	image[510], image[511] = 0x55, 0xaa // a boot sector's mark
	return image
}

// Options say which fleet it is. It can be written as JSON, for another process, but for Observe.
type Options struct {
	Hosts  []sessionhosts.Host // the first is the home of the catalog
	DSN    string              // of a catalog in PostgreSQL; "" for one in the pool of the home
	Limits provision.Limits    // of each host
	// Observe is called with every step of a create; nil for no observer.
	Observe func(ctx context.Context, instance string, s step.Step, err error) `json:"-"`
}

// Process is a fleet as one process has it.
type Process struct {
	Fleet   *fleet.Fleet
	Library *library.Library
	Store   imagestore.Catalog
	Conns   []*libvirt.Conn // of the hosts

	closes []func()
}

// Close closes all connections.
func (p *Process) Close() {
	for _, done := range p.closes {
		done()
	}
}

// Open opens the fleet. It connects nothing.
func Open(o Options) (*Process, error) {
	p := &Process{}
	pools := make([]*poolstore.Store, len(o.Hosts))
	for n, h := range o.Hosts {
		conn, err := libvirt.New(libvirt.Options{URI: h.URI, Tenant: naming.DefaultTenant})
		if err != nil {
			return nil, err
		}
		p.Conns, pools[n] = append(p.Conns, conn), poolstore.New(conn, sessionhosts.Pool)
		p.closes = append(p.closes, func() { _ = conn.Close() })
	}
	p.Store = pools[0]
	if o.DSN != "" {
		database, err := pgstore.New(pgstore.Options{
			DSN: o.DSN, Tenant: naming.DefaultTenant, Bases: pools[0].Bases(), Snapshots: pools[0].Snapshots(),
		})
		if err != nil {
			return nil, err
		}
		p.Store = database
		p.closes = append(p.closes, database.Close)
	}
	stores := make([]*imagestore.Store, len(o.Hosts))
	for n, h := range o.Hosts {
		documents := imagestore.Documents(p.Store)
		if n > 0 {
			documents = imagestore.Elsewhere(p.Store, naming.DefaultTenant, pools[n])
		}
		stores[n] = imagestore.New(imagestore.Options{
			Host: p.Conns[n], Pool: sessionhosts.Pool, Documents: documents, Tenant: naming.DefaultTenant, Site: h.Name,
			Rounds: pools[n].Rounds(), Index: pools[n],
		})
	}
	p.Library = library.New(library.Options{
		Images: stores[0], Others: stores[1:], Store: p.Store, User: "tester",
	})
	members := make([]*fleet.Member, len(o.Hosts))
	for n, h := range o.Hosts {
		limits := o.Limits
		members[n] = &fleet.Member{Name: h.Name, Provisioner: provision.New(provision.Settings{
			Host: p.Conns[n], Library: p.Library.At(stores[n]), Limits: &limits, Observe: o.Observe,
			Kinds: func(s kind.Site) []kind.Driver { return []kind.Driver{vm.New(s, "qemu")} },
		})}
	}
	p.Fleet = fleet.New(fleet.Options{
		Members: members, Home: o.Hosts[0].Name, Library: p.Library, Placements: p.Store.Placements(),
		Clock: p.Store.Now, Pools: p.Store.ResourcePools(),
	})
	return p, nil
}

// Prepare registers Template with a version of an image, which is a file. Its instances have
// no network interfaces, because session hosts have no networks.
func (p *Process) Prepare(ctx context.Context, image string) error {
	memory := int64(MemoryMiB)
	_, err := p.Library.CreateTemplate(ctx, catalog.Template{
		ID: Template, Type: catalog.TypeVM, Spec: catalog.Spec{
			Hardware: &profile.Hardware{MemoryMB: &memory},
			Network:  &profile.Network{Interfaces: map[string]profile.Interface{}},
		},
	})
	if err != nil {
		return fmt.Errorf("creating template %s: %w", Template, err)
	}
	_, err = p.Library.RegisterVersion(ctx, library.VersionRequest{
		ID: Template.Version(Version), Source: file.Source{Path: image},
	})
	return err
}

// Request is a linked clone of a name, which is off.
func Request(name string) kind.Request {
	return kind.Request{Name: name, Template: Template, Version: Version, Strategy: "linked_clone"}
}

// Create creates an instance of Request. It returns the host that has it.
func (p *Process) Create(ctx context.Context, name string, w fleet.Where) (kind.Instance, *fleet.Member, error) {
	i, _, on, err := p.Fleet.Create(ctx, Request(name), w, func(kind.Instance, provision.Record, *fleet.Member) {})
	return i, on, err
}
