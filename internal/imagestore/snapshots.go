package imagestore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Warm is the store of the pool's warm snapshots, whose disks stand on its images.
func (st *Store) Warm() *warm.Store {
	return warm.New(warm.Options{
		Host:      st.host,
		Pool:      st.pool,
		Documents: st.catalog,
		Images:    foundation{st},
		Usage:     st.usage,
		Tenant:    st.tenant,
		UnusedFor: st.unusedFor,
	})
}

// snapshotsOf lists the warm snapshots of an image, in any state.
func (st *Store) snapshotsOf(ctx context.Context, digest string) ([]catalog.Record[catalog.Snapshot], error) {
	records, err := st.catalog.Snapshots().List(ctx, "")
	return slices.DeleteFunc(slices.Clone(records), func(rec catalog.Record[catalog.Snapshot]) bool {
		return rec.Value.Digest != digest
	}), err
}

// warmDisks lists the volumes of the disks of snapshots, also of those that are being removed.
func warmDisks(records []catalog.Record[catalog.Snapshot]) (names []string) {
	for _, rec := range records {
		for _, stem := range rec.Value.Stems() {
			names = append(names, naming.WarmDisk(stem))
		}
	}
	return names
}

// foundation implements warm.Images.
type foundation struct{ *Store }

// Adopt implements warm.Images.
func (f foundation) Adopt(ctx context.Context, digest, volume string) error {
	err := f.adopt(ctx, digest, volume, func(catalog.Base) bool { return true })
	if errors.Is(err, catalog.ErrNotFound) {
		// Not wrapped: the snapshot's own document has been found.
		return fmt.Errorf("image %s is not in %s, or is being removed just now", digest, f.pool)
	}
	return err
}

// Disown implements warm.Images.
func (f foundation) Disown(ctx context.Context, digest, volume string) error {
	return newRemover(f.Store).disown(ctx, digest, volume)
}

// adopt adds a volume to the children of a base, before that volume exists. It returns
// catalog.ErrNotFound if there is no base that is ready and as it should be.
func (st *Store) adopt(ctx context.Context, digest, volume string, is func(catalog.Base) bool) error {
	_, err := catalog.Change(ctx, st.bases, catalog.BaseKey(digest), func(b *catalog.Base) error {
		if b.State != catalog.BaseReady || !is(*b) {
			return catalog.ErrNotFound
		}
		b.Children = append(slices.Clone(b.Children), volume)
		b.UnusedSince = nil
		return nil
	})
	return err
}
