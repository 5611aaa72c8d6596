package pgstore

import (
	"fmt"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// BenchmarkLibrary measures what a plan asks of a library of 50 tenants. The benchmark's name says
// how many templates there are; each has 100 versions, and a third of the templates are shared in
// one way or another.
func BenchmarkLibrary(b *testing.B) {
	for _, templates := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("templates=%d", templates), func(b *testing.B) {
			d := newDatabase(b)
			d.fill(b, templates)
			s := d.store(b, "t1")
			own := catalog.TemplateID{Tenant: "t1", Name: "template-0"}
			foreign := catalog.TemplateID{Tenant: "x2", Name: "template-2"}
			for name, ask := range map[string]func() (int, error){
				"get": func() (int, error) { return found(s.Templates().Get(b.Context(), own.String())) },
				"history": func() (int, error) {
					return count(s.Versions().List(b.Context(), own.String()+"@"))
				},
				"foreign history": func() (int, error) {
					return count(s.Versions().List(b.Context(), foreign.String()+"@"))
				},
				"search own": func() (int, error) { return count(s.Templates().List(b.Context(), "t1/")) },
				"search all": func() (int, error) { return count(s.Templates().List(b.Context(), "")) },
			} {
				b.Run(name, func(b *testing.B) {
					rows := 0
					for b.Loop() {
						n, err := ask()
						if err != nil || n == 0 {
							b.Fatal(n, err)
						}
						rows = n
					}
					b.ReportMetric(float64(rows), "rows")
				})
			}
		})
	}
}

func found[T any](_ catalog.Record[T], err error) (int, error) { return 1, err }

func count[T any](records []catalog.Record[T], err error) (int, error) { return len(records), err }

// fill creates templates of about the size of real ones, for the tenants t1 and x1 to x49 in turn.
func (d database) fill(b *testing.B, templates int) {
	b.Helper()
	const document = `jsonb_build_object(
		'type', 'vm', 'labels', '{"os": "linux"}'::jsonb, 'is_public', n % 6 = 2,
		'access_control', jsonb_build_object('use_tenants', CASE WHEN n % 6 = 5 THEN '["t1"]' ELSE '[]' END::jsonb),
		'spec', jsonb_build_object('cloud_init', jsonb_build_object('user_data',
			(SELECT string_agg(md5((n * 100 + i)::text), ' ') FROM generate_series(1, 60) i))))`
	const id = `jsonb_build_object(
		'tenant', CASE n %% 50 WHEN 0 THEN 't1' ELSE 'x' || n %% 50 END, 'name', 'template-' || n)`
	pgtest.Exec(b, d.dsn(pgtest.Superuser),
		fmt.Sprintf(`INSERT INTO novacron.template (document)
			SELECT %s || jsonb_build_object('id', `+id+`) FROM generate_series(0, %d) n`, document, templates-1),
		fmt.Sprintf(`INSERT INTO novacron.version (document)
			SELECT jsonb_build_object('digest', md5(n::text), 'spec', %s,
				'id', jsonb_build_object('version', v || '.0.0', 'template', `+id+`))
			FROM generate_series(0, %d) n, generate_series(1, 100) v`, document, templates-1),
		`ANALYZE novacron.template`, `ANALYZE novacron.version`)
	if keys := must.Value(d.store(b, "").Versions().List(b.Context(), "t1/template-0@")); len(keys) != 100 ||
		!slices.ContainsFunc(keys,
			func(r catalog.Record[catalog.Version]) bool { return r.Value.ID.Version == "7.0.0" }) {
		b.Fatalf("%d versions", len(keys))
	}
}
