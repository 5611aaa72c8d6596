package pgstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// earlier returns a database with a catalog of the tenant t1, as a provider prepared it that knew
// schemas up to that version.
func earlier(t *testing.T, version int) database {
	t.Helper()
	d := database{pgtest.Database(t), map[string]string{"t1": pgtest.Role("nova_t1")}}
	conn := pgtest.Connect(t, d.dsn(pgtest.Superuser))
	defer conn.Close(t.Context())
	role := d.roles["t1"]
	tables := `novacron.template, novacron.version, novacron.request`
	if version >= withPlacements {
		tables += `, novacron.placement`
	}
	hosts := ""
	if version >= withHosts {
		hosts = `GRANT SELECT ON novacron.host TO ` + role
	}
	for _, text := range append(migrations[:version:version],
		fmt.Sprintf(`UPDATE novacron.catalogue SET schema_version = %d`, version),
		`CREATE ROLE `+role+` LOGIN`, `INSERT INTO novacron.tenant VALUES ('t1', '`+role+`')`,
		`GRANT USAGE ON SCHEMA novacron TO `+role,
		`GRANT EXECUTE ON FUNCTION novacron.current_tenant(), novacron.plain(jsonb) TO `+role,
		`GRANT SELECT ON novacron.catalogue, novacron.tenant TO `+role,
		`GRANT SELECT, DELETE, INSERT (document, revision), UPDATE (document, revision)
			ON `+tables+` TO `+role,
		hosts,
	) {
		if _, err := conn.Exec(t.Context(), text, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return d
}

// A database with an earlier schema keeps its documents, also those that exceed today's limits.
func TestADatabaseOfAnEarlierSchemaIsMigrated(t *testing.T) {
	for version := 1; version < len(migrations); version++ {
		d := earlier(t, version)
		large := template("t1", "large")
		large.Description = strings.Repeat("x", 3<<20)
		if version == 1 { // without a limit
			large.Description += large.Description
		}
		must.Value(d.store(t, "t1").Templates().Create(t.Context(), "t1/large", large))
		// providers may be updated before the administrator migrates
		if found := must.Value(d.store(t, "t1").Templates().List(t.Context(), "")); len(found) != 1 {
			t.Errorf("version %d: before the migration there are %d templates", version, len(found))
		}
		before := d.store(t, "t1")
		place := func(s *Store) error {
			_, err := s.Placements().Create(t.Context(), "t1/a", catalog.Placement{Tenant: "t1", Name: "a"})
			return err
		}
		denied := map[string]error{}
		if version < withHosts {
			denied["reading a host"] = second(before.Hosts().Get(t.Context(), "kvm1"))
		}
		if version < withPlacements {
			denied["placing"] = place(before)
			denied["reading a placement"] = second(before.Placements().Get(t.Context(), "t1/a"))
			denied["listing resource pools"] = second(before.ResourcePools().List(t.Context(), ""))
		}
		if all, err := before.Hosts().List(t.Context(), ""); err != nil || len(all) > 0 { // plans do so
			t.Errorf("version %d, listing hosts before the migration: %v, %v", version, all, err)
		}
		for doing, err := range denied {
			needsMigration(t, fmt.Sprintf("version %d, %s before the migration", version, doing), err, version)
		}
		narrow := before.narrow(t)
		done := must.Value(Init(t.Context(), d.dsn(pgtest.Superuser), nil))
		if again := before.narrow(t); again != narrow {
			t.Errorf("version %d: before the migration %s, and after it %s", version, narrow, again)
		}
		if done.From != version || done.To != len(migrations) {
			t.Errorf("migrated %+v", done)
		}
		rec := must.Value(d.store(t, "t1").Templates().Get(t.Context(), "t1/large"))
		rec.Value.Description = "small"
		must.Value(d.store(t, "t1").Templates().Replace(t.Context(), rec.Key, rec.Revision, rec.Value))
		if err := place(before); err != nil { // also by a process that was there before
			t.Errorf("version %d, placing after the migration: %v", version, err)
		}
	}
}

// narrow is what narrow questions answer that need no table of a later schema.
func (s *Store) narrow(t *testing.T) string {
	t.Helper()
	v := catalog.Version{ID: template("t1", "large").ID.Version("1.0.0"), Claim: &catalog.Claim{Volume: "nova.base.x"}}
	_, err := s.Versions().Create(t.Context(), v.ID.String(), v)
	if err != nil && !errors.Is(err, catalog.ErrExists) {
		t.Fatal(err)
	}
	return fmt.Sprint(must.Value(catalog.TotalsOf(t.Context(), s, "t1")),
		keysOf(must.Value(catalog.Coming(t.Context(), s.Versions(), "t1/"))),
		keysOf(must.Value(catalog.Among(t.Context(), s.Versions(), "t1/", []string{v.ID.String()}))))
}

// needsMigration checks that an error says that an administrator has to migrate a database of a version.
func needsMigration(t *testing.T, doing string, err error, version int) {
	t.Helper()
	if !errors.Is(err, ErrSchema) || errors.Is(err, catalog.ErrNotFound) ||
		!strings.Contains(err.Error(), fmt.Sprintf("version %d", version)) ||
		!strings.Contains(err.Error(), "catalog init") {
		t.Errorf("%s: %v", doing, err)
	}
}

func second[T any](_ T, err error) error { return err }
