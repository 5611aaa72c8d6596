package library

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Image is the stored image of a version that an instance on the library's host is about to be created
// from. It returns catalog.ErrNotFound if the host's pool does not have it; see Replicate.
func (l *Library) Image(ctx context.Context, v catalog.Version) (catalog.Base, error) {
	if !l.Spread() {
		return l.Images.Base(ctx, v.Digest)
	}
	base, has, err := l.Images.Has(ctx, v)
	if err == nil && !has {
		err = fmt.Errorf("the image of version %q is not on %s: %w", v.ID, l.Images.Site(), catalog.ErrNotFound)
	}
	if err == nil {
		err = l.Images.NoteUse(ctx, base)
	}
	return base, err
}

// Replicate copies the image of a version to the pool of the library's host, from the home or else
// from any other host that has it. It copies nothing if the pool has the image, and waits for another
// process that copies it. A host that cannot be read from is passed over. Replicate returns a finding
// if no host has the image.
func (l *Library) Replicate(ctx context.Context, v catalog.Version) error {
	l.collect(ctx, l.Images) // which may make room
	stores, err := l.stores(ctx)
	if err != nil {
		return err
	}
	var failed []*imagestore.SourceError
	for _, from := range stores {
		if from == l.Images {
			continue
		}
		err := l.Images.Replicate(ctx, v, from, l.Images == l.home)
		source, is := errors.AsType[*imagestore.SourceError](err)
		if err == nil {
			return l.stillThere(ctx, v)
		}
		if !is {
			return fmt.Errorf("copying the image of version %q to %s: %w", v.ID, l.Images.Site(), err)
		}
		failed = append(failed, source)
	}
	return l.nowhere(v, stores, failed)
}

// stillThere takes the image away again if the version was removed while its image was copied: the
// process that removed it may have looked at the host before.
func (l *Library) stillThere(ctx context.Context, v catalog.Version) error {
	_, err := l.store.Versions().Get(ctx, v.ID.String())
	if errors.Is(err, catalog.ErrNotFound) {
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		return errors.Join(imagestore.BeingRemoved(v.ID), l.Images.ReleaseUnregistered(undo, v.Digest, v.ID))
	}
	return err
}

// nowhere is the error for an image that could be copied from no host: a finding if none has it.
func (l *Library) nowhere(
	v catalog.Version, asked []*imagestore.Store, failed []*imagestore.SourceError,
) error {
	var silent []error
	for _, source := range failed {
		if !errors.Is(source, imagestore.ErrNoImage) {
			silent = append(silent, source)
		}
	}
	if len(silent) > 0 {
		return fmt.Errorf("version %q: its image is not on %s, and could not be copied there: %w", v.ID,
			l.Images.Site(), errors.Join(silent...))
	}
	var sites []string
	for _, images := range asked {
		sites = append(sites, images.Site())
	}
	return finding.List{{Path: finding.At("version"), Summary: "Image not found on any host", Detail: fmt.Sprintf(
		"Version %q is in the catalog, but none of the hosts %s has its image: choose another version, or add the "+
			"host that the version was registered with.", v.ID, strings.Join(sites, ", "))}}
}

// findImage makes sure that a host has the image of a version. It does not ask further hosts once it
// has found one.
func (l *Library) findImage(ctx context.Context, v catalog.Version) error {
	stores, err := l.stores(ctx)
	if err != nil {
		return err
	}
	var failed []*imagestore.SourceError
	for _, images := range stores {
		_, kept, err := images.Keeps(ctx, v.Digest)
		if kept {
			return nil
		}
		if err == nil {
			err = imagestore.ErrNoImage
		}
		failed = append(failed, &imagestore.SourceError{Site: images.Site(), Err: err})
	}
	return l.nowhere(v, stores, failed)
}
