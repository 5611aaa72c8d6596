package imagestore

import (
	"context"
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
)

// Forsake removes all that there is of a version that did not come: its image, unless others use it, and the volumes whose
// names begin with stem. Several processes may do so at once.
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

// clearVolumes deletes the volumes whose names begin so, but for those that became bases, and takes them off what they were
// to stand on.
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

// uploaderDead tells whether nobody can be sending a base any more: the version that it was to be for is not coming. Of
// another catalogue's versions, and of those that only their tenant sees, nothing is known: what names them is no id. Where
// rules for polkit hide other tenants' documents, theirs only seem not to be there.
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

// Abandoned tells whether a version was being registered by a process that is dead. Where the catalogue's clock cannot be
// read, that is not certain.
func (st *Store) Abandoned(ctx context.Context, v catalog.Version) bool {
	if v.Coming == nil || runner.Dead(v.Coming.Runner) {
		return v.Coming != nil
	}
	now, err := st.catalog.Now(ctx)
	return err == nil && catalog.Overdue(v.Coming.Deadline, now)
}
