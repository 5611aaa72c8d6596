package poolstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// collection is the records of one kind.
type collection[T any] struct {
	store *Store
	layout
}

// readers bounds how many documents List reads at once.
const readers = 8

// Get implements catalog.Collection.
func (c collection[T]) Get(ctx context.Context, key string) (catalog.Record[T], error) {
	var found entry
	_, err := c.store.look(ctx, stem(c.kind, c.document(key)), func(doc document) (lacking bool, err error) {
		sh, err := shelfOf(doc)
		if err == nil {
			found, err = sh.find(key)
		}
		return found.revision == "", err
	})
	if err == nil && found.revision == "" {
		err = catalog.ErrNotFound
	}
	if err != nil {
		return catalog.Record[T]{}, c.explain("reading", key, err)
	}
	rec, err := c.decode(key, found)
	return rec, c.explain("reading", key, err)
}

// List implements catalog.Collection.
func (c collection[T]) List(ctx context.Context, prefix string) ([]catalog.Record[T], error) {
	records, err := c.list(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("listing %ss in pool %q: %w", c.kind, c.store.pool, err)
	}
	return records, nil
}

func (c collection[T]) list(ctx context.Context, prefix string) ([]catalog.Record[T], error) {
	names, err := c.store.names(ctx)
	if err != nil {
		return nil, err
	}
	byStem := map[string][]uint64{}
	for _, name := range names {
		if docStem, number, ok := parseName(name); ok && c.holds(docStem, prefix) {
			byStem[docStem] = append(byStem[docStem], number)
		}
	}
	stems := slices.Collect(maps.Keys(byStem))
	found := make([]map[string]entry, len(stems))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, docStem := range stems {
		group.Go(func() error {
			doc, err := c.store.newest(groupCtx, docStem, byStem[docStem])
			if err != nil {
				return err
			}
			sh, err := shelfOf(doc)
			if err == nil {
				found[i], err = sh.list(prefix)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := map[string]entry{}
	for _, entries := range found {
		maps.Copy(all, entries)
	}
	return c.decodeAll(all)
}

// decodeAll decodes records with all processors, which takes longer than anything else about a listing. It orders them by
// key.
func (c collection[T]) decodeAll(entries map[string]entry) ([]catalog.Record[T], error) {
	keys := slices.Sorted(maps.Keys(entries))
	records := make([]catalog.Record[T], len(keys))
	var group errgroup.Group
	each := max(16, (len(keys)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for from := 0; from < len(keys); from += each {
		group.Go(func() error {
			for i, key := range keys[from:min(from+each, len(keys))] {
				rec, err := c.decode(key, entries[key])
				if err != nil {
					return err
				}
				records[from+i] = rec
			}
			return nil
		})
	}
	return records, group.Wait()
}

// Create implements catalog.Collection.
func (c collection[T]) Create(ctx context.Context, key string, value T) (catalog.Record[T], error) {
	if key == "" || strings.ContainsAny(key, "\t\n") {
		return catalog.Record[T]{}, fmt.Errorf("creating a %s in pool %q: %q is no key", c.kind, c.store.pool, key)
	}
	rec, err := c.write(ctx, key, "", value)
	return rec, c.explain("creating", key, err)
}

// Replace implements catalog.Collection.
func (c collection[T]) Replace(ctx context.Context, key string, rev catalog.Revision, value T) (catalog.Record[T], error) {
	if rev == "" {
		return catalog.Record[T]{}, c.explain("changing", key, catalog.ErrConflict)
	}
	rec, err := c.write(ctx, key, rev, value)
	return rec, c.explain("changing", key, err)
}

// Delete implements catalog.Collection. With its last record a document's volumes go: a tombstone claims the next number,
// so that no writer can.
func (c collection[T]) Delete(ctx context.Context, key string, rev catalog.Revision) error {
	err := catalog.ErrConflict
	if rev != "" {
		err = c.submit(ctx, key, rev, entry{})
	}
	return c.explain("deleting", key, err)
}

func (c collection[T]) write(ctx context.Context, key string, parent catalog.Revision, value T) (catalog.Record[T], error) {
	data, err := json.Marshal(value)
	if err != nil {
		return catalog.Record[T]{}, err
	}
	to := entry{catalog.Revision(rand.Text()), data}
	err = c.submit(ctx, key, parent, to)
	return catalog.Record[T]{Key: key, Revision: to.revision, Value: value}, err
}

func (c collection[T]) submit(ctx context.Context, key string, parent catalog.Revision, to entry) error {
	return c.store.submit(c.layout, &change{
		ctx: ctx, key: key, parent: parent, to: to, lead: make(chan struct{}), outcome: make(chan error, 1),
	})
}

func (c collection[T]) decode(key string, e entry) (catalog.Record[T], error) {
	rec := catalog.Record[T]{Key: key, Revision: e.revision}
	if err := json.Unmarshal(e.value, &rec.Value); err != nil {
		return rec, fmt.Errorf("document %q does not hold a %s %q: %w", stem(c.kind, c.document(key)), c.kind, key, err)
	}
	return rec, nil
}

func (c collection[T]) explain(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s %q in pool %q: %w", doing, c.kind, key, c.store.pool, err)
}
