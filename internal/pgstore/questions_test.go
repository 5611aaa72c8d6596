package pgstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// recorder notes the statements that a store asks.
type recorder struct{ asked []pgx.TraceQueryStartData }

// TraceQueryStart implements pgx.QueryTracer.
func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.Contains(q.SQL, " novacron.") {
		r.asked = append(r.asked, q)
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// node is a part of a plan of the server, as EXPLAIN shows it.
type node struct {
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Loops    float64 `json:"Actual Loops"`
	Plans    []node  `json:"Plans"`
}

// reads is how many rows of a table the server reads for the node and for those below it.
func (n node) reads(table string) (rows float64) {
	if n.Relation == table {
		rows = (n.Rows + n.Filtered) * n.Loops
	}
	for _, part := range n.Plans {
		rows += part.reads(table)
	}
	return rows
}

// reads is how many requests a tenant's process makes for what it asks, and how many rows of a table the server
// reads for these.
func (d database) reads(t *testing.T, tenant, table string, ask func(s *Store)) (requests, rows int) {
	t.Helper()
	s, r := d.store(t, tenant), &recorder{}
	s.config.ConnConfig.Tracer = r
	must.Value(s.ID(t.Context())) // connects
	r.asked = nil
	ask(s)
	role := d.roles[tenant]
	if tenant == "" {
		role = pgtest.Superuser
	}
	psql := pgtest.Connect(t, d.dsn(role))
	defer psql.Close(t.Context())
	for _, q := range r.asked {
		var text string
		err := psql.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+q.SQL, q.Args...).Scan(&text)
		if err != nil {
			t.Fatalf("%s: %v", q.SQL, err)
		}
		var plans []struct{ Plan node }
		if err := json.Unmarshal([]byte(text), &plans); err != nil {
			t.Fatal(err)
		}
		rows += int(plans[0].Plan.reads(table))
	}
	return len(r.asked), rows
}

// library is a database with a library of t1 that has 3,000 versions, of which two are coming, and 3,000
// placements, of which two are unsettled and twenty in the pool gold.
func (d database) library(t *testing.T) {
	t.Helper()
	pgtest.Exec(t, d.dsn(pgtest.Superuser),
		`INSERT INTO novacron.version (document) SELECT jsonb_build_object('digest', 'sha256:' || n % 100,
				'stored_size_bytes', 7,
				'id', jsonb_build_object('version', n || '.0.0', 'template', '{"tenant": "t1", "name": "a"}'::jsonb))
			|| CASE WHEN n IN (700, 2900) THEN '{"coming": {"volume": "nova.base.x"}}' ELSE '{}' END::jsonb
			FROM generate_series(1, 3000) n`,
		`INSERT INTO novacron.resource_pool (document) VALUES ('{"name": "gold", "tenants": {"t1": {}}}')`,
		`INSERT INTO novacron.placement (document) SELECT jsonb_build_object('tenant', 't1', 'name', 'i-' || n,
				'state', CASE WHEN n IN (700, 2900) THEN 'reserved' ELSE 'placed' END, 'vcpus', 1,
				'pool', CASE WHEN n <= 20 THEN 'gold' ELSE '' END)
			FROM generate_series(1, 3000) n`,
		`ANALYZE novacron.version`, `ANALYZE novacron.placement`)
}

// A narrow question reads the rows that it is about, however many others there are. In a database that was not
// migrated yet, it has the same answer.
func TestNarrowQuestionsReadFewRows(t *testing.T) {
	d := newDatabase(t)
	d.library(t)
	var some []string
	for n := 5; n < 3000; n += 600 {
		some = append(some, fmt.Sprintf("t1/a@%d.0.0", n))
	}
	questions := map[string]struct {
		tenant, table string
		ask           func(s *Store) []string
		requests      int
		rows          int // at most
	}{
		"what is coming": {"t1", "version", func(s *Store) []string {
			return keysOf(must.Value(catalog.Coming(t.Context(), s.Versions(), "t1/")))
		}, 1, 2},
		"what is unsettled": {"t1", "placement", func(s *Store) []string {
			return keysOf(must.Value(catalog.Unsettled(t.Context(), s.Placements(), "t1/")))
		}, 1, 2},
		"some versions": {"t1", "version", func(s *Store) []string {
			return keysOf(must.Value(catalog.Among(t.Context(), s.Versions(), "t1/", some)))
		}, 1, len(some)},
		"what is in a pool": {"", "placement", func(s *Store) []string {
			use := must.Value(catalog.UseOf(t.Context(), s.Placements(), "gold", 5))
			return append(use.First, fmt.Sprint(use.Tenants))
		}, 2, 25},
	}
	answers := map[string][]string{}
	for what, q := range questions {
		requests, rows := d.reads(t, q.tenant, q.table, func(s *Store) { answers[what] = q.ask(s) })
		t.Logf("%s: %d requests read %d rows", what, requests, rows)
		if requests != q.requests || rows > q.rows {
			t.Errorf("%s: %d requests read %d rows, want %d and %d", what, requests, rows, q.requests, q.rows)
		}
	}
	pgtest.Exec(t, d.dsn(pgtest.Superuser), `DROP INDEX novacron.version_coming, novacron.placement_unsettled,
		novacron.placement_pool`)
	for what, q := range questions {
		var got []string
		_, rows := d.reads(t, q.tenant, q.table, func(s *Store) { got = q.ask(s) })
		t.Logf("%s: without an index, %d rows", what, rows)
		if !slices.Equal(got, answers[what]) {
			t.Errorf("%s: without an index %q, with it %q", what, got, answers[what])
		}
	}
}

// A tenant's library is counted by the server, which returns one row.
func TestTotalsAreOneRequest(t *testing.T) {
	d := newDatabase(t)
	d.library(t)
	var got catalog.Totals
	requests, _ := d.reads(t, "t1", "version", func(s *Store) {
		got = must.Value(catalog.TotalsOf(t.Context(), s, "t1"))
	})
	if want := (catalog.Totals{Versions: 2998, Images: 100, ImageBytes: 700}); requests != 1 || got != want {
		t.Errorf("%d requests say %+v, want 1 and %+v", requests, got, want)
	}
}

// A listing is read in pages.
func TestListingsArePaged(t *testing.T) {
	d := newDatabase(t)
	d.library(t)
	for prefix, want := range map[string]struct{ requests, found int }{
		"t1/": {3000/page + 1, 3000}, "t1/a@70": {1, 11}, "t1/b@": {1, 0},
	} {
		found := 0
		requests, _ := d.reads(t, "t1", "version", func(s *Store) {
			found = len(must.Value(s.Versions().List(t.Context(), prefix)))
		})
		if requests != want.requests || found != want.found {
			t.Errorf("%q: %d requests found %d versions, want %+v", prefix, requests, found, want)
		}
	}
}

func keysOf[T any](records []catalog.Record[T]) (keys []string) {
	for _, rec := range records {
		keys = append(keys, rec.Key)
	}
	return keys
}
