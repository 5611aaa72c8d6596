// Package pgstore keeps the catalog in a PostgreSQL database, with one row per document. Row-level
// security binds every connection with a tenant's role, even without the provider: see migrations.
// What a pool has, its images and its warm snapshots, stays described in the pool.
//
// A change is one statement that names the revision that it replaces, so that one of two concurrent
// changes fails.
package pgstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/sharing"
)

// Options say where the catalog is and who uses it.
type Options struct {
	// DSN is a PostgreSQL connection string, as a URL or as keywords: libpq's "Connection Strings".
	// Missing parts come from PGHOST, PGPASSWORD and similar variables, and from the password file.
	// The DSN may hold a password, so no error contains it.
	DSN string
	// Tenant is the tenant whose role connects. "" is for an administrator, who has the rows of all
	// tenants.
	Tenant string
	// Bases is the documents of a pool's images. They are facts about the pool, and shared with the
	// catalog there.
	Bases catalog.Collection[catalog.Base]
	// Snapshots is the documents of a pool's warm snapshots, which are facts about the pool, too.
	Snapshots catalog.Collection[catalog.Snapshot]
}

// Store is a catalog in a database. It implements catalog.Store.
type Store struct {
	options Options
	config  *pgxpool.Config
	// firstTime is how long to keep asking a server that has never answered.
	firstTime time.Duration

	mu   sync.Mutex
	pool *pgxpool.Pool
	id   string // of the catalog; "" until the database has been checked
	// version is that of the schema, when the database was checked.
	version int
	// lostSince is since when the server has been away; zero while it answers.
	lostSince time.Time

	groups atomic.Bool // see keepsApart
}

var _ catalog.Store = (*Store)(nil)

// New returns a store, which connects when it is first used.
func New(o Options) (*Store, error) {
	config, err := parse(o.DSN)
	if err != nil {
		return nil, err
	}
	return &Store{options: o, config: config, firstTime: firstTime}, nil
}

// Close ends all connections. The store must not be used afterwards.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool != nil {
		s.pool.Close()
	}
}

// String names the database in messages, without any password.
func (s *Store) String() string { return where(s.config.ConnConfig) }

// ID returns the id that distinguishes this catalog from others that share a pool with it. It never
// changes.
func (s *Store) ID(ctx context.Context) (string, error) {
	var err error
	if !s.answered() {
		err = s.ask(ctx, func(context.Context, db) error { return nil })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.explain("opening the catalog", err)
}

// Kind returns the name of this kind of catalog in data sources.
func (s *Store) Kind() string { return "postgres" }

// Enforcement says that the server itself enforces tenancy and sharing on every connection.
func (s *Store) Enforcement() string { return "server" }

// Now implements catalog.Store: the server's time.
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	err = s.ask(ctx, func(ctx context.Context, db db) error {
		return db.QueryRow(ctx, "SELECT pg_catalog.clock_timestamp()").Scan(&now)
	})
	return now.UTC(), s.explain("reading the database's clock", err)
}

// Templates implements catalog.Store.
func (s *Store) Templates() catalog.Collection[catalog.Template] {
	return collection[catalog.Template]{s, "template", func(t catalog.Template) string { return t.ID.String() }}
}

// Versions implements catalog.Store.
func (s *Store) Versions() catalog.Collection[catalog.Version] {
	return versions{
		collection[catalog.Version]{s, "version", func(v catalog.Version) string { return v.ID.String() }},
	}
}

// Bases implements imagestore.Documents.
func (s *Store) Bases() catalog.Collection[catalog.Base] {
	return s.sharing().Bases(s.options.Bases)
}

// Snapshots implements imagestore.Documents.
func (s *Store) Snapshots() catalog.Collection[catalog.Snapshot] {
	return s.sharing().Snapshots(s.options.Snapshots)
}

// sharing is the catalog as one that shares a pool with others.
func (s *Store) sharing() sharing.Catalog { return sharing.Catalog{ID: s.ID, Tenant: s.options.Tenant} }

// Placements implements catalog.Store. The server itself keeps the quotas.
func (s *Store) Placements() catalog.Collection[catalog.Placement] {
	return placements{collection[catalog.Placement]{s, "placement", catalog.Placement.Key}}
}

// ResourcePools implements catalog.Store. The server lets only an administrator write them.
func (s *Store) ResourcePools() catalog.Collection[catalog.ResourcePool] {
	table := "resource_pool"
	if s.options.Tenant != "" {
		table = "quota" // the same documents, as far as the tenant may see them
	}
	return collection[catalog.ResourcePool]{s, table, func(r catalog.ResourcePool) string { return r.Name }}
}

// Hosts implements catalog.Store. The server lets only an administrator write them.
func (s *Store) Hosts() catalog.Collection[catalog.Host] {
	return hosts{collection[catalog.Host]{s, hostTable, func(h catalog.Host) string { return h.Name }}}
}

// hosts are the documents of hosts. A database whose schema has no table for them lists none, so that
// plans work before it is migrated.
type hosts struct{ collection[catalog.Host] }

// List implements catalog.Collection.
func (h hosts) List(ctx context.Context, prefix string) ([]catalog.Record[catalog.Host], error) {
	all, err := h.collection.List(ctx, prefix)
	if errors.Is(err, ErrSchema) && h.store.schemaVersion() >= oldestUsable && h.store.schemaVersion() < withHosts {
		return nil, nil
	}
	return all, err
}

// Requests implements catalog.Store.
func (s *Store) Requests() catalog.Collection[catalog.ProvisioningRequest] {
	return collection[catalog.ProvisioningRequest]{
		s, "request", func(r catalog.ProvisioningRequest) string { return r.ID.String() },
	}
}
