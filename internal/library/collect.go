package library

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// A base goes with its last version, unless volumes hang on it then, or the process that removes it dies. So there can be
// bases that no version leads to any more. Whoever changes the library next notes since when that is so; who finds the note
// old enough removes them. A registration that joins one meanwhile changes its document, or finds it marked: one of the two
// sees the other.

// unusedFor is how long a base has to be seen without any use before it is collected.
const unusedFor = time.Hour

// collect removes the bases that nobody has used for a while, and notes which nobody uses from now on.
func (l *Library) collect(ctx context.Context) error {
	unlisted, err := l.unlisted(ctx)
	if err != nil || len(unlisted) == 0 {
		return err
	}
	domains, err := l.host.AllDomains(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, rec := range unlisted {
		hung, err := l.hung(ctx, domains, rec.Value)
		if err == nil {
			err = l.collectBase(ctx, rec, hung)
		}
		// Whoever was faster knows better.
		if !errors.Is(err, catalog.ErrConflict) && !errors.Is(err, catalog.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// collectBase removes a base that no version uses, and no disk where hung is false, if it has been so for long enough; else
// that is noted. catalog.ErrConflict when somebody else has changed it meanwhile.
func (l *Library) collectBase(ctx context.Context, rec catalog.Record[catalog.Base], hung bool) error {
	since := rec.Value.UnusedSince
	if hung || since == nil || now().Sub(*since) < l.unusedFor {
		return l.noteUnused(ctx, rec, !hung)
	}
	if certain, err := l.certainlyUnlisted(ctx, rec.Value); err != nil || !certain {
		return err
	}
	if rec.Value.State != catalog.BaseUploading {
		rec.Value.State = catalog.BaseDeleting
	}
	marked, err := l.store.Bases().Replace(ctx, rec.Key, rec.Revision, rec.Value)
	if err != nil {
		return err
	}
	return l.dispose(ctx, marked)
}

// noteUnused notes since when a base has no use, or that it has one again.
func (l *Library) noteUnused(ctx context.Context, rec catalog.Record[catalog.Base], unused bool) error {
	if unused == (rec.Value.UnusedSince != nil) {
		return nil
	}
	rec.Value.UnusedSince = nil
	if unused {
		since := now()
		rec.Value.UnusedSince = &since
	}
	_, err := l.store.Bases().Replace(ctx, rec.Key, rec.Revision, rec.Value)
	return err
}

// unlisted are the bases that no version uses. Of versions that are not the tenant's own nothing is known: those of other
// tenants, and of other catalogues, may be hidden.
func (l *Library) unlisted(ctx context.Context) ([]catalog.Record[catalog.Base], error) {
	bases, err := l.store.Bases().List(ctx, "")
	if err != nil || len(bases) == 0 {
		return nil, err
	}
	// After the bases: a version's document is there before any base lists it.
	versions, err := l.store.Versions().List(ctx, l.me.Tenant+"/")
	if err != nil {
		return nil, err
	}
	own := make(map[string]catalog.Version, len(versions))
	for _, rec := range versions {
		own[rec.Key] = rec.Value
	}
	return slices.DeleteFunc(bases, func(rec catalog.Record[catalog.Base]) bool {
		return slices.ContainsFunc(rec.Value.Versions, func(id string) bool {
			v, there := own[id]
			return !l.ownVersion(id) || there && uses(v, rec.Value)
		})
	}), nil
}

// certainlyUnlisted asks for each version that a base lists. A listing may be older than what another host wrote last.
func (l *Library) certainlyUnlisted(ctx context.Context, base catalog.Base) (bool, error) {
	for _, id := range base.Versions {
		rec, err := l.store.Versions().Get(ctx, id)
		if err == nil && uses(rec.Value, base) {
			return false, nil
		}
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return false, err
		}
	}
	return true, nil
}

func (l *Library) ownVersion(id string) bool {
	v, err := catalog.ParseVersionID(id)
	return err == nil && v.Template.Tenant == l.me.Tenant
}

// uses tells whether a version needs the base that lists it. One that was taken for dead while it was registered, and died
// later, was listed for nothing.
func uses(v catalog.Version, base catalog.Base) bool {
	return v.Coming != nil || v.Digest == base.Digest
}

// hung tells whether disks stand on a base: volumes, or what a domain says of itself, whose volumes may be in a pool that is
// not active.
func (l *Library) hung(ctx context.Context, domains []hypervisor.Domain, base catalog.Base) (bool, error) {
	if slices.ContainsFunc(madeOf(domains), func(i made) bool {
		return i.Digest == base.Digest && i.Strategy == catalog.LinkedClone && (i.Library == l.pool || i.Library == "")
	}) {
		return true, nil
	}
	overlays, err := l.overlaysOn(ctx, base)
	return len(overlays) > 0, err
}

// dispose removes a base that is marked as being removed, or that nobody sends any more. Where volumes hang on it, which two
// versions that go at once may each have left to the other, it stays and is ready again.
func (l *Library) dispose(ctx context.Context, rec catalog.Record[catalog.Base]) error {
	if rec.Value.State == catalog.BaseUploading { // it never was what anything could stand on
		return l.discardBase(ctx, rec)
	}
	overlays, err := l.overlaysOn(ctx, rec.Value)
	if err != nil {
		return err
	}
	if len(overlays) == 0 {
		return l.discardBase(ctx, rec)
	}
	rec.Value.State = catalog.BaseReady
	_, err = l.store.Bases().Replace(ctx, rec.Key, rec.Revision, rec.Value)
	if errors.Is(err, catalog.ErrConflict) { // somebody else who removes it decides
		err = nil
	}
	return gone(err)
}
