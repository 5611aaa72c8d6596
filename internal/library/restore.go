package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// RestoreVersion registers a version from elsewhere in this catalog; its document stays as it is.
// It uses the pool's image. If the pool does not have it, the image is sent from images, which
// finds images by digest. It returns ErrNoImage if neither has the image, and a finding if the
// version exists already.
func (l *Library) RestoreVersion(
	ctx context.Context, v catalog.Version, images func(digest string) (imagestore.Stored, bool),
) error {
	if err := l.home.Open(ctx); err != nil {
		return err
	}
	claimed, orphan, err := registrar{l}.claimVersion(ctx, VersionRequest{ID: v.ID})
	if err == nil && orphan.Key != "" {
		err = VersionExists(v.ID)
	}
	if err != nil {
		return err
	}
	defer l.forget(v.ID.Template)
	v.Claim, v.DeletingSince, v.Maker = nil, nil, ""
	err = l.home.Restore(ctx, v, claimed.Claim.Volume, images)
	if err == nil {
		if err = (registrar{l}).fulfil(ctx, claimed, v); err == nil {
			return nil
		}
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		err = errors.Join(err, l.home.ReleaseUnregistered(undo, v.Digest, v.ID))
	}
	if _, left := errors.AsType[*imagestore.LeftoverError](err); left {
		return err
	}
	return errors.Join(err, registrar{l}.withdraw(ctx, claimed))
}

// LeaveVersion removes a version that another catalog also has from this catalog. Its image stays
// for that catalog, and nothing checks for volumes that stand on the image. It returns
// catalog.ErrConflict if the version has changed since it was read.
func (l *Library) LeaveVersion(ctx context.Context, rec catalog.Record[catalog.Version]) error {
	if err := l.home.Open(ctx); err != nil {
		return err
	}
	l.forget(rec.Value.ID.Template)
	defer l.forget(rec.Value.ID.Template) // another goroutine may have read it meanwhile
	base, err := l.home.Base(ctx, rec.Value.Digest)
	if err == nil && len(base.Versions) < 2 {
		err = fmt.Errorf("version %q is the last that uses its image: no other catalog has it", rec.Value.ID)
	}
	if err == nil {
		err = l.release(ctx, rec.Value)
	}
	if err != nil {
		return err
	}
	return catalog.IgnoreNotFound(l.store.Versions().Delete(ctx, rec.Key, rec.Revision))
}
