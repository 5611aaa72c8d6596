package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
)

// A version's document is the claim to it. It is the first thing that is made of a version and the last that goes, so
// that every image that is sent, and every version among a base's users, has a document that leads there. While the
// version is coming, the document names the process that registers it; what one that died has left is removed by the next
// registration or removal in the library.

// registrationTime is how long a registration may take that has no deadline of its own.
const registrationTime = time.Hour

// claimVersion makes the document of a version that is coming. It removes what a registration of it that died has left.
// lost is the version that was registered already, by a process that may not have lived to tell: the zero record for none.
func (l *Library) claimVersion(ctx context.Context, r Registration) (claim catalog.Version, lost catalog.Record[catalog.Version], err error) {
	since, err := l.store.Now(ctx)
	if err != nil {
		return claim, lost, err
	}
	takes := registrationTime
	if deadline, bounded := ctx.Deadline(); bounded {
		takes = time.Until(deadline)
	}
	claim = catalog.Version{ID: r.ID, CreatedAt: now(), CreatedBy: l.me.User, Coming: &catalog.Coming{
		Runner: runner.This(), By: l.me.User, Since: since, Deadline: since.Add(takes), Volume: naming.NewBaseStem(),
	}}
	for {
		_, err := l.store.Versions().Create(ctx, r.ID.String(), claim)
		if !errors.Is(err, catalog.ErrExists) {
			return claim, lost, err
		}
		found, err := l.store.Versions().Get(ctx, r.ID.String())
		switch {
		case errors.Is(err, catalog.ErrNotFound):
		case err != nil:
			return claim, lost, err
		case l.abandoned(ctx, found.Value):
			if err := l.clearComing(ctx, found); err != nil {
				return claim, lost, err
			}
		case found.Value.Coming != nil:
			return claim, lost, l.beingRegistered(found.Value)
		case runner.Dead(found.Value.Maker):
			return claim, found, nil
		default:
			return claim, lost, l.VersionExists(r.ID)
		}
	}
}

// fulfil makes the version that was coming. catalog.ErrNotFound when this process was taken for dead, and the claim is gone.
func (l *Library) fulfil(ctx context.Context, claim catalog.Version, v catalog.Version) error {
	_, err := change(ctx, l.store.Versions(), v.ID.String(), func(found *catalog.Version) error {
		if !sameClaim(*found, claim) {
			return catalog.ErrNotFound
		}
		*found = v
		return nil
	})
	return err
}

// withdraw takes a claim back, if it is there still.
func (l *Library) withdraw(ctx context.Context, claim catalog.Version) error {
	ctx, cancel := undoContext(ctx)
	defer cancel()
	for {
		found, err := l.store.Versions().Get(ctx, claim.ID.String())
		if err != nil || !sameClaim(found.Value, claim) {
			return gone(err)
		}
		if err := l.store.Versions().Delete(ctx, found.Key, found.Revision); !errors.Is(err, catalog.ErrConflict) {
			return gone(err)
		}
	}
}

func sameClaim(found, claim catalog.Version) bool {
	return found.Coming != nil && found.Coming.Volume == claim.Coming.Volume
}

// beingRegistered is the finding for a version that somebody registers just now.
func (l *Library) beingRegistered(v catalog.Version) error {
	return finding.List{{Path: finding.At("version"), Summary: "Version is being registered", Detail: fmt.Sprintf(
		"%s (process %s) has been registering version %q since %s. Wait for it. If that process is dead, what it left is "+
			"removed automatically from %s on.", v.Coming.By, runner.Show(v.Coming.Runner), v.ID, v.Coming.Since.Format("15:04:05"), v.Coming.Deadline.Add(catalog.Slack).Format("15:04:05 MST"))}}
}

// abandoned tells whether a version was being registered by a process that is dead. Where the catalogue's clock cannot be
// read, that is not certain.
func (l *Library) abandoned(ctx context.Context, v catalog.Version) bool {
	if v.Coming == nil || runner.Dead(v.Coming.Runner) {
		return v.Coming != nil
	}
	now, err := l.store.Now(ctx)
	return err == nil && catalog.Overdue(v.Coming.Deadline, now)
}

// deleting tells whether somebody is about to remove a version. Where the catalogue's clock cannot be read, that has to be
// supposed of one that is marked.
func (l *Library) deleting(ctx context.Context, v catalog.Version) bool {
	if v.DeletingSince == nil {
		return false
	}
	now, err := l.store.Now(ctx)
	return err != nil || v.Deleting(now)
}

// sweep removes, once in a process, what registrations that died have left in the tenant's part of the library, and images
// that nobody uses. Failing to is no failure of what is about to be done: the next process tries again.
func (l *Library) sweep(ctx context.Context) {
	l.swept.Do(func() {
		records, err := l.store.Versions().List(ctx, l.me.Tenant+"/")
		if err != nil {
			return
		}
		for _, rec := range records {
			if l.abandoned(ctx, rec.Value) {
				_ = l.clearComing(ctx, rec)
			}
		}
		_ = l.collect(ctx)
	})
}

// clearComing removes all that there is of a version that did not come, its document last. Several may do so at once.
func (l *Library) clearComing(ctx context.Context, rec catalog.Record[catalog.Version]) error {
	id := rec.Value.ID
	bases, err := l.store.Bases().List(ctx, "")
	if err != nil {
		return err
	}
	for _, base := range bases {
		if !slices.Contains(base.Value.Versions, id.String()) {
			continue
		}
		if base.Value.State == catalog.BaseUploading {
			err = l.discardBase(ctx, base)
		} else {
			err = l.releaseBase(ctx, base.Value.Digest, id)
		}
		if err != nil {
			return err
		}
	}
	if err := l.clearVolumes(ctx, rec.Value.Coming.Volume); err != nil {
		return err
	}
	err = l.store.Versions().Delete(ctx, rec.Key, rec.Revision)
	if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, catalog.ErrConflict) {
		return nil // somebody else was as quick
	}
	return err
}

// clearVolumes deletes the volumes whose names begin so, but for those that became bases, and takes them off what they were
// to stand on.
func (l *Library) clearVolumes(ctx context.Context, stem string) error {
	if err := l.host.RefreshPool(ctx, l.pool); err != nil {
		return err
	}
	names, err := l.host.VolumeNames(ctx, l.pool)
	if err != nil {
		return err
	}
	bases, err := l.store.Bases().List(ctx, "")
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
			if err := l.deleteVolume(ctx, name); err != nil {
				return err
			}
		}
	}
	for _, base := range bases {
		for _, child := range base.Value.Children {
			if left(child) {
				if err := l.disown(ctx, base.Value.Digest, child); err != nil {
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
func (l *Library) uploaderDead(ctx context.Context, base catalog.Base) (bool, error) {
	if base.State != catalog.BaseUploading {
		return false, nil
	}
	for _, id := range base.Versions {
		if _, err := catalog.ParseVersionID(id); err != nil {
			return false, nil //nolint:nilerr // another catalog's, of which nothing is known
		}
		rec, err := l.store.Versions().Get(ctx, id)
		hidden := errors.Is(err, catalog.ErrNotFound) && !l.ownVersion(id)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return false, err
		}
		if hidden || err == nil && !l.abandoned(ctx, rec.Value) {
			return false, nil
		}
	}
	return true, nil
}
