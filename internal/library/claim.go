package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// A version's document is the claim to it. It is created before anything else of the version and
// removed after everything else, so that a document leads to every image that is sent and to every
// version among a base's users. While the version is being registered, the document names the
// process that registers it. If that process dies, the next registration or removal in the library
// removes what it left.

// registrar claims the names of versions, and takes over what dead processes have registered.
type registrar struct{ *Library }

// claimVersion creates the document of a version that is being registered. It removes what a dead
// process left of a registration of that version. orphan is the version if a process registered it
// and may have died before reporting it; it is the zero record if there is none.
func (l registrar) claimVersion(ctx context.Context, r VersionRequest) (
	claimed catalog.Version, orphan catalog.Record[catalog.Version], err error,
) {
	since, err := l.store.Now(ctx)
	if err != nil {
		return claimed, orphan, err
	}
	work := lease.New(ctx, since)
	claimed = catalog.Version{ID: r.ID, CreatedAt: now(), CreatedBy: l.me.User, Claim: &catalog.Claim{
		Runner: work.Holder, By: l.me.User, Since: work.Since, Deadline: work.Deadline, Volume: naming.NewBaseStem(),
	}}
	for {
		_, err := l.store.Versions().Create(ctx, r.ID.String(), claimed)
		if !errors.Is(err, catalog.ErrExists) {
			return claimed, orphan, err
		}
		found, err := l.store.Versions().Get(ctx, r.ID.String())
		switch {
		case errors.Is(err, catalog.ErrNotFound):
		case err != nil:
			return claimed, orphan, err
		case l.home.Abandoned(ctx, found.Value):
			if err := l.clearAbandoned(ctx, found); err != nil {
				return claimed, orphan, err
			}
		case found.Value.Claim != nil:
			return claimed, orphan, beingRegistered(found.Value)
		case lease.Dead(found.Value.Maker):
			return claimed, found, nil
		default:
			return claimed, orphan, VersionExists(r.ID)
		}
	}
}

// fulfil turns a claim into the registered version. It returns catalog.ErrNotFound when this
// process was taken for dead and the claim is gone.
func (l registrar) fulfil(ctx context.Context, claimed, v catalog.Version) error {
	_, err := catalog.Change(ctx, l.store.Versions(), v.ID.String(), func(found *catalog.Version) error {
		if !sameClaim(*found, claimed) {
			return catalog.ErrNotFound
		}
		*found = v
		return nil
	})
	return err
}

// withdraw deletes a claim, if it still exists.
func (l registrar) withdraw(ctx context.Context, claimed catalog.Version) error {
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	for {
		found, err := l.store.Versions().Get(ctx, claimed.ID.String())
		if err != nil || !sameClaim(found.Value, claimed) {
			return catalog.IgnoreNotFound(err)
		}
		if err := l.store.Versions().Delete(ctx, found.Key, found.Revision); !errors.Is(err, catalog.ErrConflict) {
			return catalog.IgnoreNotFound(err)
		}
	}
}

func sameClaim(found, claimed catalog.Version) bool {
	return found.Claim != nil && found.Claim.Volume == claimed.Claim.Volume
}

// beingRegistered is the finding for a version that is being registered by another process.
func beingRegistered(v catalog.Version) error {
	return finding.List{{Path: finding.At("version"), Summary: "Version is being registered", Detail: fmt.Sprintf(
		"%s (process %s) has been registering version %q since %s. Wait for it. If that process is dead, "+
			"what it left is removed automatically from %s on.", v.Claim.By, lease.Show(v.Claim.Runner), v.ID,
		v.Claim.Since.Format("15:04:05"), v.Claim.Lease().Expires().Format("15:04:05 MST"))}}
}

// deleting reports whether a version is about to be removed. If the catalog's clock cannot be read,
// it assumes so of any marked version.
func (r *reader) deleting(ctx context.Context, v catalog.Version) bool {
	if v.DeletingSince == nil {
		return false
	}
	now, err := r.store.Now(ctx)
	return err != nil || v.Deleting(now)
}

// sweep removes, once per process, what dead registrations left in the tenant's part of the
// library, and unused images if it is this process's turn to look for them. A failure to sweep does
// not fail the caller's work: the next process tries again.
func (l *Library) sweep(ctx context.Context) {
	l.swept.Do(func() {
		records, err := catalog.Coming(ctx, l.store.Versions(), l.me.Tenant+"/")
		if err != nil {
			return
		}
		for _, rec := range records {
			if l.home.Abandoned(ctx, rec.Value) {
				_ = l.clearAbandoned(ctx, rec)
			}
		}
		if l.home.TakeRound(ctx) {
			_ = l.home.Collect(ctx)
		}
	})
}

// clearAbandoned removes everything of a version whose registration was abandoned, its document
// last. Several processes may do so at once.
func (l *Library) clearAbandoned(ctx context.Context, rec catalog.Record[catalog.Version]) error {
	if err := l.home.Forsake(ctx, rec.Value.ID, rec.Value.Claim.Volume); err != nil {
		return err
	}
	err := l.store.Versions().Delete(ctx, rec.Key, rec.Revision)
	if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, catalog.ErrConflict) {
		return nil // another process was as quick
	}
	return err
}
