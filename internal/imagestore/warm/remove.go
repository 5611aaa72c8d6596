package warm

import (
	"context"
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Release takes a version off all snapshots, but for those of the keys to keep. A snapshot goes with
// its last version; its disk stays as long as something stands on it, and the document as long as
// the disk. A snapshot that another process is making goes as soon as that process notices.
func (s *Store) Release(ctx context.Context, id catalog.VersionID, keep ...string) error {
	return s.release(ctx, id, func(rec catalog.Record[catalog.Snapshot]) bool { return slices.Contains(keep, rec.Key) })
}

// release takes a version off all snapshots that it does not keep.
func (s *Store) release(
	ctx context.Context, id catalog.VersionID, keeps func(catalog.Record[catalog.Snapshot]) bool,
) error {
	records, err := s.snapshots.List(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, rec := range records {
		if slices.Contains(rec.Value.Versions, id.String()) && !keeps(rec) {
			errs = append(errs, s.leave(ctx, rec.Key, id))
		}
	}
	return errors.Join(errs...)
}

// leave takes a version off a snapshot.
func (s *Store) leave(ctx context.Context, key string, id catalog.VersionID) error {
	rec, err := catalog.Change(ctx, s.snapshots, key, func(found *catalog.Snapshot) error {
		found.Versions = without(found.Versions, id.String())
		if len(found.Versions) > 0 {
			return nil
		}
		abandoned, err := s.abandoned(ctx, *found)
		if err == nil && (abandoned || found.State != catalog.SnapshotMaking) {
			found.Retire(catalog.SnapshotRemoving)
		}
		return err
	})
	if err != nil || rec.Value.State != catalog.SnapshotRemoving {
		return catalog.IgnoreNotFound(err)
	}
	return s.sweep(ctx, key)
}

// sweep removes what is retired of a snapshot, as far as nothing depends on it, and the document of
// a snapshot that is being removed once nothing is left of it. Several processes may do so at once.
func (s *Store) sweep(ctx context.Context, key string) error {
	rec, err := s.snapshots.Get(ctx, key)
	if err != nil {
		return catalog.IgnoreNotFound(err)
	}
	var gone []string
	var errs []error
	for _, stem := range rec.Value.Retired {
		cleared, err := s.clear(ctx, rec.Value.Digest, stem)
		if cleared {
			gone = append(gone, stem)
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, s.strike(ctx, rec, gone))...)
}

// strike takes stems of which nothing is left off a document, and deletes the document if that was
// all that it had.
func (s *Store) strike(ctx context.Context, rec catalog.Record[catalog.Snapshot], gone []string) error {
	for {
		before := len(rec.Value.Retired)
		rec.Value.Retired = slices.DeleteFunc(slices.Clone(rec.Value.Retired), func(stem string) bool {
			return slices.Contains(gone, stem)
		})
		var err error
		switch {
		case rec.Value.State == catalog.SnapshotRemoving && len(rec.Value.Retired) == 0:
			err = s.snapshots.Delete(ctx, rec.Key, rec.Revision)
		case len(rec.Value.Retired) < before:
			_, err = s.snapshots.Replace(ctx, rec.Key, rec.Revision, rec.Value)
		}
		if errors.Is(err, catalog.ErrConflict) {
			if rec, err = s.snapshots.Get(ctx, rec.Key); err == nil {
				continue
			}
		}
		return catalog.IgnoreNotFound(err)
	}
}

// clear removes the domain and the volumes of a stem that is retired. It reports whether nothing is
// left: the disk stays while something stands on it.
func (s *Store) clear(ctx context.Context, digest, stem string) (gone bool, err error) {
	if err := s.clearDomain(ctx, stem); err != nil {
		return false, err
	}
	names, err := s.pool.VolumeNames(ctx)
	if err != nil {
		return false, err
	}
	disk := naming.WarmDisk(stem)
	for _, name := range names {
		if naming.IsOfStem(stem, name) && name != disk {
			if err := s.pool.DeleteVolume(ctx, name); err != nil {
				return false, err
			}
		}
	}
	if slices.Contains(names, disk) {
		if needed, err := s.needed(ctx, digest, disk); err != nil || needed {
			return false, err
		}
		if err := s.pool.DeleteVolume(ctx, disk); err != nil {
			return false, err
		}
	}
	err = s.images.Disown(ctx, digest, disk)
	return err == nil, err
}

// clearDomain removes the domain of a guest that was to be saved.
func (s *Store) clearDomain(ctx context.Context, name string) error {
	domain, err := s.host.DomainByName(ctx, name)
	if err == nil {
		err = s.host.DestroyDomain(ctx, domain.UUID)
	}
	if err == nil {
		err = s.host.UndefineDomain(ctx, domain.UUID)
	}
	if errors.Is(err, host.ErrNoDomain) {
		return nil
	}
	return err
}

// needed reports whether something stands on the disk of a snapshot of an image, or may do so: an
// instance whose disk is in a pool that is not active is known only by its domain.
func (s *Store) needed(ctx context.Context, digest, disk string) (bool, error) {
	found, err := s.usage.DependentsOf(ctx, disk)
	if err != nil || found.Any() {
		return true, err
	}
	hidden, err := s.usage.Hidden(found)
	return err != nil || slices.ContainsFunc(hidden, func(i usage.Instance) bool {
		return i.Digest == digest && strategy.HoldsBase(i.Strategy) &&
			(i.Library == s.pool.Name() || i.Library == "")
	}), err
}
