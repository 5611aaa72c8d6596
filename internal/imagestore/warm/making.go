package warm

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// making is a snapshot that this process makes.
type making struct {
	joining
	claim catalog.Snapshot
}

// make claims a snapshot and makes it; before is what was there of it, the zero record for nothing.
// It returns errLost if another process was faster, or took this one for dead.
func (j joining) make(
	ctx context.Context, before catalog.Record[catalog.Snapshot], makeIt Maker,
) (catalog.Snapshot, error) {
	claim, err := j.claim(ctx, before)
	m := making{j, claim}
	if claim.Stem == "" {
		return claim, err
	}
	if err != nil {
		return m.end(ctx, catalog.SnapshotRemoving, err)
	}
	// What a dead process or an earlier snapshot has left goes now, as far as it can. What cannot is
	// listed as retired, and the next look at the pool tries again.
	_ = j.sweep(ctx, j.key)
	if err := j.images.Adopt(ctx, j.Digest, naming.WarmDisk(claim.Stem)); err != nil {
		return m.end(ctx, catalog.SnapshotRemoving, err)
	}
	made, err := makeIt(ctx, claim)
	switch {
	case host.Unanswered(err): // which says nothing of the next try
		return m.end(ctx, catalog.SnapshotRemoving, err)
	case err != nil:
		return m.end(ctx, catalog.SnapshotFailed, err)
	}
	ready, err := m.publish(ctx, made)
	if err != nil {
		return m.end(ctx, catalog.SnapshotRemoving, err)
	}
	j.leaveOthers(ctx)
	return ready, nil
}

// publish makes the snapshot ready.
func (m making) publish(ctx context.Context, made catalog.Snapshot) (catalog.Snapshot, error) {
	now, err := m.now(ctx)
	if err != nil {
		return made, err
	}
	made.State, made.Digest, made.Shape, made.Stem = catalog.SnapshotReady, m.Digest, m.Shape, m.claim.Stem
	made.Runner, made.Since, made.Deadline, made.CreatedAt = "", m.claim.Since, m.claim.Deadline, now
	made.Error, made.Failures, made.UnusedSince = "", 0, nil
	rec, err := catalog.Change(ctx, m.snapshots, m.key, func(found *catalog.Snapshot) error {
		if !m.owns(*found) {
			return errLost
		}
		if len(found.Versions) == 0 { // they were removed meanwhile
			return fmt.Errorf("version %q is being removed by another process just now: no version asks for its "+
				"warm snapshot any more", m.Version)
		}
		made.Retired, made.Versions = found.Retired, found.Versions
		*found = made
		return nil
	})
	if errors.Is(err, catalog.ErrNotFound) {
		err = errLost
	}
	return rec.Value, err
}

// owns reports whether a document is still the claim of this process.
func (m making) owns(found catalog.Snapshot) bool {
	return found.State == catalog.SnapshotMaking && found.Stem == m.claim.Stem
}

// end removes everything of a snapshot that could not be made because of an error. It leaves the
// document in the state to, or removes it if that is catalog.SnapshotRemoving, or if nothing is to
// stay of a request whose ctx is over; see Make. If the answer was lost by which the snapshot has
// become ready, it is.
func (m making) end(ctx context.Context, to catalog.SnapshotState, because error) (catalog.Snapshot, error) {
	if errors.Is(ctx.Err(), context.Canceled) || ctx.Err() != nil && !m.Patient {
		to = catalog.SnapshotRemoving
	}
	undo, cancel := step.UndoContext(ctx)
	defer cancel()
	rec, err := m.disclaim(undo, to, because)
	if err != nil && !errors.Is(err, errLost) && !errors.Is(err, catalog.ErrNotFound) {
		// Once more: as long as this process lives, no other would do it.
		rec, err = m.disclaim(undo, to, because)
	}
	switch ready := rec.Value; {
	case err == nil:
		return rec.Value, errors.Join(because, m.sweep(undo, m.key))
	case errors.Is(err, errLost) && ready.State == catalog.SnapshotReady && ready.Stem == m.claim.Stem:
		return ready, nil
	case errors.Is(err, errLost), errors.Is(err, catalog.ErrNotFound):
		// Another process took this one for dead, and may have looked for what it left too early.
		if _, err = m.clear(undo, m.Digest, m.claim.Stem); err != nil && errors.Is(because, errLost) {
			because = nil // what is left has to be said
		}
		return catalog.Snapshot{}, errors.Join(because, err)
	}
	// The document leads to what is left, until this process is dead.
	return catalog.Snapshot{}, errors.Join(because, err)
}

// disclaim puts the document into the state to. It returns errLost if the claim is not this process's
// any more.
func (m making) disclaim(
	ctx context.Context, to catalog.SnapshotState, because error,
) (catalog.Record[catalog.Snapshot], error) {
	return catalog.Change(ctx, m.snapshots, m.key, func(found *catalog.Snapshot) error {
		if !m.owns(*found) {
			return errLost
		}
		found.Retire(to)
		if to == catalog.SnapshotFailed {
			found.Error, found.Engine = m.kept(because), m.Engine
		}
		return nil
	})
}

// kept is the text of an error as the document keeps it.
func (m making) kept(err error) string {
	if m.Kept == nil {
		return err.Error()
	}
	return m.Kept(err)
}
