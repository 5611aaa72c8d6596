package poolstore

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// The document of an image says from which files it was read, by their checksums. To find an image by the checksum
// of a file, all of these documents would have to be read. So the processes of a tenant keep an index of them. It says
// of which revision of a document it knows; a listing of the pool shows without reading any document which of them
// have a newer one. So writers of documents need not update the index, and it may be lost at any time.
//
// A document that was deleted and created again has the numbers of the earlier one. What the index has of that is
// still true of the image, since checksums tell what the files hold. What it lacks costs that an image is sent
// which the pool has.

// sourceIndex is what was read of the documents of images, by their keys.
type sourceIndex struct {
	Images map[string]sourced `json:"images"`
}

// sourced is what a revision of an image's document says of its sources.
type sourced struct {
	Number  uint64   `json:"number"` // of the revision
	Sources []string `json:"sources,omitempty"`
}

// sourceIndexes has one record a tenant.
var sourceIndexes = layout{kind: "sources", shards: 1, level: gzip.BestSpeed}

// worthIndexing is how many documents have to be read again until their tenant's index is written again.
const worthIndexing = 16

// Listed is how many volumes the pool had when this process listed it last; 0 if it has not. It makes no request.
func (s *Store) Listed() int { return int(s.reader.volumes.Load()) }

func (s *Store) sourceIndexes() collection[sourceIndex] {
	return collection[sourceIndex]{store: s, layout: sourceIndexes}
}

// DigestOf finds the image that was read from a file of a checksum, and returns its digest; that is never the
// checksum itself. It returns catalog.ErrNotFound if there is none. It reads only documents that were written since
// processes of the tenant last looked.
func (s *Store) DigestOf(ctx context.Context, tenant, checksum string) (string, error) {
	digest, err := s.digestOf(ctx, tenant, checksum)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		err = fmt.Errorf("looking for the image of a file of checksum %s in pool %q: %w", checksum, s.pool.name, err)
	}
	return digest, err
}

func (s *Store) digestOf(ctx context.Context, tenant, checksum string) (string, error) {
	images := collection[catalog.Base]{store: s, layout: bases}
	found, err := images.documents(ctx, "")
	if err != nil {
		return "", err
	}
	key := tenant + "/" + sourceIndexes.kind
	rec, err := s.sourceIndexes().Get(ctx, key)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) && !errors.Is(err, catalog.ErrDamaged) {
		return "", err
	}
	known, current := rec.Value.Images, map[string]sourced{}
	maps.DeleteFunc(found, func(docStem string, numbers []uint64) bool {
		image := keyOf(bases, docStem)
		one, is := known[image]
		if is = is && one.Number == slices.Max(numbers); is {
			current[image] = one
		}
		return is
	})
	var unsure map[string]sourced // of documents with newer revisions that are not complete
	err = images.readAll(ctx, found, "", func(v view, records []catalog.Record[catalog.Base]) {
		for _, rec := range records {
			one := sourced{v.current.Number, rec.Value.Sources}
			if v.damage == nil && one.Number == v.newest() {
				current[rec.Key] = one
				continue
			}
			if unsure == nil {
				unsure = map[string]sourced{}
			}
			unsure[rec.Key] = one
		}
	})
	if err != nil {
		return "", err
	}
	if len(found) >= worthIndexing {
		s.index(ctx, key, rec.Revision, sourceIndex{current})
	}
	maps.Copy(current, unsure)
	for _, image := range slices.Sorted(maps.Keys(current)) {
		digest := catalog.BaseDigest(image)
		if digest != checksum && slices.Contains(current[image].Sources, checksum) {
			return digest, nil
		}
	}
	return "", catalog.ErrNotFound
}

// index writes an index, in place of a revision; "" for none. That it fails makes no difference but time.
func (s *Store) index(ctx context.Context, key string, was catalog.Revision, to sourceIndex) {
	if was == "" {
		_, _ = s.sourceIndexes().Create(ctx, key, to)
		return
	}
	_, _ = s.sourceIndexes().Replace(ctx, key, was, to)
}
