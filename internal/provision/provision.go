// Package provision turns a template version and a request into a running instance, step by step,
// and back. It owns what instances of all kinds have in common: requests and their records, names
// and metadata, the order of steps and their undo. The drivers of the kinds handle the differences.
package provision

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Provisioner creates, changes and removes instances on one host, and reads and plans them.
type Provisioner struct {
	*Reader
	*Planner
	// Here recognizes the host.
	Here *hostid.Here

	host    host.Host
	library *library.Library
	kinds   kinds
	volumes *volumes.Volumes
	sources *sources
	// standing checks that the versions and images of new instances still exist.
	standing coalesce.CallsByKey[standing, struct{}]
	// snapshots makes, or waits for, the snapshots that new instances are resumed from, by their keys.
	snapshots coalesce.CallsByKey[string, resumption]
	faulty    sync.Map // stems of snapshots from which a guest could not be resumed
	observe   Observer
	limits    *Limits
	// neighbours are the provisioners of other hosts; nil if there are none.
	neighbours Neighbours
	looks      coalesce.Calls[Room]

	unconfirmed lease.Unconfirmed[string] // UUIDs of instances
	// orphans is held for writing while volumes that no domain claims are removed, and for reading
	// while a domain claims its name.
	orphans sync.RWMutex
	claims  *semaphore.Weighted // one of manyClaims for each claim to room on the host; all for a claim alone
}

// Observer is called after every step.
type Observer func(ctx context.Context, instance string, s step.Step, err error)

// Settings say where and how instances are created.
type Settings struct {
	Host           host.Host
	Library        *library.Library
	StorageTiers   map[string]string // the host's pool of each storage tier
	PublicNetworks []string          // networks and bridges of the host that are public
	Observe        Observer          // nil for none
	Limits         *Limits           // nil for a host that is never full
	// Kinds creates the drivers of the kinds of instances. Templates without a type get the first.
	Kinds func(kind.Site) []kind.Driver
}

// New creates a provisioner.
func New(s Settings) *Provisioner {
	offers := inventory.New(s.Host)
	shared := kind.Site{
		Host:      s.Host,
		Inventory: offers,
		Volumes:   volumes.New(s.Host, offers, s.Library.Pool(), s.StorageTiers),
		Networks:  network.New(s.Host, offers, s.PublicNetworks),
		Tenant:    s.Library.Tenant(),
	}
	all := kinds(s.Kinds(shared))
	reader := newReader(all, shared)
	return &Provisioner{
		Reader: reader,
		Planner: &Planner{
			kinds:     all,
			library:   s.Library,
			inventory: offers,
			sightings: coalesce.NewAnswers[string, sighting](sightingAge),
		},
		Here:    hostid.New(offers, s.Library.Pool()),
		host:    s.Host,
		library: s.Library,
		kinds:   all,
		volumes: shared.Volumes,
		sources: newSources(s.Host, s.Library),
		observe: s.Observe,
		limits:  s.Limits,
		claims:  semaphore.NewWeighted(manyClaims),
	}
}

// Homes names the pools that instances may have volumes in: the library's and those of the storage
// tiers.
func (p *Provisioner) Homes() []string { return p.volumes.Homes() }

// Answers asks the host what it can answer at once, also while it refreshes a pool, and returns the error.
func (p *Provisioner) Answers(ctx context.Context) error {
	_, err := p.host.Self(ctx)
	return err
}

// writeFacts replaces only the metadata of a domain.
func writeFacts(ctx context.Context, domains host.Domains, uuid string, facts metadata.Facts) error {
	metadata, err := facts.Marshal()
	if err != nil {
		return err
	}
	return domains.RedefineDomain(ctx, uuid, host.DomainChange{Metadata: &metadata})
}

func now() time.Time { return time.Now().UTC() }

// Host is what a host offers.
type Host struct {
	host.Info
	Pools    []host.Pool
	Networks []host.Network
}

// Host reads what the host offers now.
func (p *Provisioner) Host(ctx context.Context) (Host, error) {
	var h Host
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { h.Info, err = p.host.Info(ctx); return err })
	group.Go(func() (err error) { h.Pools, err = p.host.Pools(ctx); return err })
	group.Go(func() (err error) { h.Networks, err = p.host.Networks(ctx); return err })
	return h, group.Wait()
}
