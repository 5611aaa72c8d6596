package imagestore

import (
	"context"
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
)

// Forsake removes everything of a version whose registration was abandoned: its image, unless
// others use it, and the volumes whose names begin with stem. Several processes may do so at once.
func (st *Store) Forsake(ctx context.Context, id catalog.VersionID, stem string) error {
	bases, err := st.bases.List(ctx, "")
	if err != nil {
		return err
	}
	for _, base := range bases {
		if !slices.Contains(base.Value.Versions, id.String()) {
			continue
		}
		if base.Value.State == catalog.BaseUploading {
			err = st.discard(ctx, base)
		} else {
			err = st.Release(ctx, base.Value.Digest, id)
		}
		if err != nil {
			return err
		}
	}
	return st.clearVolumes(ctx, stem)
}

// clearVolumes deletes the volumes whose names begin with stem, except those that became bases, and
// takes them off the children of what they were to stand on.
func (st *Store) clearVolumes(ctx context.Context, stem string) error {
	if err := st.host.RefreshPool(ctx, st.pool); err != nil {
		return err
	}
	names, err := st.host.VolumeNames(ctx, st.pool)
	if err != nil {
		return err
	}
	bases, err := st.bases.List(ctx, "")
	if err != nil {
		return err
	}
	left := func(name string) bool {
		used := func(base catalog.Record[catalog.Base]) bool {
			return name == base.Value.Volume || name == naming.BlockMap(base.Value.Volume)
		}
		return naming.IsOfStem(stem, name) && !slices.ContainsFunc(bases, used)
	}
	for _, name := range names {
		if left(name) {
			if err := st.DeleteVolume(ctx, name); err != nil {
				return err
			}
		}
	}
	for _, base := range bases {
		for _, child := range base.Value.Children {
			if left(child) {
				if err := st.disown(ctx, base.Value.Digest, child); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// uploaderDead reports whether no process can still be sending a base: the registration of the
// version that it is for was abandoned. It reports false if it cannot know, as for versions of
// another catalog and for versions that only their tenant sees: their names are not ids. If rules
// for polkit hide other tenants' documents, those only seem to be absent.
func (st *Store) uploaderDead(ctx context.Context, base catalog.Base) (bool, error) {
	if base.State != catalog.BaseUploading {
		return false, nil
	}
	for _, id := range base.Versions {
		if _, err := catalog.ParseVersionID(id); err != nil {
			return false, nil //nolint:nilerr // another catalog's, of which nothing is known
		}
		rec, err := st.catalog.Versions().Get(ctx, id)
		hidden := errors.Is(err, catalog.ErrNotFound) && !st.ownVersion(id)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return false, err
		}
		if hidden || err == nil && !st.Abandoned(ctx, rec.Value) {
			return false, nil
		}
	}
	return true, nil
}

// Abandoned reports whether a version was being registered by a process that is dead. If the
// catalog's clock cannot be read, that is not certain, and Abandoned reports false.
func (st *Store) Abandoned(ctx context.Context, v catalog.Version) bool {
	if v.Coming == nil || runner.Dead(v.Coming.Runner) {
		return v.Coming != nil
	}
	now, err := st.catalog.Now(ctx)
	return err == nil && catalog.Overdue(v.Coming.Deadline, now)
}
