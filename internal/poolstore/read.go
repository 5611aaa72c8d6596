package poolstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// document is one complete revision.
type document struct {
	envelope
	body []byte
}

// revisions lists a document's revisions, complete or not, in ascending order.
func (s *Store) revisions(ctx context.Context, docStem string) ([]catalog.Revision, error) {
	names, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	var revisions []catalog.Revision
	for _, name := range names {
		if other, rev, ok := parseName(name); ok && other == docStem {
			revisions = append(revisions, rev)
		}
	}
	slices.Sort(revisions)
	return revisions, nil
}

// read reads one revision: errTorn when it is incomplete, hypervisor.ErrNoVolume when it is gone.
func (s *Store) read(ctx context.Context, docStem string, rev catalog.Revision) (document, error) {
	name := volumeOf(docStem, rev)
	data, err := s.volumes.ReadVolume(ctx, s.pool, name, maxDocument)
	if err != nil {
		return document{}, err
	}
	e, body, err := unseal(data)
	if err != nil {
		return document{}, fmt.Errorf("volume %q: %w", name, err)
	}
	return document{e, body}, nil
}

// newest reads the newest complete revision, catalog.ErrNotFound when there is none or it is a tombstone.
func (s *Store) newest(ctx context.Context, docStem string) (document, error) {
	revisions, err := s.revisions(ctx, docStem)
	if err != nil {
		return document{}, err
	}
	return s.newestOf(ctx, docStem, revisions)
}

// newestOf is newest for revisions that were listed before. They are listed again when one has gone since: then a
// newer one may have come, too.
func (s *Store) newestOf(ctx context.Context, docStem string, revisions []catalog.Revision) (document, error) {
	for {
		doc, vanished, err := s.newestAmong(ctx, docStem, revisions)
		if err != nil || !vanished {
			if err == nil && (doc.Revision == 0 || doc.Deleted) {
				err = catalog.ErrNotFound
			}
			return doc, err
		}
		if revisions, err = s.revisions(ctx, docStem); err != nil {
			return document{}, err
		}
	}
}

// newestAmong reads the newest complete one of the revisions, tombstones included; none when no revision is complete.
func (s *Store) newestAmong(ctx context.Context, docStem string, revisions []catalog.Revision) (doc document, vanished bool, err error) {
	slices.Sort(revisions)
	for _, rev := range slices.Backward(revisions) {
		switch doc, err := s.read(ctx, docStem, rev); {
		case err == nil:
			return doc, false, nil
		case errors.Is(err, hypervisor.ErrNoVolume):
			return document{}, true, nil
		case !errors.Is(err, errTorn):
			return document{}, false, err
		}
	}
	return document{}, false, nil
}
