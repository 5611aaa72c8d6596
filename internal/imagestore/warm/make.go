package warm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// watch is how often a snapshot that another process makes is looked at.
const watch = 250 * time.Millisecond

// Request asks for a snapshot for a version.
type Request struct {
	Version catalog.VersionID // that asks for it
	Digest  string            // of its image
	Shape   catalog.Shape
	Warm    catalog.Warm
	// Engine is what the host has now.
	Engine catalog.Engine
	// Remake asks for another snapshot if there is one that is unusable: because it has failed, or was
	// made by another engine, or because guests could not be resumed from it.
	Remake bool
	// Patient says that ctx leaves the time that the version's author grants: a guest that is not ready
	// by then never is. If other requests run out of time, nothing is known of the next try.
	Patient bool
	// Kept is the text of an error as documents keep it, which others may read; nil for all of it.
	Kept func(error) string
}

// Key is the key of the snapshot.
func (r Request) Key() string { return catalog.SnapshotKey(r.Digest, r.Shape, r.Warm) }

// Maker makes a snapshot that was claimed: it boots the guest, seals it and saves it, in a domain
// and in volumes whose names begin with the stem of the snapshot. It returns the snapshot with what
// it has found: sizes, engine, what the guest has. It undoes what it did if it fails; what is left
// all the same is removed by its name.
type Maker func(ctx context.Context, claimed catalog.Snapshot) (catalog.Snapshot, error)

// UnusableError says that a snapshot exists from which nothing can be resumed.
type UnusableError struct {
	Snapshot catalog.Snapshot
	Why      string // see catalog.Snapshot.Unusable
}

func (e *UnusableError) Error() string { return "the warm snapshot cannot be used: " + e.Why }

// errLost says that another process has changed a document, so that its state has to be looked at
// again.
var errLost = errors.New("another process was faster")

// Make makes sure that there is a snapshot, and that the version is listed among those that ask for
// it, and not among those that ask for another snapshot of the same host. It calls makeIt if there is
// none, and waits for another process that is making it; see Maker. If makeIt fails, the document
// that stays says why, so that the next process does not try again unless it is asked to. If ctx is
// cancelled, or over and the request is not Patient, nothing stays. Make returns an *UnusableError
// for a snapshot that is not to be made again.
func (s *Store) Make(ctx context.Context, r Request, makeIt Maker) (catalog.Snapshot, error) {
	if err := s.pool.Open(ctx); err != nil {
		return catalog.Snapshot{}, err
	}
	j := joining{s, r, r.Key()}
	for waited := false; ; {
		rec, err := s.snapshots.Get(ctx, j.key)
		if errors.Is(err, catalog.ErrNotFound) {
			rec, err = catalog.Record[catalog.Snapshot]{}, nil
		}
		if err != nil {
			return rec.Value, j.ended(ctx, waited, err)
		}
		var snapshot catalog.Snapshot
		switch next, why, err := j.next(ctx, rec); {
		case err != nil:
			return snapshot, j.ended(ctx, waited, err)
		case next == wait:
			if err := j.wait(ctx); err != nil {
				return snapshot, err
			}
			waited = true
			continue
		case next == join:
			snapshot, err = j.join(ctx, rec)
			if err == nil && why != "" {
				err = &UnusableError{snapshot, why}
			}
			if !errors.Is(err, errLost) {
				return snapshot, err
			}
		default:
			snapshot, err = j.make(ctx, rec, makeIt)
			if !errors.Is(err, errLost) {
				return snapshot, err
			}
		}
	}
}

// joining is a request that is being answered.
type joining struct {
	*Store
	Request
	key string
}

// move is what a request does about a snapshot as it is.
type move int

const (
	create move = iota
	wait
	join
)

// next decides what to do about a snapshot; rec is zero if there is none. why says why a snapshot
// that is joined is unusable.
func (j joining) next(ctx context.Context, rec catalog.Record[catalog.Snapshot]) (_ move, why string, err error) {
	switch rec.Value.State {
	case catalog.SnapshotMaking:
		abandoned, err := j.abandoned(ctx, rec.Value)
		if err != nil || abandoned {
			return create, "", err
		}
		return wait, "", nil
	case catalog.SnapshotReady, catalog.SnapshotFailed:
		why := rec.Value.Unusable(j.Engine)
		if why != "" && j.Remake {
			return create, "", nil
		}
		return join, why, nil
	default: // what is being removed is never used again
		return create, "", nil
	}
}

func (j joining) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return j.ended(ctx, true, ctx.Err())
	case <-time.After(watch):
		return nil
	}
}

// ended returns an error as that of a wait for another process, if the time ran out while this one waited.
func (j joining) ended(ctx context.Context, waited bool, err error) error {
	if !waited || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("waiting for another process that is making the warm snapshot of version %q: %w", j.Version, err)
}

// join lists the version among those that ask for a snapshot. It writes nothing if it is listed
// already.
func (j joining) join(ctx context.Context, rec catalog.Record[catalog.Snapshot]) (catalog.Snapshot, error) {
	if slices.Contains(rec.Value.Versions, j.Version.String()) && rec.Value.UnusedSince == nil {
		return rec.Value, nil
	}
	rec.Value.Versions = with(rec.Value.Versions, j.Version.String())
	rec.Value.UnusedSince = nil
	joined, err := j.snapshots.Replace(ctx, rec.Key, rec.Revision, rec.Value)
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
		err = errLost
	}
	if err == nil {
		j.leaveOthers(ctx)
	}
	return joined.Value, err
}

// leaveOthers takes the version off what it asked this host for before, unless it has changed its mind
// since the request. Whatever it cannot reach stays until no version asks for it.
func (j joining) leaveOthers(ctx context.Context) {
	now, err := j.versions.Get(ctx, j.Version.String())
	if err != nil || now.Value.Warm == nil ||
		catalog.SnapshotKey(j.Digest, j.Shape, *now.Value.Warm) != j.key {
		return
	}
	_ = j.release(ctx, j.Version, func(rec catalog.Record[catalog.Snapshot]) bool {
		return rec.Key == j.key || rec.Value.Shape.Host != j.Shape.Host
	})
}

// claim turns a document into the claim to make the snapshot: before is the zero record if there is
// none. What before has is retired. It returns the claim also with an error: the document may have
// been written all the same.
func (j joining) claim(ctx context.Context, before catalog.Record[catalog.Snapshot]) (catalog.Snapshot, error) {
	now, err := j.now(ctx)
	if err != nil {
		return catalog.Snapshot{}, err
	}
	before.Value.Retire(catalog.SnapshotRemoving)
	work := lease.New(ctx, now)
	claim := catalog.Snapshot{
		State:    catalog.SnapshotMaking,
		Runner:   work.Holder,
		Since:    work.Since,
		Deadline: work.Deadline,
		Digest:   j.Digest,
		Shape:    j.Shape,
		Stem:     naming.NewWarmStem(),
		Retired:  before.Value.Retired,
		Versions: with(before.Value.Versions, j.Version.String()),
	}
	if before.Key == "" {
		_, err = j.snapshots.Create(ctx, j.key, claim)
	} else {
		_, err = j.snapshots.Replace(ctx, before.Key, before.Revision, claim)
	}
	for _, lost := range []error{catalog.ErrExists, catalog.ErrConflict, catalog.ErrNotFound} {
		if errors.Is(err, lost) {
			return catalog.Snapshot{}, errLost
		}
	}
	return claim, err
}

func with(list []string, one string) []string {
	if slices.Contains(list, one) {
		return list
	}
	return append(slices.Clone(list), one)
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}
