package pgstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// collection is the documents of one kind, which is also the name of their table. The document
// determines its key in the table.
type collection[T any] struct {
	store *Store
	table string
	key   func(T) string
}

// Get implements catalog.Collection.
func (c collection[T]) Get(ctx context.Context, key string) (catalog.Record[T], error) {
	var revision, document string
	err := c.store.ask(ctx, func(ctx context.Context, db db) error {
		return db.QueryRow(ctx, c.sql(`SELECT revision, document::text FROM %s WHERE key = $1`), key).Scan(&revision,
			&document)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = catalog.ErrNotFound
	}
	if err != nil {
		return catalog.Record[T]{}, c.explain("reading", key, err)
	}
	rec, err := c.decode(key, revision, document)
	return rec, c.explain("reading", key, err)
}

// last is the highest character: it sorts after every character of a key.
const last = "\U0010FFFF"

// List implements catalog.Collection. It skips an unreadable document of another tenant and notes
// it in catalog.StandIns: no tenant can make the library unreadable for others.
func (c collection[T]) List(ctx context.Context, prefix string) ([]catalog.Record[T], error) {
	return c.list(ctx, prefix, `SELECT key, revision, document::text FROM %s WHERE key >= $1 AND key < $2 ORDER BY key`)
}

// page is how many rows one request of a listing reads at most: no listing takes longer than a request may
// because there is much to list, and one that loses its connection goes on from where it was.
const page = 1000

// list reads the rows that a statement selects. Its first two parameters bound the keys, and it orders by
// them; the table and the page are filled in.
func (c collection[T]) list(ctx context.Context, prefix, statement string) ([]catalog.Record[T], error) {
	var records []catalog.Record[T]
	statement = c.sql(statement) + fmt.Sprintf(" LIMIT %d", page)
	for from, more := prefix, true; more; {
		there := len(records)
		err := c.store.ask(ctx, func(ctx context.Context, db db) error {
			records = records[:there]
			// Not LIKE: comparisons are leakproof, so the server can use the index before the policies.
			key, rows, err := c.read(ctx, db, statement, []any{from, prefix + last}, &records)
			more = rows == page
			from = key + "\x01" // no key has a character that would sort between the two
			return err
		})
		if err != nil {
			return nil, c.explain("listing", prefix, err)
		}
	}
	return records, nil
}

// Among implements catalog.Among.
func (c collection[T]) Among(ctx context.Context, keys []string) ([]catalog.Record[T], error) {
	var records []catalog.Record[T]
	statement := c.sql(`SELECT key, revision, document::text FROM %s WHERE key = ANY ($1) ORDER BY key`)
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	for some := range slices.Chunk(keys, page) {
		there := len(records)
		err := c.store.ask(ctx, func(ctx context.Context, db db) error {
			records = records[:there]
			_, _, err := c.read(ctx, db, statement, []any{some}, &records)
			return err
		})
		if err != nil {
			return nil, c.explain("listing some, beginning with", some[0], err)
		}
	}
	return records, nil
}

// read appends what a statement selects to records. It returns the last key that it read, and the number of
// rows, including those of other tenants that cannot be read.
func (c collection[T]) read(
	ctx context.Context, db db, statement string, arguments []any, records *[]catalog.Record[T],
) (key string, n int64, err error) {
	rows, err := db.Query(ctx, statement, arguments...)
	if err != nil {
		return "", 0, err
	}
	var revision, document string
	done, err := pgx.ForEachRow(rows, []any{&key, &revision, &document}, func() error {
		rec, err := c.decode(key, revision, document)
		switch {
		case err == nil:
			*records = append(*records, rec)
		case !c.foreign(key):
			return err
		default:
			catalog.NoteStandIn(ctx, catalog.StandIn{Damaged: c.table + " " + key,
				Detail: fmt.Sprintf("In %s, %s %q of "+
					"another tenant cannot be read, and is left out of lists. That tenant has to repair it.",
					c.store, c.table, key)})
		}
		return nil
	})
	return key, done.RowsAffected(), err
}

// foreign reports whether a document belongs to another tenant. Keys of what belongs to no tenant have
// no slash.
func (c collection[T]) foreign(key string) bool {
	tenant, _, owned := strings.Cut(key, "/")
	return c.store.options.Tenant != "" && owned && tenant != c.store.options.Tenant
}

// Create implements catalog.Collection.
func (c collection[T]) Create(ctx context.Context, key string, value T) (catalog.Record[T], error) {
	rec, document, err := c.encode(key, value)
	if err == nil {
		err = c.store.change(ctx, func(ctx context.Context, db db, again bool) error {
			if err := c.store.keepsApart(ctx, db, value); err != nil {
				return err
			}
			return c.insert(ctx, db, rec, document, again)
		})
	}
	return rec, c.explain("creating", key, err)
}

// insert creates a document. again says that it may have been created by an earlier request, whose
// answer was lost.
func (c collection[T]) insert(ctx context.Context, db db, rec catalog.Record[T], document string, again bool) error {
	_, err := db.Exec(ctx, c.sql(`INSERT INTO %s (document, revision) VALUES ($1::jsonb, $2)`), document,
		string(rec.Revision))
	apart := sqlState(err) == exclusionViolation
	if sqlState(err) != uniqueViolation && !apart {
		return err
	}
	found, err := c.revision(ctx, db, rec.Key)
	switch {
	case apart && errors.Is(err, catalog.ErrNotFound):
		return holder(ctx, db, document)
	case again && err == nil && found == rec.Revision:
		return nil
	}
	return catalog.ErrExists
}

// Replace implements catalog.Collection.
func (c collection[T]) Replace(
	ctx context.Context, key string, rev catalog.Revision, value T,
) (catalog.Record[T], error) {
	rec, document, err := c.encode(key, value)
	if err == nil {
		err = c.store.change(ctx, func(ctx context.Context, db db, again bool) error {
			if err := c.store.keepsApart(ctx, db, value); err != nil {
				return err
			}
			done, err := db.Exec(ctx,
				c.sql(`UPDATE %s SET document = $1::jsonb, revision = $2 WHERE key = $3 AND revision = $4`), document,
				string(rec.Revision), key, string(rev))
			if sqlState(err) == exclusionViolation {
				return holder(ctx, db, document)
			}
			if err != nil || done.RowsAffected() == 1 {
				return err
			}
			found, err := c.revision(ctx, db, key)
			if again && err == nil && found == rec.Revision {
				return nil
			}
			return c.refused(key, rev, found, err)
		})
	}
	return rec, c.explain("changing", key, err)
}

// Delete implements catalog.Collection.
func (c collection[T]) Delete(ctx context.Context, key string, rev catalog.Revision) error {
	return c.explain("deleting", key, c.store.change(ctx, func(ctx context.Context, db db, again bool) error {
		done, err := db.Exec(ctx, c.sql(`DELETE FROM %s WHERE key = $1 AND revision = $2`), key, string(rev))
		if err != nil || done.RowsAffected() == 1 {
			return err
		}
		found, err := c.revision(ctx, db, key)
		if again && errors.Is(err, catalog.ErrNotFound) {
			return nil
		}
		return c.refused(key, rev, found, err)
	}))
}

// revision returns a document's current revision, or catalog.ErrNotFound.
func (c collection[T]) revision(ctx context.Context, db db, key string) (found catalog.Revision, err error) {
	var revision string
	err = db.QueryRow(ctx, c.sql(`SELECT revision FROM %s WHERE key = $1`), key).Scan(&revision)
	if errors.Is(err, pgx.ErrNoRows) {
		err = catalog.ErrNotFound
	}
	return catalog.Revision(revision), err
}

// refused says why a change of the revision rev changed nothing. found is the current revision.
func (c collection[T]) refused(key string, rev, found catalog.Revision, err error) error {
	switch {
	case err != nil:
		return err
	case found != rev:
		return catalog.ErrConflict
	case c.foreign(key):
		return fmt.Errorf("%w: it belongs to another tenant, which shares it for reading", ErrDenied)
	default: // it was changed by hand in between, and back
		return catalog.ErrConflict
	}
}

// sql fills in the table, the only value that is ever inserted into a statement's text.
func (c collection[T]) sql(statement string) string {
	return fmt.Sprintf(statement, "novacron."+c.table)
}

func (c collection[T]) encode(key string, value T) (rec catalog.Record[T], document string, err error) {
	if own := c.key(value); own != key {
		return rec, "", fmt.Errorf("the document says that it is %q", own)
	}
	data, err := json.Marshal(value)
	return catalog.Record[T]{Key: key, Revision: catalog.Revision(strings.ToLower(rand.Text())), Value: value},
		string(data), err
}

func (c collection[T]) decode(key, revision, document string) (catalog.Record[T], error) {
	rec := catalog.Record[T]{Key: key, Revision: catalog.Revision(revision)}
	if err := json.Unmarshal([]byte(document), &rec.Value); err != nil {
		return rec, fmt.Errorf("%w: the row of key %q in novacron.%s does not hold a %[3]s, and can be "+
			"corrected or deleted with psql: %w",
			catalog.ErrDamaged, key, c.table, err)
	}
	if own := c.key(rec.Value); own != key {
		return rec, fmt.Errorf("%w: the row of key %q in novacron.%s holds %q, and "+
			"can be corrected or deleted with psql", catalog.ErrDamaged, key, c.table, own)
	}
	return rec, nil
}

func (c collection[T]) explain(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	if version := c.store.schemaVersion(); sqlState(err) == undefinedTable && version > 0 {
		err = c.missing(version)
	}
	return c.store.explain(fmt.Sprintf("%s %s %q", doing, c.table, key), err)
}

// missing is the error for a table that the database's schema, of that version, does not have.
func (c collection[T]) missing(version int) error {
	if c.table == hostTable {
		return outdated(version, "states of hosts need", withHosts)
	}
	return outdated(version, "placements and resource pools need", withPlacements)
}
