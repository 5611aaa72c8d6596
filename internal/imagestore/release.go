package imagestore

import (
	"context"
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Release takes a version off the base's users; the last one removes the base.
func (st *Store) Release(ctx context.Context, digest string, id catalog.VersionID) error {
	return newRemover(st).leave(ctx, digest, id)
}

// Forsake removes everything of a version whose registration was abandoned: its image, unless
// others use it, and the volumes whose names begin with stem. Several processes may do so at once.
func (st *Store) Forsake(ctx context.Context, id catalog.VersionID, stem string) error {
	r := newRemover(st)
	// List the bases after the volumes, so that a volume that has become a base meanwhile is among them.
	names, unlisted := st.pool.VolumeNames(ctx)
	bases, err := r.bases.List(ctx, "")
	if err != nil {
		return err
	}
	left, err := r.leaveAll(ctx, id, bases)
	if err != nil {
		return err
	}
	// That took a while, in which the host may have created a volume that the dead process asked for.
	if left || unlisted != nil {
		if names, err = st.pool.VolumeNames(ctx); err != nil {
			return err
		}
		if bases, err = r.bases.List(ctx, ""); err != nil {
			return err
		}
	}
	return r.clearVolumes(ctx, stem, names, bases)
}

// Abandoned reports whether a version was being registered by a process that is dead. If the
// catalog's clock cannot be read, that is not certain, and Abandoned reports false.
func (st *Store) Abandoned(ctx context.Context, v catalog.Version) bool {
	return st.registrant(ctx, v) == dead
}

// remover takes users off bases, and removes bases that have none.
type remover struct {
	pool  *volumes.Pool
	bases catalog.Collection[catalog.Base]
	usage *usage.Usage
}

func newRemover(st *Store) remover { return remover{st.pool, st.bases, st.usage} }

// leaveAll takes an abandoned version off those of the bases that list it, and removes those that
// were being sent for it. It reports whether there were any.
func (r remover) leaveAll(
	ctx context.Context, id catalog.VersionID, bases []catalog.Record[catalog.Base],
) (left bool, err error) {
	for _, base := range bases {
		if !slices.Contains(base.Value.Versions, id.String()) {
			continue
		}
		left = true
		if err := r.leaveAbandoned(ctx, id, base); err != nil {
			return left, err
		}
	}
	return left, nil
}

// leaveAbandoned takes an abandoned version off a base that lists it, or removes the base if it was
// being sent for that version.
func (r remover) leaveAbandoned(ctx context.Context, id catalog.VersionID, base catalog.Record[catalog.Base]) error {
	for base.Value.State == catalog.BaseUploading {
		taken, err := r.take(ctx, base)
		if err == nil {
			return r.discard(ctx, taken)
		}
		if errors.Is(err, catalog.ErrConflict) {
			base, err = r.bases.Get(ctx, base.Key)
		}
		if err != nil {
			return catalog.IgnoreNotFound(err)
		}
		if !slices.Contains(base.Value.Versions, id.String()) { // it is a new one
			return nil
		}
	}
	return r.leave(ctx, base.Value.Digest, id)
}

// leave takes a version off a base's users.
func (r remover) leave(ctx context.Context, digest string, id catalog.VersionID) error {
	return r.release(ctx, digest, func(b *catalog.Base) { b.Versions = without(b.Versions, id.String()) })
}

// release takes a user off a base by leave; the last one removes the base, unless volumes stand on
// it that belong to no version: see dispose.
func (r remover) release(ctx context.Context, digest string, leave func(*catalog.Base)) error {
	rec, err := catalog.Change(ctx, r.bases, catalog.BaseKey(digest), func(b *catalog.Base) error {
		leave(b)
		if !b.Used() {
			b.State = catalog.BaseDeleting
		}
		return nil
	})
	if errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	if err != nil || rec.Value.State != catalog.BaseDeleting {
		return err
	}
	return r.dispose(ctx, rec)
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}

// take keeps other processes from joining or publishing a base whose volume is about to be removed.
// It marks the base as being removed, or only changes the revision of one that is being sent. So a
// base that is incomplete never counts as one that may become ready again; see dispose. It returns
// catalog.ErrConflict or catalog.ErrNotFound if the base is not as it was read any more.
func (r remover) take(ctx context.Context, rec catalog.Record[catalog.Base]) (catalog.Record[catalog.Base], error) {
	if rec.Value.State != catalog.BaseUploading {
		rec.Value.State = catalog.BaseDeleting
	}
	return r.bases.Replace(ctx, rec.Key, rec.Revision, rec.Value)
}

// takeAway takes a base and disposes of it, unless another process has changed it meanwhile.
func (r remover) takeAway(ctx context.Context, rec catalog.Record[catalog.Base]) error {
	taken, err := r.take(ctx, rec)
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.dispose(ctx, taken)
}

// dispose removes a base that was taken. If volumes stand on it, it stays and is ready again: two
// versions that were removed at once may each have left it to the other.
func (r remover) dispose(ctx context.Context, rec catalog.Record[catalog.Base]) error {
	if rec.Value.State == catalog.BaseUploading { // nothing could ever stand on it
		return r.discard(ctx, rec)
	}
	found, err := r.usage.DependentsOf(ctx, rec.Value.Volume)
	if err != nil {
		return err
	}
	if !found.Any() {
		return r.discard(ctx, rec)
	}
	rec.Value.State = catalog.BaseReady
	_, err = r.bases.Replace(ctx, rec.Key, rec.Revision, rec.Value)
	if errors.Is(err, catalog.ErrConflict) { // another process that removes it decides
		err = nil
	}
	return catalog.IgnoreNotFound(err)
}

// discard removes the volumes of a base that was taken, and then its document. Several processes
// may do so at once.
func (r remover) discard(ctx context.Context, rec catalog.Record[catalog.Base]) error {
	for _, volume := range []string{rec.Value.Volume, naming.BlockMap(rec.Value.Volume)} {
		if err := r.pool.DeleteVolume(ctx, volume); err != nil {
			return err
		}
	}
	if err := r.disown(ctx, rec.Value.Parent, rec.Value.Volume); err != nil {
		return err
	}
	for {
		err := r.bases.Delete(ctx, rec.Key, rec.Revision)
		if !errors.Is(err, catalog.ErrConflict) {
			return catalog.IgnoreNotFound(err)
		}
		found, err := r.bases.Get(ctx, rec.Key)
		if err != nil || found.Value.Volume != rec.Value.Volume { // this is a new one
			return catalog.IgnoreNotFound(err)
		}
		rec = found
	}
}

// disown takes a volume off the children of a base; when nothing else needs the base, disown
// removes it.
func (r remover) disown(ctx context.Context, parent, volume string) error {
	if parent == "" {
		return nil
	}
	return r.release(ctx, parent, func(b *catalog.Base) { b.Children = without(b.Children, volume) })
}

// clearVolumes deletes those of the volumes whose names begin with stem, except those that became
// bases, and takes them off the children of what they were to stand on.
func (r remover) clearVolumes(
	ctx context.Context, stem string, volumes []string, bases []catalog.Record[catalog.Base],
) error {
	left := func(name string) bool {
		used := func(base catalog.Record[catalog.Base]) bool {
			return name == base.Value.Volume || name == naming.BlockMap(base.Value.Volume)
		}
		return naming.IsOfStem(stem, name) && !slices.ContainsFunc(bases, used)
	}
	for _, name := range volumes {
		if left(name) {
			if err := r.pool.DeleteVolume(ctx, name); err != nil {
				return err
			}
		}
	}
	for _, base := range bases {
		for _, child := range base.Value.Children {
			if left(child) {
				if err := r.disown(ctx, base.Value.Digest, child); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
