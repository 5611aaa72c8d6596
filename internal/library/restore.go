package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// RestoreVersion registers a version as it was elsewhere, in this catalogue: its document stays what it is. Its image is
// the pool's, or is sent from images, which finds those of a digest, where the pool does not have it. ErrNoImage when neither
// does; a finding when the version is there already.
func (l *Library) RestoreVersion(ctx context.Context, v catalog.Version, images func(digest string) (imagestore.Stored, bool)) error {
	if err := l.Images.Open(ctx); err != nil {
		return err
	}
	claim, lost, err := registrar{l}.claimVersion(ctx, Registration{ID: v.ID})
	if err == nil && lost.Key != "" {
		err = VersionExists(v.ID)
	}
	if err != nil {
		return err
	}
	defer l.Plan.Forget(v.ID.Template)
	v.Coming, v.DeletingSince, v.Maker = nil, nil, ""
	err = l.Images.Restore(ctx, v, claim.Coming.Volume, images)
	if err == nil {
		if err = (registrar{l}).fulfil(ctx, claim, v); err == nil {
			return nil
		}
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		err = errors.Join(err, l.Images.LetGo(undo, v.Digest, v.ID))
	}
	if _, left := errors.AsType[*imagestore.LeftoverError](err); left {
		return err
	}
	return errors.Join(err, registrar{l}.withdraw(ctx, claim))
}

// LeaveVersion takes a version out of this catalogue that another one has, too: its image stays for that one, and nothing is
// looked for that hangs on it. catalog.ErrConflict when the version has changed since it was read.
func (l *Library) LeaveVersion(ctx context.Context, rec catalog.Record[catalog.Version]) error {
	if err := l.Images.Open(ctx); err != nil {
		return err
	}
	l.Plan.Forget(rec.Value.ID.Template)
	base, err := l.Images.Base(ctx, rec.Value.Digest)
	if err == nil && len(base.Versions) < 2 {
		err = fmt.Errorf("version %q is the last that uses its image: no other catalog has it", rec.Value.ID)
	}
	if err == nil {
		err = l.Images.Release(ctx, rec.Value.Digest, rec.Value.ID)
	}
	if err != nil {
		return err
	}
	return catalog.IgnoreNotFound(l.store.Versions().Delete(ctx, rec.Key, rec.Revision))
}
