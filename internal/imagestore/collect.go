package imagestore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// A base is removed with its last version, unless volumes stand on it then, or the process that
// removes it dies. So there can be bases that no version refers to any more. The next process that
// changes the library notes since when a base has been unused; a process that finds a note old
// enough removes the base. A registration that joins the base meanwhile changes its document, or
// finds it marked: one of the two sees the other.
//
// A copy of an image that has its origin in the pool of another host can be made again. So it also
// goes once no instance has used it for long, with the warm snapshots on it.

// unusedFor is how long a base has to be seen unused before it is collected.
const unusedFor = time.Hour

// Collect removes the bases and the warm snapshots that have been unused for a while, and notes which
// have become unused. Snapshots go first: their disks stand on bases.
func (st *Store) Collect(ctx context.Context) error {
	return errors.Join(st.Warm().Collect(ctx), st.collectBases(ctx))
}

func (st *Store) collectBases(ctx context.Context) error {
	c := collector{st}
	held, err := c.holdings(ctx)
	if err != nil {
		return err
	}
	var errs []error
	collected := func(err error) {
		if !errors.Is(err, catalog.ErrConflict) && !errors.Is(err, catalog.ErrNotFound) { // another process was faster
			errs = append(errs, err)
		}
	}
	err = c.eachUnlisted(ctx, held, func(rec catalog.Record[catalog.Base], hung bool) {
		collected(c.collectBase(ctx, rec, hung))
	})
	errs = append(errs, err)
	for _, rec := range held.bases {
		if rec.Value.Copy != nil && rec.Value.State == catalog.BaseUploading {
			collected(c.collectAbandoned(ctx, rec))
		}
	}
	return errors.Join(errs...)
}

// collectAbandoned removes a copy whose process is dead.
func (c collector) collectAbandoned(ctx context.Context, rec catalog.Record[catalog.Base]) error {
	abandoned, err := rec.Value.Copy.Lease().Abandoned(ctx, c.poolTime)
	if err != nil || !abandoned {
		return err
	}
	return newRemover(c.Store).takeAway(ctx, rec)
}

// CollectCopies removes the copies that were unused for a long while and that home, another store of
// the catalog, has as well.
func (st *Store) CollectCopies(ctx context.Context, home *Store) error {
	bases, err := st.bases.List(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, rec := range bases {
		if rec.Value.Copy == nil {
			continue
		}
		err := collector{st}.collectCopy(ctx, rec, home)
		if !errors.Is(err, catalog.ErrConflict) && !errors.Is(err, catalog.ErrNotFound) { // another process was faster
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// collectCopy takes the tenant's versions off a copy that was unused for long enough, which removes it
// unless others use it. It returns catalog.ErrConflict if another process has changed the base
// meanwhile.
func (c collector) collectCopy(ctx context.Context, rec catalog.Record[catalog.Base], home *Store) error {
	base := rec.Value
	own := slices.DeleteFunc(slices.Clone(base.Versions), func(id string) bool {
		return !catalog.IsVersionOf(c.tenant, id)
	})
	if base.State != catalog.BaseReady || len(own) == 0 {
		return nil
	}
	now, err := c.poolTime(ctx)
	if err != nil || now.Sub(base.Copy.UsedAt) < c.copiesFor {
		return err
	}
	if needed, err := c.needed(ctx, base); err != nil || needed {
		return err
	}
	if _, kept, err := home.Keeps(ctx, base.Digest); err != nil || !kept {
		return err
	}
	for _, id := range own {
		version, err := catalog.ParseVersionID(id)
		if err == nil {
			err = c.Warm().Release(ctx, version)
		}
		if err != nil {
			return err
		}
	}
	if len(base.Above()) > 0 { // the snapshots have changed the document; the next process goes on
		return nil
	}
	rec.Value.Versions = slices.DeleteFunc(slices.Clone(base.Versions), func(id string) bool {
		return slices.Contains(own, id)
	})
	if rec.Value.Used() {
		_, err := c.bases.Replace(ctx, rec.Key, rec.Revision, rec.Value)
		return err
	}
	return newRemover(c.Store).takeAway(ctx, rec)
}

// needed reports whether anything but the warm snapshots stands on a base, or anything on those.
func (c collector) needed(ctx context.Context, base catalog.Base) (bool, error) {
	instances, doubtful, err := c.usage.Instances(ctx)
	if err != nil || doubtful {
		return true, err
	}
	if slices.ContainsFunc(instances, func(i usage.Instance) bool { return c.standsOn(i, base) }) {
		return true, nil
	}
	snapshots, err := c.snapshotsOf(ctx, base.Digest)
	if err != nil {
		return true, err
	}
	disks := warmDisks(snapshots)
	if slices.ContainsFunc(base.Above(), func(name string) bool { return !slices.Contains(disks, name) }) {
		return true, nil
	}
	found, err := c.usage.DependentsOf(ctx, append(slices.Clone(disks), base.Volume)...)
	return err != nil || found.Doubtful() || slices.ContainsFunc(found.Overlays, func(o host.Volume) bool {
		return o.Pool != c.poolName || !slices.Contains(disks, o.Name)
	}), err
}

// standsOn reports whether an instance's disk stands on a base, by its metadata.
func (c collector) standsOn(i usage.Instance, base catalog.Base) bool {
	return i.Digest == base.Digest && strategy.HoldsBase(i.Strategy) && (i.Library == c.poolName || i.Library == "")
}

// collector looks for unused images.
type collector struct{ *Store }

// holdings are the bases of the pool, and those versions of the library's tenant that they list.
type holdings struct {
	bases    []catalog.Record[catalog.Base]
	versions map[string]catalog.Version // by their ids
}

func (c collector) holdings(ctx context.Context) (held holdings, err error) {
	if held.bases, err = c.bases.List(ctx, ""); err != nil {
		return held, err
	}
	var own []string
	for _, rec := range held.bases {
		for _, id := range rec.Value.Versions {
			if catalog.IsVersionOf(c.tenant, id) {
				own = append(own, id)
			}
		}
	}
	// After the bases: a version's document exists before any base lists the version.
	records, err := catalog.Among(ctx, c.catalog.Versions(), c.tenant+"/", own)
	held.versions = make(map[string]catalog.Version, len(records))
	for _, rec := range records {
		held.versions[rec.Key] = rec.Value
	}
	return held, err
}

// unlisted returns the bases that no version uses. It counts as used any base that lists a version
// which is not the tenant's own: versions of other tenants and other catalogs may be hidden.
func (c collector) unlisted(held holdings) []catalog.Record[catalog.Base] {
	var found []catalog.Record[catalog.Base]
	for _, rec := range held.bases {
		if !slices.ContainsFunc(rec.Value.Versions, func(id string) bool {
			v, there := held.versions[id]
			return !catalog.IsVersionOf(c.tenant, id) || there && uses(v, rec.Value)
		}) {
			found = append(found, rec)
		}
	}
	return found
}

// eachUnlisted calls do for each base that no version uses, and tells it whether disks stand on the
// base.
func (c collector) eachUnlisted(
	ctx context.Context, held holdings, do func(rec catalog.Record[catalog.Base], hung bool),
) error {
	unlisted := c.unlisted(held)
	if len(unlisted) == 0 {
		return nil
	}
	// The disks of a domain that cannot be described may be in a pool that is not active: then no
	// base counts as unused.
	instances, doubtful, err := c.usage.Instances(ctx)
	if err != nil {
		return err
	}
	for _, rec := range unlisted {
		hung, err := c.hung(ctx, instances, rec.Value)
		if err != nil {
			return err
		}
		do(rec, hung || doubtful)
	}
	return nil
}

// collectBase removes a base that no version uses, and on which no disk stands (hung is false), if
// it has been so for long enough; otherwise it notes that. It returns catalog.ErrConflict if
// another process has changed the base meanwhile.
func (c collector) collectBase(ctx context.Context, rec catalog.Record[catalog.Base], hung bool) error {
	now, err := c.poolTime(ctx)
	if err != nil {
		return err
	}
	since := rec.Value.UnusedSince
	if hung || since == nil || max(0, now.Sub(*since)) < c.unusedFor { // the last reading may have been later
		return c.noteUnused(ctx, rec, !hung, now)
	}
	if certain, err := c.certainlyUnlisted(ctx, rec.Value); err != nil || !certain {
		return err
	}
	r := newRemover(c.Store)
	taken, err := r.take(ctx, rec)
	if err != nil {
		return err
	}
	return r.dispose(ctx, taken)
}

// noteUnused notes since when a base has been unused, or that it is used again.
func (c collector) noteUnused(ctx context.Context, rec catalog.Record[catalog.Base], unused bool, now time.Time) error {
	if unused == (rec.Value.UnusedSince != nil) {
		return nil
	}
	rec.Value.UnusedSince = nil
	if unused {
		now = now.Truncate(time.Second)
		rec.Value.UnusedSince = &now
	}
	_, err := c.bases.Replace(ctx, rec.Key, rec.Revision, rec.Value)
	return err
}

// certainlyUnlisted looks up each version that a base lists. A listing may be older than what
// another host wrote last.
func (c collector) certainlyUnlisted(ctx context.Context, base catalog.Base) (bool, error) {
	for _, id := range base.Versions {
		rec, err := c.catalog.Versions().Get(ctx, id)
		if err == nil && uses(rec.Value, base) {
			return false, nil
		}
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return false, err
		}
	}
	return true, nil
}

// uses reports whether a version needs the base that lists it. If the registration of a version was
// taken for dead, and died later, it listed the version in vain.
func uses(v catalog.Version, base catalog.Base) bool {
	return v.Claim != nil || v.Digest == base.Digest
}

// hung reports whether anything stands on a base: disks according to their domains, which may be in
// a pool that is not active; volumes of other bases, which the host shows as standing on it only
// once they are complete; or any other volume.
func (c collector) hung(ctx context.Context, instances []usage.Instance, base catalog.Base) (bool, error) {
	if slices.ContainsFunc(instances, func(i usage.Instance) bool { return c.standsOn(i, base) }) {
		return true, nil
	}
	found, err := c.usage.DependentsOf(ctx, base.Volume)
	if err != nil || found.Any() {
		return true, err
	}
	for _, child := range base.Above() { // a registration that died may have left only the name
		if _, err := c.host.Volume(ctx, c.poolName, child); !errors.Is(err, host.ErrNoVolume) {
			return true, err
		}
	}
	return false, nil
}
