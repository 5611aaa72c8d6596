package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// RemoveVersion removes a version, and its base image with the last version of it, from all hosts. It
// refuses with InUseError while instances need the version's image, with an error while a host does
// not answer on which there may be such instances, and with a finding while it is protected. Removing
// a version that is already gone is not an error.
//
// The version is marked first: a clone that is being created meanwhile reads it again once the
// clone's volume stands on the base, so that one of the two sees the other.
//
// If tell is given, it receives sentences about what was overlooked: files and domains not created
// by novacron that the host lists and cannot describe, and that cannot stand on the version's
// image.
func (l *Library) RemoveVersion(ctx context.Context, id catalog.VersionID, tell ...func(overlooked string)) error {
	end, kept := l.Removals.Begin(id.String())
	defer end()
	if kept {
		return nil
	}
	if _, err := l.writable(ctx, id.Template); err != nil {
		if errors.Is(err, catalog.ErrNotFound) {
			return l.CheckVersionGone(ctx, id)
		}
		return fmt.Errorf("removing version %q: %w", id, err)
	}
	l.forget(id.Template)
	defer l.forget(id.Template) // planning may have read the version meanwhile
	l.sweep(ctx)
	ctx, cancel := context.WithTimeout(ctx, catalog.DeleteLease/2)
	defer cancel()
	since, err := l.store.Now(ctx)
	if err != nil {
		return err
	}
	rec, err := catalog.Change(ctx, l.store.Versions(), id.String(), func(v *catalog.Version) error {
		if v.Claim != nil {
			return catalog.ErrNotFound
		}
		if v.DeletionProtection {
			return finding.List{{Path: finding.At("deletion_protection"), Summary: "Version is protected",
				Detail: fmt.Sprintf(
					"Version %q has deletion_protection: set it to false and apply before it can be destroyed "+
						"or replaced.", id)}}
		}
		v.DeletingSince = &since
		return nil
	})
	if errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	users, err := l.users(ctx, rec.Value, func(overlooked string) {
		for _, tell := range tell {
			tell(overlooked)
		}
	})
	if err == nil && users.InUse() {
		err = users
	}
	if err != nil {
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		_, unmark := catalog.Change(undo, l.store.Versions(), id.String(), func(v *catalog.Version) error {
			if v.DeletingSince == nil { // it was removed, and this is a new one
				return catalog.ErrNotFound
			}
			v.DeletingSince = nil
			return nil
		})
		return errors.Join(err, catalog.IgnoreNotFound(unmark))
	}
	// There is no way back. The document is removed last: while it exists, another removal finds
	// what this one has left.
	finish, cancelFinish := step.UndoContext(ctx)
	defer cancelFinish()
	if err := l.release(finish, rec.Value); err != nil {
		return err
	}
	defer l.collectOthers(finish) // they have just answered
	for {
		err := l.store.Versions().Delete(finish, rec.Key, rec.Revision)
		if !errors.Is(err, catalog.ErrConflict) {
			return catalog.IgnoreNotFound(err)
		}
		rec, err = l.store.Versions().Get(finish, id.String())
		if err != nil || rec.Value.DeletingSince == nil { // this is a new one
			return catalog.IgnoreNotFound(err)
		}
	}
}
