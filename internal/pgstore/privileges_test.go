package pgstore

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
)

// A database may grant default rights on everything that is created in it. TRUNCATE, triggers and
// foreign keys bypass policies, so such grants must not reach the catalog: neither grants to
// everyone, nor to the role, nor to a group of the role.
func TestDefaultPrivilegesDoNotReachTheCatalog(t *testing.T) {
	dsn := pgtest.Database(t)
	role, group := pgtest.Role("nova_t1"), pgtest.Role("apps")
	pgtest.Exec(t, dsn(pgtest.Superuser), `CREATE ROLE `+role+` LOGIN`, `CREATE ROLE `+group,
		`ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, `+role,
		`ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC, `+role,
		`ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO PUBLIC, `+role)
	must.Value(Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"t1": role}))
	psql := pgtest.Connect(t, dsn(role))
	defer psql.Close(t.Context())
	for _, statement := range []string{
		`TRUNCATE novacron.template`, `TRUNCATE novacron.version`, `TRUNCATE novacron.request`,
		`TRUNCATE novacron.tenant`, `TRUNCATE novacron.catalogue`,
		`TRUNCATE novacron.placement`, `TRUNCATE novacron.quota`, `TRUNCATE novacron.resource_pool`,
		`UPDATE novacron.quota SET document = '{}'`, `DELETE FROM novacron.quota`,
		`INSERT INTO novacron.quota (tenant, revision, document) VALUES ('t1', 'mine', '{"name": "mine"}')`,
		`SELECT * FROM novacron.resource_pool`, `DELETE FROM novacron.resource_pool`,
		`DELETE FROM novacron.host`, `TRUNCATE novacron.host`,
		`INSERT INTO novacron.host (document) VALUES ('{"name": "kvm1", "state": "lost"}')`,
		`UPDATE novacron.catalogue SET schema_version = 99`, `DELETE FROM novacron.catalogue`,
		`INSERT INTO novacron.tenant VALUES ('t9', current_user)`,
		`DELETE FROM novacron.tenant`, `CREATE TABLE novacron.mine ()`,
		`CREATE FUNCTION pg_temp.take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
			CREATE TRIGGER take BEFORE INSERT ON novacron.template FOR EACH ROW EXECUTE FUNCTION pg_temp.take()`,
	} {
		if _, err := psql.Exec(
			t.Context(), statement, pgx.QueryExecModeSimpleProtocol,
		); sqlState(err) != insufficientPrivilege {
			t.Errorf("%s: %v", statement, err)
		}
	}
	s := must.Value(New(Options{DSN: dsn(role), Tenant: "t1", Bases: noBases{}}))
	defer s.Close()
	must.Value(s.Templates().Create(t.Context(), "t1/a", template("t1", "a")))
	before := dump(t, dsn(pgtest.Superuser))
	must.Value(Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"t1": role}))
	if after := dump(t, dsn(pgtest.Superuser)); after != before {
		t.Errorf("another init changed\n%s\nto\n%s", before, after)
	}

	pgtest.Exec(t, dsn(pgtest.Superuser), `GRANT `+group+` TO `+role)
	for _, right := range []string{
		`TRUNCATE ON novacron.template`, `TRUNCATE ON novacron.placement`, `UPDATE (document) ON novacron.quota`,
		`DELETE ON novacron.quota`, `INSERT ON novacron.resource_pool`, `UPDATE ON novacron.host`,
	} {
		pgtest.Exec(t, dsn(pgtest.Superuser), `GRANT `+right+` TO `+group)
		_, err := Init(t.Context(), dsn(pgtest.Superuser), nil)
		refused(t, "a role in a group with "+right, err, role)
		pgtest.Exec(t, dsn(pgtest.Superuser), `REVOKE `+right+` FROM `+group)
	}
	must.Value(Init(t.Context(), dsn(pgtest.Superuser), nil))
}
