// Package poolstore keeps the catalog as documents in a libvirt storage pool: no server of its own,
// and every configuration that reaches the pool sees the same library.
//
// A document holds many records: layout.go says which document a record is in, and shelf.go how the
// document holds it. Changes within one process that wait for the same document are written
// together; see queue.go.
//
// Each revision of a document is one raw volume. libvirt creates raw volumes exclusively, also
// across daemons, so a writer claims change N by creating volume N+1. The envelope distinguishes a
// complete document from a torn one, and the volume's size distinguishes a claim that was never
// completed from a document that was damaged. Readers take the newest complete revision. Writers
// pass over a claim whose writer died after Grace. A writer that was passed over has lost, and
// takes its claim back. See write.go and damage.go.
package poolstore

import (
	"context"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// Volumes is the part of a host that the store needs; host.Host implements it.
type Volumes interface {
	RefreshPool(ctx context.Context, pool string) error
	VolumeNames(ctx context.Context, pool string) ([]string, error)
	CreateVolume(ctx context.Context, pool string, spec host.VolumeSpec) (host.Volume, error)
	ReadVolume(ctx context.Context, pool, name string, limit int64) ([]byte, error)
	WriteVolume(ctx context.Context, pool, name string, data []byte) error
	DeleteVolume(ctx context.Context, pool, name string) error
	Time(ctx context.Context, pool string) (time.Time, error)
}

const (
	// Grace is how long an incomplete document may take to become complete before it counts as
	// abandoned.
	Grace = 5 * time.Second
	// keep is how many revisions of a document are kept: the newest, and the one before it, which a
	// full pool can remove to make room for the next one.
	keep = 2
	// maxDocument bounds a document, in bytes. Documents may grow only to maxGrown, so that every
	// document that was written can be read.
	maxDocument = 16 << 20
	maxGrown    = 12 << 20
	// freshness is how long the store trusts the host's view of the pool before it refreshes the pool:
	// another daemon may write to the same pool.
	freshness = time.Second
)

// pool is where the documents are.
type pool struct {
	volumes Volumes
	name    string
	grace   time.Duration // see Grace
}

// time is the pool's time.
func (p *pool) time(ctx context.Context) (time.Time, error) { return p.volumes.Time(ctx, p.name) }

// Store is a catalog in one pool. It implements catalog.Store.
type Store struct {
	pool   *pool
	reader *reader
	writer *writer

	identity sync.Mutex
	id       string // see ID; "" until it is known
}

var _ catalog.Store = (*Store)(nil)

// New returns a store over a pool that exists and is active.
func New(volumes Volumes, name string) *Store {
	p := &pool{volumes: volumes, name: name, grace: Grace}
	r := &reader{pool: p, broken: map[string][32]byte{}}
	w := &writer{pool: p, reader: r, queues: queues{waiting: map[string][]*change{}}, runner: lease.This()}
	return &Store{pool: p, reader: r, writer: w}
}

// Now implements catalog.Store. It returns the pool's time, which the host learns from
// the first document that is written.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	return s.pool.time(ctx)
}

// Templates implements catalog.Store.
func (s *Store) Templates() catalog.Collection[catalog.Template] {
	return collection[catalog.Template]{store: s, layout: templates, parts: func(t *catalog.Template) []*catalog.Spec {
		return []*catalog.Spec{&t.Spec}
	}}
}

// TemplateHeads lists templates as Templates does, but leaves their specs out; see
// catalog.TemplateHeads.
func (s *Store) TemplateHeads(ctx context.Context, prefix string) ([]catalog.Record[catalog.Template], error) {
	return collection[catalog.Template]{store: s, layout: templates}.List(ctx, prefix)
}

// Versions implements catalog.Store.
func (s *Store) Versions() catalog.Collection[catalog.Version] {
	return collection[catalog.Version]{store: s, layout: versions, parts: func(v *catalog.Version) []*catalog.Spec {
		return []*catalog.Spec{&v.Spec, &v.Overrides}
	}}
}

// Bases implements imagestore.Documents.
func (s *Store) Bases() catalog.Collection[catalog.Base] {
	return collection[catalog.Base]{store: s, layout: bases}
}

// Snapshots implements imagestore.Documents.
func (s *Store) Snapshots() catalog.Collection[catalog.Snapshot] {
	return collection[catalog.Snapshot]{store: s, layout: snapshots}
}

// Rounds are the pool's notes of who has looked for unused images.
func (s *Store) Rounds() catalog.Collection[catalog.Round] {
	return collection[catalog.Round]{store: s, layout: rounds}
}

// Requests implements catalog.Store.
func (s *Store) Requests() catalog.Collection[catalog.ProvisioningRequest] {
	return collection[catalog.ProvisioningRequest]{store: s, layout: requests}
}

// Placements implements catalog.Store. Like everything else that a pool's catalog says, its quotas are
// advice: they bind all processes of the provider exactly, and users who write documents by hand not
// at all. PostgreSQL enforces them.
func (s *Store) Placements() catalog.Collection[catalog.Placement] {
	return collection[catalog.Placement]{store: s, layout: placements, rule: s.withinQuotas}
}

// ResourcePools implements catalog.Store. Everybody who can write to the pool can write them.
func (s *Store) ResourcePools() catalog.Collection[catalog.ResourcePool] {
	return collection[catalog.ResourcePool]{store: s, layout: resourcePools}
}

// Hosts implements catalog.Store. Everybody who can write to the pool can write them.
func (s *Store) Hosts() catalog.Collection[catalog.Host] {
	return collection[catalog.Host]{store: s, layout: hosts}
}

// RequestGroup names the document that a request is in; see catalog.RequestGroup.
func (s *Store) RequestGroup(key string) string { return requests.document(key) }
