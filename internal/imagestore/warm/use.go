package warm

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// ErrGone says that a snapshot has been removed, or made again, since it was read.
var ErrGone = errors.New("the warm snapshot is being removed by another process just now")

// Stands makes sure that a snapshot still exists to stand on. It is called once the volume that
// stands on its disk exists: the process that removes a snapshot marks it first, and then looks for
// such volumes, so that one of the two sees the other. Another host that has the pool may have
// marked it since the pool was last looked at, so Stands looks at the pool again. It returns ErrGone
// if the snapshot is not as it was read.
func (s *Store) Stands(ctx context.Context, key string, snapshot catalog.Snapshot) error {
	if err := s.host.RefreshPool(ctx, s.pool.Name()); err != nil {
		return err
	}
	rec, err := s.snapshots.Get(ctx, key)
	if errors.Is(err, catalog.ErrNotFound) || err == nil && !same(rec.Value, snapshot) {
		return ErrGone
	}
	return err
}

// same reports whether a snapshot that is found is ready, and the one that was read before.
func same(found, read catalog.Snapshot) bool {
	return found.State == catalog.SnapshotReady && found.Stem == read.Stem
}

// NoteFailure counts a guest that could not be resumed from a snapshot. It does nothing if the
// snapshot has gone since it was read.
func (s *Store) NoteFailure(ctx context.Context, key string, snapshot catalog.Snapshot) error {
	return s.note(ctx, key, snapshot, func(failures int) int { return failures + 1 })
}

// NoteResumed notes that a guest was resumed from a snapshot. It writes nothing, and makes no
// request, unless guests had failed before the snapshot was read.
func (s *Store) NoteResumed(ctx context.Context, key string, snapshot catalog.Snapshot) error {
	if snapshot.Failures == 0 {
		return nil
	}
	return s.note(ctx, key, snapshot, func(int) int { return 0 })
}

func (s *Store) note(ctx context.Context, key string, snapshot catalog.Snapshot, count func(int) int) error {
	_, err := catalog.Change(ctx, s.snapshots, key, func(found *catalog.Snapshot) error {
		if !same(*found, snapshot) {
			return catalog.ErrNotFound
		}
		found.Failures = count(found.Failures)
		return nil
	})
	return catalog.IgnoreNotFound(err)
}
