package pgstore

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// By hand, too, a tenant reads what the administrator says of hosts, and changes none of it.
func TestATenantReadsHostsAndWritesNone(t *testing.T) {
	d := newDatabase(t)
	must.Value(d.store(t, "").Hosts().Create(t.Context(), "kvm1", catalog.Host{
		Name: "kvm1", State: catalog.HostLost, Description: "burnt",
	}))
	psql := d.psql(t, "t1")
	var document string
	if err := psql.QueryRow(t.Context(), `SELECT document::text FROM novacron.host`).Scan(&document); err != nil ||
		document != `{"name": "kvm1", "state": "lost", "description": "burnt"}` {
		t.Errorf("t1 reads %s, %v", document, err)
	}
	before := d.everything(t)
	for _, statement := range []string{
		`INSERT INTO novacron.host (document) VALUES ('{"name": "kvm2", "state": "lost"}')`,
		`INSERT INTO novacron.host (document) VALUES ('{"name": "kvm1"}') ON CONFLICT (key) DO NOTHING`,
		`UPDATE novacron.host SET document = '{"name": "kvm1"}'`, `UPDATE novacron.host SET revision = 'mine'`,
		`DELETE FROM novacron.host`, `TRUNCATE novacron.host`, `SELECT * FROM novacron.host FOR UPDATE`,
		`ALTER TABLE novacron.host DISABLE ROW LEVEL SECURITY`, `DROP POLICY tenants ON novacron.host`,
		`CREATE POLICY mine ON novacron.host USING (true)`,
	} {
		_, err := psql.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
		if sqlState(err) != insufficientPrivilege {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if after := d.everything(t); after != before {
		t.Errorf("a tenant changed\n%s\nto\n%s", before, after)
	}

	// A role that is no tenant's sees nothing, even with the right to read the table.
	role := pgtest.Role("nobody")
	pgtest.Exec(t, d.dsn(pgtest.Superuser), `CREATE ROLE `+role+` LOGIN`, `GRANT USAGE ON SCHEMA novacron TO `+role,
		`GRANT SELECT ON novacron.host, novacron.tenant TO `+role,
		`GRANT EXECUTE ON FUNCTION novacron.current_tenant() TO `+role)
	nobody := pgtest.Connect(t, d.dsn(role))
	defer nobody.Close(t.Context())
	if n := number(t, nobody, `SELECT count(*) FROM novacron.host`); n != 0 {
		t.Errorf("a role without a tenant sees %d hosts", n)
	}
}

// What is written by hand has a name and a known state.
func TestTheDatabaseRefusesBadHosts(t *testing.T) {
	d := newDatabase(t)
	psql := pgtest.Connect(t, d.dsn(pgtest.Superuser))
	defer psql.Close(t.Context())
	for document, want := range map[string]string{
		`{"name": "kvm1", "state": "off"}`:     checkViolation,
		`{"name": "kvm1", "State": "lost"}`:    checkViolation,
		`{"name": "kvm 1", "state": "lost"}`:   checkViolation,
		`{"name": "../kvm1", "state": "lost"}`: checkViolation,
		`["kvm1"]`:                             notNullViolation,
		`{"state": "lost"}`:                    notNullViolation,
	} {
		_, err := psql.Exec(t.Context(), `INSERT INTO novacron.host (document) VALUES ($1::jsonb)`, document)
		if sqlState(err) != want {
			t.Errorf("%s: %v", document, err)
		}
	}
	large := catalog.Host{Name: "kvm1", Description: strings.Repeat("x", 64<<10)}
	_, err := d.store(t, "").Hosts().Create(t.Context(), "kvm1", large)
	if err == nil || !strings.Contains(err.Error(), "at most 64 KiB") {
		t.Errorf("a large document: %v", err)
	}
}

const notNullViolation = "23502"
