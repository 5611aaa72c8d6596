// Package imagestore keeps the images of one pool of a host. It stores each image once, however
// many versions share it. Of an image that was compared with another one, it stores only what
// differs. It knows of a catalog only which versions use an image.
//
// Hold stores an image for a version; it may wait for another process that sends the image. Release
// removes the image with its last version, unless instances stand on it. Forsake and Collect remove
// what dead processes have left.
package imagestore

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// Documents are what a catalog has of images and of the versions that use them.
type Documents interface {
	// Now is the time by the clock of the catalog's storage; see catalog.Store.
	Now(ctx context.Context) (time.Time, error)
	// Versions are those of the catalog, by their ids. Those of other tenants may be hidden.
	Versions() catalog.Collection[catalog.Version]
	// Bases are the images of the pool, by catalog.BaseKey. Their users are ids of the catalog's
	// versions; entries of other catalogs' versions are not ids here.
	Bases() catalog.Collection[catalog.Base]
	// Snapshots are the warm snapshots of the pool, by catalog.SnapshotKey. Their versions are as
	// those of Bases.
	Snapshots() catalog.Collection[catalog.Snapshot]
}

// Catalog is a catalog that also keeps the documents of the images in a pool.
type Catalog interface {
	catalog.Store
	Documents
	// ID returns what distinguishes the catalog from others. It never changes. A catalog in a pool gets
	// it when it is first needed.
	ID(ctx context.Context) (string, error)
}

// Index is what is known of a pool without reading all of its documents.
type Index interface {
	// DigestOf finds the image that was read from a file of a checksum, and returns its digest; that is never the
	// checksum itself. It returns catalog.ErrNotFound if there is none. tenant is who asks.
	DigestOf(ctx context.Context, tenant, checksum string) (digest string, err error)
	// Listed is how many volumes the pool had when this process listed it last; 0 if it has not. It makes no request.
	Listed() int
}

// Options say where images are, and what errors may disclose.
type Options struct {
	Host      host.Host
	Pool      string
	Documents Documents
	Tenant    string // who uses the store, and whose names errors may disclose
	// Site is what users call the host, if the catalog has images on several; "" for the only one.
	Site string
	// Sharing is what the pool says of the hosts that use it; nil if the catalog has images on a single host.
	Sharing Sharing
	// Index finds images by checksums of files, and knows how many volumes there are; nil if the documents of images
	// are to be read for that.
	Index Index
	// Rounds are the pool's notes of who has looked for unused images; nil if every process is to look.
	Rounds catalog.Collection[catalog.Round]

	AbandonedAfter time.Duration // 0 for the usual time; see abandonedAfter
	UnusedFor      time.Duration // 0 for the usual time, below 0 for none; see unusedFor
	CopiesFor      time.Duration // 0 for the usual time, below 0 for none; see copiesFor
}

// Pool is the pool that a store's images are in, as callers of the store see it.
type Pool interface {
	fmt.Stringer // names the pool and its host

	Name() string
	// UUID returns the pool's UUID, or host.ErrNoPool.
	UUID(ctx context.Context) (string, error)
	// Opened reports whether the pool is known to exist and to be active.
	Opened() bool
	// Check returns an error if the pool does not exist or is not active, unless the store creates it
	// when something is registered.
	Check(ctx context.Context) error
	// CheckCapacity returns an error, while planning, if an image of size bytes is larger than the pool
	// would hold if it were empty.
	CheckCapacity(ctx context.Context, s source.Source, size int64) error
}

// Store has the images of one pool of a host. Callers use its methods. The steps that these share
// are in types of their own, one for each topic: remover, joiner, holding and so on.
type Store struct {
	host       host.Host
	poolName   string
	pool       *volumes.Pool
	catalog    Documents
	bases      catalog.Collection[catalog.Base]
	rounds     catalog.Collection[catalog.Round]
	index      Index
	crowded    atomic.Bool // Crowded has said so
	tenant     string
	site       string
	usage      *usage.Usage
	neighbours neighbours

	abandonedAfter time.Duration
	unusedFor      time.Duration
	copiesFor      time.Duration
	poolTime       func(ctx context.Context) (time.Time, error) // by which the pool's bases are judged
	// lookAgain makes the catalog look at the pool again, for what other hosts have written by now
	lookAgain func(ctx context.Context) error
}

// New returns a store. It connects to nothing until the store is used.
func New(o Options) *Store {
	st := &Store{
		host:       o.Host,
		poolName:   o.Pool,
		pool:       volumes.New(o.Host, o.Pool),
		catalog:    o.Documents,
		bases:      o.Documents.Bases(),
		rounds:     o.Rounds,
		index:      o.Index,
		tenant:     o.Tenant,
		site:       o.Site,
		neighbours: neighbours{pool: o.Sharing, site: o.Site},
		usage: usage.New(usage.Options{
			Host: o.Host, Pool: o.Pool, Tenant: o.Tenant, Site: o.Site, Mark: markOf(o.Documents),
		}),

		abandonedAfter: cmp.Or(o.AbandonedAfter, abandonedAfter),
		unusedFor:      cmp.Or(o.UnusedFor, unusedFor),
		copiesFor:      cmp.Or(o.CopiesFor, copiesFor),
		poolTime:       func(ctx context.Context) (time.Time, error) { return o.Host.Time(ctx, o.Pool) },
		lookAgain:      func(ctx context.Context) error { return o.Host.RefreshPool(ctx, o.Pool) },
	}
	if o.Sharing != nil {
		st.usage.Besides = st.besides
	}
	return st
}

// Open makes sure, once, that the pool exists and is active; see volumes.Pool.Open.
func (st *Store) Open(ctx context.Context) error { return st.pool.Open(ctx) }

// Pool is the pool that the images are in.
func (st *Store) Pool() Pool { return st.pool }

// Tenant is the tenant for whom the store was opened; "" for none in particular.
func (st *Store) Tenant() string { return st.tenant }

// Usage looks for users of the pool's images.
func (st *Store) Usage() *usage.Usage { return st.usage }
