package poolstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// collection is the documents of one kind.
type collection[T any] struct {
	store *Store
	kind  string
}

// readers bounds how many documents List reads at once.
const readers = 8

// Get implements catalog.Collection.
func (c collection[T]) Get(ctx context.Context, key string) (catalog.Record[T], error) {
	doc, err := c.store.newest(ctx, stem(c.kind, key), nil)
	if err != nil {
		return catalog.Record[T]{}, c.explain("reading", key, err)
	}
	rec, err := c.decode(doc)
	return rec, c.explain("reading", key, err)
}

// List implements catalog.Collection.
func (c collection[T]) List(ctx context.Context, prefix string) ([]catalog.Record[T], error) {
	names, err := c.store.names(ctx)
	if err != nil {
		return nil, err
	}
	byStem := map[string][]uint64{}
	for _, name := range names {
		if docStem, number, ok := parseName(name); ok && strings.HasPrefix(docStem, stemPrefix(c.kind, prefix)) {
			byStem[docStem] = append(byStem[docStem], number)
		}
	}
	stems := slices.Collect(maps.Keys(byStem))
	found := make([]*catalog.Record[T], len(stems))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, s := range stems {
		group.Go(func() error {
			slices.Sort(byStem[s])
			doc, err := c.store.newest(ctx, s, byStem[s])
			if errors.Is(err, catalog.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			rec, err := c.decode(doc)
			found[i] = &rec
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("listing %ss in pool %q: %w", c.kind, c.store.pool, err)
	}
	var records []catalog.Record[T]
	for _, rec := range found {
		if rec != nil && strings.HasPrefix(rec.Key, prefix) {
			records = append(records, *rec)
		}
	}
	slices.SortFunc(records, func(a, b catalog.Record[T]) int { return strings.Compare(a.Key, b.Key) })
	return records, nil
}

// Create implements catalog.Collection.
func (c collection[T]) Create(ctx context.Context, key string, value T) (catalog.Record[T], error) {
	rec, err := c.write(ctx, key, "", value)
	if errors.Is(err, catalog.ErrConflict) {
		err = catalog.ErrExists
	}
	return rec, c.explain("creating", key, err)
}

// Replace implements catalog.Collection.
func (c collection[T]) Replace(ctx context.Context, key string, rev catalog.Revision, value T) (catalog.Record[T], error) {
	rec, err := c.write(ctx, key, rev, value)
	return rec, c.explain("changing", key, err)
}

// Delete implements catalog.Collection: a tombstone claims the next number, so that no writer can; then the volumes go.
func (c collection[T]) Delete(ctx context.Context, key string, rev catalog.Revision) error {
	tombstone, err := c.store.write(ctx, envelope{Kind: c.kind, Key: key, Deleted: true}, rev, nil)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
		defer cancel()
		err = c.store.clear(ctx, stem(c.kind, key), tombstone)
	}
	return c.explain("deleting", key, err)
}

func (c collection[T]) write(ctx context.Context, key string, parent catalog.Revision, value T) (catalog.Record[T], error) {
	body, err := json.Marshal(value)
	if err != nil {
		return catalog.Record[T]{}, err
	}
	written, err := c.store.write(ctx, envelope{Kind: c.kind, Key: key}, parent, body)
	return catalog.Record[T]{Key: key, Revision: written.ID, Value: value}, err
}

func (c collection[T]) decode(doc document) (catalog.Record[T], error) {
	rec := catalog.Record[T]{Key: doc.Key, Revision: doc.ID}
	if err := json.Unmarshal(doc.body, &rec.Value); err != nil {
		return rec, fmt.Errorf("volume %q does not hold a %s: %w", volumeOf(stem(doc.Kind, doc.Key), doc.Number), c.kind, err)
	}
	return rec, nil
}

func (c collection[T]) explain(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s %q in pool %q: %w", doing, c.kind, key, c.store.pool, err)
}
