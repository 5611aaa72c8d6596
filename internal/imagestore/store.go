// Package imagestore keeps the images of one pool of a host. It stores each image once, however many versions share it, and
// stores of an image that was compared with another one what differs. It knows of a catalog only which versions use an image.
//
// An image is held for a version (Hold), which may wait for another process that sends it; it is released (Release) with its last
// version, unless instances stand on it; and what processes that died have left is removed (Forsake, Collect).
package imagestore

import (
	"cmp"
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// Documents are what a catalog has of images and of the versions that use them.
type Documents interface {
	// Now is the time by the clock of what keeps the catalog; see catalog.Store.
	Now(ctx context.Context) (time.Time, error)
	// Versions are those of the catalog, by their ids. Those of other tenants may be hidden.
	Versions() catalog.Collection[catalog.Version]
	// Bases are the images of the pool, by catalog.BaseKey. Their users are ids of the catalog's versions; other catalogs'
	// versions are no ids here.
	Bases() catalog.Collection[catalog.Base]
}

// Options say where images are, and who may be told of what.
type Options struct {
	Host      host.Host
	Pool      string
	Documents Documents
	Tenant    string // whose names errors may tell

	AbandonedAfter time.Duration // 0 for the usual time; see abandonedAfter
	UnusedFor      time.Duration // 0 for the usual time; see unusedFor
}

// Store has the images of one pool of a host.
type Store struct {
	*volumes.Pool

	host    host.Host
	pool    string
	catalog Documents
	bases   catalog.Collection[catalog.Base]
	tenant  string
	usage   *usage.Usage

	abandonedAfter time.Duration
	unusedFor      time.Duration
	poolTime       func(ctx context.Context) (time.Time, error) // by which the pool's bases are judged
	lookAgain      func(ctx context.Context) error              // at the pool: it shows what other hosts have written by now
}

// New makes a store. Nothing is connected before it is used.
func New(o Options) *Store {
	return &Store{
		Pool: volumes.New(o.Host, o.Pool), host: o.Host, pool: o.Pool, catalog: o.Documents, bases: o.Documents.Bases(), tenant: o.Tenant,
		usage:          usage.New(o.Host, o.Pool, o.Tenant),
		abandonedAfter: cmp.Or(o.AbandonedAfter, abandonedAfter), unusedFor: cmp.Or(o.UnusedFor, unusedFor),
		poolTime:  func(ctx context.Context) (time.Time, error) { return o.Host.Time(ctx, o.Pool) },
		lookAgain: func(ctx context.Context) error { return o.Host.RefreshPool(ctx, o.Pool) },
	}
}

// Usage looks for what uses the pool's images.
func (st *Store) Usage() *usage.Usage { return st.usage }
