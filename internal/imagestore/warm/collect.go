package warm

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Collect removes the snapshots that no version has asked for during a while, and notes which have
// become unused. It also removes what dead processes have left, domains that no document leads to,
// and the disks of earlier snapshots that nothing stands on any more.
func (s *Store) Collect(ctx context.Context) error {
	domains, err := s.guests(ctx)
	if err != nil {
		return err
	}
	records, err := s.snapshots.List(ctx, "")
	if err != nil {
		return err
	}
	return errors.Join(s.clearStrays(ctx, domains, records), s.collectAll(ctx, records))
}

func (s *Store) collectAll(ctx context.Context, records []catalog.Record[catalog.Snapshot]) error {
	if len(records) == 0 {
		return nil
	}
	var own []string
	for _, rec := range records {
		for _, id := range rec.Value.Versions {
			if catalog.IsVersionOf(s.tenant, id) {
				own = append(own, id)
			}
		}
	}
	// After the snapshots: a version's document exists before any snapshot lists the version.
	found, err := catalog.Among(ctx, s.versions, s.tenant+"/", own)
	if err != nil {
		return err
	}
	versions := make(map[string]catalog.Version, len(found))
	for _, rec := range found {
		versions[rec.Key] = rec.Value
	}
	var errs []error
	for _, rec := range records {
		err := s.collect(ctx, rec, versions)
		if !errors.Is(err, catalog.ErrConflict) && !errors.Is(err, catalog.ErrNotFound) { // another process was faster
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// collect does what has to be done about one snapshot. It returns catalog.ErrConflict if another
// process has changed it meanwhile.
func (s *Store) collect(
	ctx context.Context, rec catalog.Record[catalog.Snapshot], versions map[string]catalog.Version,
) error {
	remove, err := s.abandoned(ctx, rec.Value)
	if err == nil && !remove && rec.Value.State != catalog.SnapshotRemoving {
		remove, err = s.unused(ctx, rec, func(id string) (catalog.Version, error) {
			if v, there := versions[id]; there {
				return v, nil
			}
			return catalog.Version{}, catalog.ErrNotFound
		})
	}
	if err != nil {
		return err
	}
	if remove {
		rec.Value.Retire(catalog.SnapshotRemoving)
		if _, err := s.snapshots.Replace(ctx, rec.Key, rec.Revision, rec.Value); err != nil {
			return err
		}
	}
	if rec.Value.State != catalog.SnapshotRemoving && len(rec.Value.Retired) == 0 {
		return nil
	}
	return s.sweep(ctx, rec.Key)
}

// unused reports whether no version asks for a snapshot, according to two looks that are far enough
// apart. It notes the first look, or that a version asks for the snapshot again. versions are as a
// listing has them, which may be older than what another host wrote last.
func (s *Store) unused(
	ctx context.Context, rec catalog.Record[catalog.Snapshot], versions func(id string) (catalog.Version, error),
) (bool, error) {
	if rec.Value.State == catalog.SnapshotMaking { // the process that makes it finds out
		return false, nil
	}
	asked, err := s.asked(rec, versions)
	if err != nil {
		return false, err
	}
	since := rec.Value.UnusedSince
	if asked && since == nil {
		return false, nil
	}
	now, err := s.now(ctx)
	if err != nil {
		return false, err
	}
	if asked || since == nil {
		return false, s.noteUnused(ctx, rec, !asked, now)
	}
	if max(0, now.Sub(*since)) < s.unusedFor { // the last reading may have been later
		return false, nil
	}
	asked, err = s.asked(rec, func(id string) (catalog.Version, error) {
		found, err := s.versions.Get(ctx, id)
		return found.Value, err
	})
	return !asked, err
}

// noteUnused notes since when no version has asked for a snapshot, or that one does again.
func (s *Store) noteUnused(
	ctx context.Context, rec catalog.Record[catalog.Snapshot], unused bool, now time.Time,
) error {
	rec.Value.UnusedSince = nil
	if unused {
		now = now.Truncate(time.Second)
		rec.Value.UnusedSince = &now
	}
	_, err := s.snapshots.Replace(ctx, rec.Key, rec.Revision, rec.Value)
	return err
}

// asked reports whether a version asks for a snapshot. Any version that it lists and that is not the
// tenant's own counts: versions of other tenants and other catalogs may be hidden.
func (s *Store) asked(
	rec catalog.Record[catalog.Snapshot], version func(id string) (catalog.Version, error),
) (asked bool, err error) {
	asked = slices.ContainsFunc(rec.Value.Versions, func(id string) bool {
		if !catalog.IsVersionOf(s.tenant, id) {
			return true
		}
		v, failed := version(id)
		if failed != nil && !errors.Is(failed, catalog.ErrNotFound) {
			err = failed
			return true
		}
		return failed == nil && rec.Value.AskedBy(v, rec.Key)
	})
	return asked, err
}
