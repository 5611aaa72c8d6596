package poolstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// collection is the records of one kind.
type collection[T any] struct {
	store *Store
	layout
	// parts returns the parts of a value that are stored apart: parts that many records share, or that
	// a search does not read. If it is nil, no part is stored apart, and stored parts are left out.
	parts func(*T) []*catalog.Spec
	// rule judges changes by what else their document holds; nil for a kind without such a rule.
	rule rule
}

// readers bounds how many documents List reads at once.
const readers = 8

// Get implements catalog.Collection.
func (c collection[T]) Get(ctx context.Context, key string) (catalog.Record[T], error) {
	var found entry
	v, err := c.store.reader.look(ctx, naming.DocumentStem(c.kind, c.document(key)),
		func(doc document) (lacking bool, err error) {
			sh, err := shelfOf(doc)
			if err == nil {
				found, err = sh.find(key)
			}
			return found.revision == "", err
		})
	switch {
	case err != nil:
	case found.revision != "":
		err = mayStandIn(ctx, v.damage)
	case v.damage != nil: // the damaged revision may have had it
		err = v.damage
	default:
		c.store.writer.finish(ctx, c.layout, v)
		err = catalog.ErrNotFound
	}
	if err != nil {
		return catalog.Record[T]{}, c.explain("reading", key, err)
	}
	rec, err := c.decode(key, found, nil)
	return rec, c.explain("reading", key, err)
}

// List implements catalog.Collection.
func (c collection[T]) List(ctx context.Context, prefix string) ([]catalog.Record[T], error) {
	records, err := c.selected(ctx, prefix, func(string) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("listing %ss in pool %q: %w", c.kind, c.store.pool.name, err)
	}
	return records, nil
}

// selected lists the records of the documents whose stems match.
func (c collection[T]) selected(
	ctx context.Context, prefix string, match func(docStem string) bool,
) ([]catalog.Record[T], error) {
	found, err := c.documents(ctx, prefix)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(found, func(docStem string, _ []uint64) bool { return !match(docStem) })
	var records []catalog.Record[T]
	err = c.readAll(ctx, found, prefix, func(_ view, some []catalog.Record[T]) { records = append(records, some...) })
	if err != nil {
		return nil, err
	}
	slices.SortFunc(records, func(a, b catalog.Record[T]) int { return strings.Compare(a.Key, b.Key) })
	return records, nil
}

// Selected implements catalog.Selected.
func (c collection[T]) Selected(
	ctx context.Context, prefix string, match func(key string) bool,
) ([]catalog.Record[T], error) {
	records, err := c.selected(ctx, prefix, func(docStem string) bool {
		if c.whole || c.shards > 0 {
			return true
		}
		// The first dot may be a slash of the key.
		key := keyOf(c.layout, docStem)
		return match(key) || match(strings.Replace(key, ".", "/", 1))
	})
	if err != nil {
		return nil, fmt.Errorf("listing some %ss in pool %q: %w", c.kind, c.store.pool.name, err)
	}
	return slices.DeleteFunc(records, func(rec catalog.Record[T]) bool { return !match(rec.Key) }), nil
}

// documents lists the documents that may have records whose keys start with the prefix: the numbers of their
// volumes, complete or not, by their stems.
func (c collection[T]) documents(ctx context.Context, prefix string) (map[string][]uint64, error) {
	names, err := c.store.reader.names(ctx)
	found := map[string][]uint64{}
	for _, name := range names {
		if docStem, number, ok := naming.ParseDocument(name); ok && c.holds(docStem, prefix) {
			found[docStem] = append(found[docStem], number)
		}
	}
	return found, err
}

// readAll reads documents, and calls do for each of them, one after the other, with its records whose keys start
// with the prefix.
func (c collection[T]) readAll(
	ctx context.Context, found map[string][]uint64, prefix string, do func(v view, records []catalog.Record[T]),
) error {
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for docStem, numbers := range found {
		group.Go(func() error {
			v, err := c.store.reader.newest(groupCtx, docStem, numbers)
			if err == nil {
				err = mayStandIn(ctx, v.damage)
			}
			if err != nil {
				return err
			}
			c.store.writer.finish(groupCtx, c.layout, v)
			sh, err := shelfOf(v.current)
			if err != nil {
				return err
			}
			entries, err := sh.list(prefix)
			if err != nil {
				return err
			}
			records, err := c.decodeAll(entries)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				do(v, records)
			}
			return err
		})
	}
	return group.Wait()
}

// decodeAll decodes records, and uses all processors if there are many: nothing else in a listing
// takes longer.
func (c collection[T]) decodeAll(entries map[string]entry) ([]catalog.Record[T], error) {
	keys := slices.Collect(maps.Keys(entries))
	records := make([]catalog.Record[T], len(keys))
	var group errgroup.Group
	each := max(16, (len(keys)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for from := 0; from < len(keys); from += each {
		group.Go(func() (err error) {
			known := map[*byte]catalog.Spec{}
			for i := from; i < min(from+each, len(keys)) && err == nil; i++ {
				records[i], err = c.decode(keys[i], entries[keys[i]], known)
			}
			return err
		})
	}
	return records, group.Wait()
}

// Create implements catalog.Collection.
func (c collection[T]) Create(ctx context.Context, key string, value T) (catalog.Record[T], error) {
	if key == "" || strings.ContainsAny(key, "\t\n") {
		return catalog.Record[T]{}, fmt.Errorf("creating a %s in pool %q: %q is not a key",
			c.kind, c.store.pool.name, key)
	}
	rec, err := c.write(ctx, key, "", value)
	return rec, c.explain("creating", key, err)
}

// Replace implements catalog.Collection.
func (c collection[T]) Replace(
	ctx context.Context, key string, rev catalog.Revision, value T,
) (catalog.Record[T], error) {
	if rev == "" {
		return catalog.Record[T]{}, c.explain("changing", key, catalog.ErrConflict)
	}
	rec, err := c.write(ctx, key, rev, value)
	return rec, c.explain("changing", key, err)
}

// Delete implements catalog.Collection. When a document loses its last record, its volumes are
// deleted: a tombstone claims the next number, so that no writer can.
func (c collection[T]) Delete(ctx context.Context, key string, rev catalog.Revision) error {
	err := catalog.ErrConflict
	if rev != "" {
		err = c.submit(ctx, key, rev, entry{})
	}
	if errors.Is(err, catalog.ErrNotFound) { // perhaps since a process deleted it that died then
		if v, failed := c.store.reader.look(ctx, naming.DocumentStem(c.kind, c.document(key)), nil); failed == nil {
			c.store.writer.finish(ctx, c.layout, v)
		}
	}
	return c.explain("deleting", key, err)
}

func (c collection[T]) write(
	ctx context.Context, key string, parent catalog.Revision, value T,
) (catalog.Record[T], error) {
	to, err := c.encode(value)
	if err == nil {
		err = c.submit(ctx, key, parent, to)
	}
	return catalog.Record[T]{Key: key, Revision: to.revision, Value: value}, err
}

func (c collection[T]) submit(ctx context.Context, key string, parent catalog.Revision, to entry) error {
	return c.store.writer.submit(c.layout, c.rule, &change{
		ctx: ctx, key: key, parent: parent, to: to, lead: make(chan struct{}), outcome: make(chan error, 1),
	})
}

func (c collection[T]) encode(value T) (e entry, err error) {
	e.revision = catalog.Revision(rand.Text())
	if c.parts != nil {
		for _, part := range c.parts(&value) {
			data, err := json.Marshal(*part)
			if err != nil {
				return e, err
			}
			e.parts = append(e.parts, data)
			*part = catalog.Spec{}
		}
	}
	e.value, err = json.Marshal(value)
	return e, err
}

// decode decodes a record. If known is not nil, it holds the parts that were decoded before, keyed
// by where they are stored.
func (c collection[T]) decode(key string, e entry, known map[*byte]catalog.Spec) (catalog.Record[T], error) {
	rec := catalog.Record[T]{Key: key, Revision: e.revision}
	err := json.Unmarshal(e.value, &rec.Value)
	if err == nil && c.parts != nil {
		err = c.decodeParts(&rec.Value, e.parts, known)
	}
	if err != nil {
		return rec, fmt.Errorf("%w: document %q does not hold a %s %q: %w",
			catalog.ErrDamaged, naming.DocumentStem(c.kind, c.document(key)), c.kind, key, err)
	}
	return rec, nil
}

func (c collection[T]) decodeParts(value *T, stored [][]byte, known map[*byte]catalog.Spec) error {
	for i, part := range c.parts(value) {
		if i >= len(stored) || len(stored[i]) == 0 {
			return fmt.Errorf("%w: a part is missing", errNoShelf)
		}
		at := &stored[i][0]
		spec, decoded := known[at]
		if !decoded {
			if err := json.Unmarshal(stored[i], &spec); err != nil {
				return err
			}
			if known != nil {
				known[at] = spec
			}
		}
		*part = spec
	}
	return nil
}

func (c collection[T]) explain(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s %q in pool %q: %w", doing, c.kind, key, c.store.pool.name, err)
}
