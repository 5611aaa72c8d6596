package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Narrow questions are answered by the server, which returns only the rows that they are about. Their
// operators and functions are named in full: those that another role created in the role's search_path
// might match as well. Their conditions are those of partial indexes (migrations), word for word, so that the
// server uses these. Without the indexes, in a database of an earlier schema, it reads all rows of the prefix.

// TemplateHeads lists templates without their specs, which a search does not need and which make up
// most of the data.
func (s *Store) TemplateHeads(ctx context.Context, prefix string) ([]catalog.Record[catalog.Template], error) {
	templates := collection[catalog.Template]{s, "template", func(t catalog.Template) string { return t.ID.String() }}
	return templates.list(ctx, prefix, `SELECT key, revision, (document OPERATOR(pg_catalog.-) 'spec'::text)::text `+
		`FROM %s WHERE key >= $1 AND key < $2 ORDER BY key`)
}

// versions are a collection that can leave out those that are registered.
type versions struct{ collection[catalog.Version] }

// Coming implements catalog.Coming.
func (v versions) Coming(ctx context.Context, prefix string) ([]catalog.Record[catalog.Version], error) {
	return v.list(ctx, prefix, `SELECT key, revision, document::text FROM %s WHERE key >= $1 AND key < $2 AND `+
		coming+` ORDER BY key`)
}

// coming is the condition of versions that have a claim.
const coming = `pg_catalog.jsonb_typeof(document OPERATOR(pg_catalog.->) 'coming'::text) ` +
	`OPERATOR(pg_catalog.<>) 'null'::text`

// placements are a collection that can leave out most of its documents.
type placements struct{ collection[catalog.Placement] }

// Unsettled implements catalog.Unsettled.
func (p placements) Unsettled(ctx context.Context, prefix string) ([]catalog.Record[catalog.Placement], error) {
	return p.list(ctx, prefix, `SELECT key, revision, document::text FROM %s WHERE key >= $1 AND key < $2 `+
		`AND (document OPERATOR(pg_catalog.->>) 'state'::text) OPERATOR(pg_catalog.<>) '`+
		string(catalog.PlacementPlaced)+`'::text ORDER BY key`)
}

// inPool is the condition of placements in a resource pool.
const inPool = `(document OPERATOR(pg_catalog.->>) 'pool'::text) OPERATOR(pg_catalog.=) $1::text`

// UseOf implements catalog.UseOf.
func (p placements) UseOf(ctx context.Context, pool string, first int) (use catalog.PoolUse, err error) {
	err = p.store.ask(ctx, func(ctx context.Context, db db) error {
		use = catalog.PoolUse{Tenants: map[string]catalog.Usage{}}
		rows, err := db.Query(ctx, `
			SELECT tenant, pg_catalog.sum(vcpus)::bigint, pg_catalog.sum(memory_mb)::bigint,
				pg_catalog.sum(disk_gb)::bigint, pg_catalog.count(*)
			FROM novacron.placement WHERE `+inPool+` GROUP BY tenant`, pool)
		if err != nil {
			return err
		}
		var tenant string
		var u catalog.Usage
		_, err = pgx.ForEachRow(rows, []any{&tenant, &u.VCPUs, &u.MemoryMB, &u.DiskGB, &u.Instances}, func() error {
			use.Tenants[tenant] = u
			return nil
		})
		if err != nil {
			return err
		}
		if rows, err = db.Query(ctx, `SELECT key FROM novacron.placement WHERE `+inPool+` ORDER BY key LIMIT $2`,
			pool, first); err != nil {
			return err
		}
		use.First, err = pgx.AppendRows(use.First, rows, pgx.RowTo[string])
		return err
	})
	return use, p.explain("counting what is placed in", pool, err)
}

// Totals implements catalog.TotalsOf.
func (s *Store) Totals(ctx context.Context, tenant string) (sum catalog.Totals, err error) {
	// Versions of the same image say the same of its size; of others, the first counts.
	const statement = `
		SELECT (SELECT pg_catalog.count(*) FROM novacron.template WHERE key >= $1 AND key < $2),
			coalesce(pg_catalog.sum(i.versions), 0)::bigint, pg_catalog.count(*),
			coalesce(pg_catalog.sum(i.size), 0)::bigint
		FROM (SELECT pg_catalog.count(*) AS versions,
				((pg_catalog.array_agg(document OPERATOR(pg_catalog.->>) 'stored_size_bytes'::text
					ORDER BY key))[1])::bigint AS size
			FROM novacron.version WHERE key >= $1 AND key < $2 AND (` + coming + `) IS NOT TRUE
			GROUP BY document OPERATOR(pg_catalog.->>) 'digest'::text) AS i`
	err = s.ask(ctx, func(ctx context.Context, db db) error {
		prefix := tenant + "/"
		return db.QueryRow(ctx, statement, prefix, prefix+last).Scan(
			&sum.Templates, &sum.Versions, &sum.Images, &sum.ImageBytes)
	})
	return sum, s.explain("counting what tenant "+tenant+" has", err)
}
