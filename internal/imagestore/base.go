package imagestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// ReleaseUnregistered takes a version that was not registered off a base's users, unless another
// process registered it with that base.
func (st *Store) ReleaseUnregistered(ctx context.Context, digest string, id catalog.VersionID) error {
	rec, err := st.catalog.Versions().Get(ctx, id.String())
	if err == nil && rec.Value.Digest == digest { // a version that is coming has no digest yet
		return nil
	}
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	return st.Release(ctx, digest, id)
}

// Holds makes sure that a version's base still exists to stand on, and is not about to be removed.
// It is called once the volume that stands on the base exists. The mark on a version expires; the
// mark on a base does not, and the process that sets it looks for such volumes afterwards. Another
// host that has the pool may have set it since the pool was last looked at, so Holds looks at the
// pool again.
func (st *Store) Holds(ctx context.Context, id catalog.VersionID, base catalog.Base) error {
	if err := st.lookAgain(ctx); err != nil {
		return err
	}
	rec, err := st.bases.Get(ctx, catalog.BaseKey(base.Digest))
	if errors.Is(err, catalog.ErrNotFound) || err == nil &&
		(rec.Value.State != catalog.BaseReady || rec.Value.Volume != base.Volume) {
		return BeingRemoved(id)
	}
	return err
}

// BeingRemoved is the error for a version that may not be used because it is about to be removed.
func BeingRemoved(id catalog.VersionID) error {
	return fmt.Errorf("version %q is being removed by another process just now: choose another version", id)
}

// ErrNoImage says that a version exists, but its image does not.
var ErrNoImage = errors.New("its image is not in the pool any more")

// Location returns the path of the volume with the version's base image. It returns ErrNoImage if
// the volume was removed.
func (st *Store) Location(ctx context.Context, v catalog.Version) (string, error) {
	base, err := st.Base(ctx, v.Digest)
	var volume host.Volume
	if err == nil {
		volume, err = st.host.Volume(ctx, st.poolName, base.Volume)
	}
	if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, host.ErrNoVolume) {
		// Not wrapped: the version itself has been found.
		return "", fmt.Errorf("version %q: %w (%v)", v.ID, ErrNoImage, err) //nolint:errorlint // see above
	}
	return volume.Path, err
}

// Base reads the base image of a digest; it returns catalog.ErrNotFound if the image is not
// complete.
func (st *Store) Base(ctx context.Context, digest string) (catalog.Base, error) {
	if err := st.pool.Open(ctx); err != nil {
		return catalog.Base{}, err
	}
	rec, err := st.bases.Get(ctx, catalog.BaseKey(digest))
	if err == nil && rec.Value.State != catalog.BaseReady {
		err = fmt.Errorf("base image %s is %s: %w", digest, rec.Value.State, catalog.ErrNotFound)
	}
	return rec.Value, err
}

// NoImage is the finding for a version that cannot be used because the pool does not have its
// image.
func (st *Store) NoImage(v catalog.Version) finding.List {
	return finding.List{{Path: finding.At("version"), Summary: "Image not found in this pool",
		Detail: fmt.Sprintf("Version "+
			"%q is in the catalog, but its image is not in the pool %q on %s. An image is in the pool that its "+
			"version was registered with: use that pool, or choose a version that was registered with this "+
			"one.", v.ID, st.poolName, st.host.URI())}}
}
