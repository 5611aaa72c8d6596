// Package warm keeps the warm snapshots of one pool of a host: the memory and the disk of guests
// that were booted from a stored image and sealed, and that instances are resumed from.
//
// A snapshot has a document in the pool, whose key stands for everything that its guest had. The
// document is also the claim to make the snapshot, and lists the versions that ask for it. The names
// of the snapshot's volumes, and that of the domain whose guest is saved, begin with a random stem,
// which the document has before the first of them exists. Whatever is removed is removed by its
// stem: first the document moves the stem to those that are retired, and then the memory goes at
// once, and the disk once nothing stands on it. So a removal that was interrupted is continued by
// the next process, and a snapshot can be made again while instances stand on the disk of the
// earlier one.
//
// The document does not list the instances. They are found by what their disks stand on, as linked
// clones are, so that many of them can be created at once without writing to one document.
package warm

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// Documents are what a catalog has of snapshots and of the versions that ask for them; see
// imagestore.Documents.
type Documents interface {
	Versions() catalog.Collection[catalog.Version]
	Snapshots() catalog.Collection[catalog.Snapshot]
}

// Images are the stored images of the pool, as far as the disks of snapshots stand on them.
type Images interface {
	// Adopt lists a volume among those that stand on an image, before the volume exists. The image
	// then stays. It is an error if the image is not in the pool, or is being removed.
	Adopt(ctx context.Context, digest, volume string) error
	// Disown takes a volume off those that stand on an image, after it is gone. It removes an image
	// that nothing else needs.
	Disown(ctx context.Context, digest, volume string) error
}

// Options say where snapshots are, and what they need.
type Options struct {
	Host      host.Host
	Pool      *volumes.Pool
	Documents Documents
	Images    Images
	Usage     *usage.Usage
	Tenant    string // whose versions are known in every state
	// UnusedFor is how long a snapshot has to be seen unused before it is collected.
	UnusedFor time.Duration
}

// Store has the snapshots of one pool.
type Store struct {
	host      host.Host
	pool      *volumes.Pool
	versions  catalog.Collection[catalog.Version]
	snapshots catalog.Collection[catalog.Snapshot]
	images    Images
	usage     *usage.Usage
	tenant    string
	unusedFor time.Duration
}

// New returns a store. It connects to nothing until the store is used.
func New(o Options) *Store {
	return &Store{
		host:      o.Host,
		pool:      o.Pool,
		versions:  o.Documents.Versions(),
		snapshots: o.Documents.Snapshots(),
		images:    o.Images,
		usage:     o.Usage,
		tenant:    o.Tenant,
		unusedFor: o.UnusedFor,
	}
}

// Snapshot reads the snapshot of a key as it is now, in any state; see catalog.Snapshot.Unusable. It
// returns catalog.ErrNotFound if there is none.
func (s *Store) Snapshot(ctx context.Context, key string) (catalog.Snapshot, error) {
	if err := s.pool.Open(ctx); err != nil {
		return catalog.Snapshot{}, err
	}
	rec, err := s.snapshots.Get(ctx, key)
	return rec.Value, err
}

// now is the time by the pool's clock.
func (s *Store) now(ctx context.Context) (time.Time, error) { return s.host.Time(ctx, s.pool.Name()) }

// abandoned reports whether a snapshot was being made by a process that is dead.
func (s *Store) abandoned(ctx context.Context, snapshot catalog.Snapshot) (bool, error) {
	if snapshot.State != catalog.SnapshotMaking {
		return false, nil
	}
	return snapshot.Lease().Abandoned(ctx, s.now)
}
