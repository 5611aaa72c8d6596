package poolstore

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// write makes the revision after parent (0: the first), on the condition that parent is the newest complete one.
// It returns the new revision's number.
func (s *Store) write(ctx context.Context, e envelope, parent catalog.Revision, body []byte) (catalog.Revision, error) {
	docStem := stem(e.Kind, e.Key)
	base, revision, err := s.claimable(ctx, docStem, parent)
	if err != nil {
		return 0, err
	}
	e.Revision, e.ID, e.Ancestors = revision, rand.Text(), base.lineage()
	data, err := seal(e, body)
	if err != nil {
		return 0, err
	}
	started := time.Now()
	name := volumeOf(docStem, revision)
	_, err = s.volumes.CreateVolume(ctx, s.pool, hypervisor.VolumeSpec{
		Name: name, Format: "raw", Capacity: uint64(len(data)), Allocation: uint64(len(data)),
	})
	if errors.Is(err, hypervisor.ErrExists) {
		return 0, catalog.ErrConflict
	}
	if err != nil {
		return 0, err
	}
	if err = s.volumes.WriteVolume(ctx, s.pool, name, data); err == nil {
		err = s.confirm(ctx, docStem, e, parent, time.Since(started) < s.grace/2)
	}
	if err != nil {
		return 0, errors.Join(err, s.remove(context.WithoutCancel(ctx), docStem, revision))
	}
	return revision, nil
}

// claimable finds the number to write after parent, and parent's own document. An incomplete newer revision is
// somebody's claim: it is waited for, and skipped when it does not change for the grace time.
func (s *Store) claimable(ctx context.Context, docStem string, parent catalog.Revision) (document, catalog.Revision, error) {
	var watched catalog.Revision
	var since time.Time
	for {
		revisions, err := s.revisions(ctx, docStem)
		if err != nil {
			return document{}, 0, err
		}
		current, vanished, err := s.newestAmong(ctx, docStem, revisions)
		if err != nil {
			return document{}, 0, err
		}
		var newest catalog.Revision
		if len(revisions) > 0 {
			newest = revisions[len(revisions)-1]
		}
		if newest != watched {
			watched, since = newest, time.Now()
		}
		settled := !vanished && (newest == current.Revision || time.Since(since) > s.grace)
		switch {
		case !settled:
		case current.Deleted && newest == current.Revision && time.Since(since) <= s.grace:
			// its deleter is about to clear it away
		case current.Deleted && parent == 0: // a deleter died half-way: its tombstone is cleared away with the next delete
			return current, newest + 1, nil
		case current.Revision == parent:
			return current, newest + 1, nil
		case current.Revision == 0 || current.Deleted:
			return document{}, 0, catalog.ErrNotFound
		default:
			return document{}, 0, catalog.ErrConflict
		}
		if err := pause(ctx, s.grace/100); err != nil {
			return document{}, 0, err
		}
	}
}

// confirm makes sure, after the write e, that it counts: it is the newest, or what is newer builds on it; and its
// parent was not deleted meanwhile. quick says that the write took so little of the grace time that nobody can have
// given it up, so that newer claims, which are not complete yet, must build on it.
func (s *Store) confirm(ctx context.Context, docStem string, e envelope, parent catalog.Revision, quick bool) error {
	for since := time.Now(); ; {
		revisions, err := s.revisions(ctx, docStem)
		if err != nil {
			return err
		}
		newer := slices.DeleteFunc(slices.Clone(revisions), func(r catalog.Revision) bool { return r <= e.Revision })
		doc, vanished, err := s.newestAmong(ctx, docStem, newer)
		switch {
		case err != nil:
			return err
		case vanished:
		case doc.Revision != 0 && slices.Contains(doc.Ancestors, e.ID):
			return nil
		case doc.Revision != 0:
			return catalog.ErrConflict
		case len(newer) == 0 || quick || time.Since(since) > s.grace:
			if parent != 0 && !slices.Contains(revisions, parent) && len(newer) == 0 {
				return catalog.ErrNotFound
			}
			return nil
		}
		if err := pause(ctx, s.grace/100); err != nil {
			return err
		}
	}
}

// clear removes a deleted document's revisions, the tombstone last.
func (s *Store) clear(ctx context.Context, docStem string, tombstone catalog.Revision) error {
	revisions, err := s.revisions(ctx, docStem)
	if err != nil {
		return err
	}
	for _, rev := range revisions {
		if rev > tombstone {
			break
		}
		if err := s.remove(ctx, docStem, rev); err != nil {
			return err
		}
	}
	return nil
}

// trim removes revisions that nobody needs any more. Failing to is no failure of the write: the next one trims again.
func (s *Store) trim(ctx context.Context, docStem string, newest catalog.Revision) {
	revisions, err := s.revisions(ctx, docStem)
	if err != nil {
		return
	}
	for _, rev := range revisions {
		if rev+keep <= newest {
			_ = s.remove(ctx, docStem, rev)
		}
	}
}

// remove deletes one revision; one that is gone already is no error.
func (s *Store) remove(ctx context.Context, docStem string, rev catalog.Revision) error {
	err := s.volumes.DeleteVolume(ctx, s.pool, volumeOf(docStem, rev))
	if errors.Is(err, hypervisor.ErrNoVolume) {
		return nil
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
