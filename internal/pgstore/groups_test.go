package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// grouped is the document of a placement of the strict group web that claims a host.
func grouped(tenant, name, host string) string {
	return fmt.Sprintf(`'{"tenant": "%s", "name": "%s", "group": "web", "apart": "host", "strict": true,
		"value": "%s"}'`, tenant, name, host)
}

const insertPlacement = `INSERT INTO novacron.placement (document) VALUES `

// groupedRow is the statement that places an instance of the strict group web by hand.
func groupedRow(tenant, name, host string) string {
	return insertPlacement + `(` + grouped(tenant, name, host) + `)`
}

func TestNoStatementSharesAValueOfAStrictGroup(t *testing.T) {
	d := newDatabase(t)
	psql, t2 := d.psql(t, "t1"), d.psql(t, "t2")
	must.Value(psql.Exec(t.Context(), groupedRow("t1", "a", "kvm1")))
	must.Value(psql.Exec(t.Context(), groupedRow("t1", "b", "kvm2")))
	must.Value(t2.Exec(t.Context(), groupedRow("t2", "a", "kvm1")))
	// The turn is its own, and changes nothing.
	must.Value(psql.Exec(t.Context(), `UPDATE novacron.group_turn SET turn = true`))
	const change = `UPDATE novacron.placement SET document = document || `
	for want, statements := range map[string][]string{
		exclusionViolation: {
			groupedRow("t1", "c", "kvm1"),
			insertPlacement + `(` + grouped("t1", "c", "kvm3") + `), (` + grouped("t1", "d", "kvm3") + `)`,
			groupedRow("t1", "a", "kvm3") + ` ON CONFLICT (key) DO UPDATE SET document = ` + grouped("t1", "a", "kvm2"),
			change + `'{"value": "kvm3"}'`,
			change + `'{"to_value": "kvm3"}'`,
			change + `'{"to_value": "kvm2"}' WHERE key = 't1/a'`,
			`BEGIN; SAVEPOINT s; ` + groupedRow("t1", "c", "kvm3") + `; RELEASE s; ` + groupedRow("t1", "d", "kvm3") +
				`; COMMIT`,
			`BEGIN ISOLATION LEVEL REPEATABLE READ; ` + groupedRow("t1", "c", "kvm2") + `; COMMIT`,
			`BEGIN ISOLATION LEVEL SERIALIZABLE; ` + groupedRow("t1", "c", "kvm2") + `; COMMIT`,
			`PREPARE p AS ` + groupedRow("t1", "c", "kvm2") + `; EXECUTE p`,
			`DO $$ BEGIN ` + groupedRow("t1", "c", "kvm2") + `; END $$`,
		},
		checkViolation: {
			insertPlacement + `('{"tenant": "t1", "name": "c", "group": "web", "STRICT": true}')`,
			insertPlacement + `('{"tenant": "t1", "name": "c", "group": "web/x", "apart": "host"}')`,
			insertPlacement + `('{"tenant": "t1", "name": "c", "group": "web", "strict": true, "value": "kvm1"}')`,
			insertPlacement + `('{"tenant": "t1", "name": "c", "group": "web", "apart": "` + strings.Repeat("x", 300) +
				`"}')`,
			groupedRow("t1", "c", strings.Repeat("x", 300)),
		},
		insufficientPrivilege: {
			groupedRow("t2", "c", "kvm3"),
			change + `'{"tenant": "t2"}' WHERE key = 't1/a'`,
			`ALTER TABLE novacron.placement DROP CONSTRAINT groups_apart`,
			`ALTER TABLE novacron.placement DISABLE TRIGGER take_turn`,
			`INSERT INTO novacron.group_turn (tenant) VALUES ('t2')`,
			`INSERT INTO novacron.group_turn (tenant) VALUES ('t2') ON CONFLICT (tenant) DO UPDATE SET turn = true`,
			`UPDATE novacron.group_turn SET tenant = 't2'`, `DELETE FROM novacron.group_turn`,
			`CREATE OR REPLACE FUNCTION novacron.claim(document jsonb, field text) RETURNS novacron.claim_set
				LANGUAGE sql IMMUTABLE RETURN '{}'::novacron.claim_set`,
		},
		"428C9": {`INSERT INTO novacron.placement (document, claims) VALUES ('{}', '{}')`}, // a generated column
	} {
		for _, statement := range statements {
			_, err := psql.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
			if sqlState(err) != want {
				t.Errorf("%s: %v, want %s", statement, err, want)
			}
			_, _ = psql.Exec(t.Context(), `ROLLBACK`)
		}
	}
	if n := number(t, psql, `SELECT count(*) FROM novacron.placement WHERE document ->> 'value' IN ('kvm1', 'kvm2')
		AND document ->> 'to_value' IS NULL`); n != 2 {
		t.Errorf("%d placements are as they were", n)
	}
	// Both values of a move count until it is over.
	for _, done := range []struct{ statement, want string }{
		{change + `'{"to_value": "kvm4"}' WHERE key = 't1/a'`, ""},
		{groupedRow("t1", "c", "kvm1"), exclusionViolation},
		{groupedRow("t1", "c", "kvm4"), exclusionViolation},
		{change + `'{"value": "kvm4", "to_value": ""}' WHERE key = 't1/a'`, ""},
		{groupedRow("t1", "c", "kvm4"), exclusionViolation},
		{groupedRow("t1", "c", "kvm1"), ""},
		// what the same statement frees may be claimed by the next
		{`DELETE FROM novacron.placement WHERE key = 't1/c'`, ""},
		{groupedRow("t1", "d", "kvm1"), ""},
	} {
		if _, err := psql.Exec(t.Context(), done.statement); sqlState(err) != done.want {
			t.Errorf("%s: %v, want %q", done.statement, err, done.want)
		}
	}
}

// Clients of one tenant place instances of a strict group at the same time, in transactions of all kinds,
// while their connections break: each host gets one, and no lock is left.
func TestClientsThatDieNeverShareAValue(t *testing.T) {
	const clients, each, hosts = 16, 30, 25
	d := newDatabase(t)
	admin := pgtest.Connect(t, d.dsn(pgtest.Superuser))
	defer admin.Close(context.WithoutCancel(t.Context()))
	levels := []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}
	progress := make(chan bool, clients*each)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			for k := range each {
				statement := groupedRow("t1", fmt.Sprintf("i-%d-%d", i, k), fmt.Sprintf("kvm%d", (i+k)%hosts))
				err := d.place(t.Context(), levels[i%len(levels)], statement)
				if err != nil && sqlState(err) != exclusionViolation {
					t.Errorf("client %d: %v", i, err)
				}
				progress <- true
			}
		})
	}
	ended := int64(0)
	for done := range clients * each {
		<-progress
		if done%10 == 0 {
			ended += number(t, admin, `SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
				WHERE usename = '`+d.roles["t1"]+`' ORDER BY random() LIMIT 3) AS chosen`)
		}
	}
	group.Wait()
	all := number(t, admin, `SELECT count(*) FROM novacron.placement`)
	values := number(t, admin, `SELECT count(DISTINCT document ->> 'value') FROM novacron.placement`)
	if all != hosts || values != hosts {
		t.Errorf("%d instances are on %d of %d hosts", all, values, hosts)
	}
	if ended == 0 {
		t.Error("no connection has ended")
	}
	d.unlocked(t, admin)
	t.Logf("%d connections were ended", ended)
}

// unlocked waits until no lock on placements is left.
func (d database) unlocked(t *testing.T, admin *pgx.Conn) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		left := number(t, admin, `SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND (locktype = 'advisory'
			OR relation IN ('novacron.placement'::regclass, 'novacron.quota'::regclass,
				'novacron.group_turn'::regclass))`)
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d locks are left", left)
		}
	}
}

// Writes that claim the same at once do not wait for PostgreSQL to find a deadlock, and a tenant that holds
// its turn delays itself alone.
func TestClaimsTakeTurns(t *testing.T) {
	d := newDatabase(t)
	tx := must.Value(d.psql(t, "t1").Begin(t.Context()))
	must.Value(tx.Exec(t.Context(), groupedRow("t1", "a", "kvm1")))
	for tenant, want := range map[string]string{"t1": lockNotAvailable, "t2": ""} {
		psql := d.psql(t, tenant)
		must.Value(psql.Exec(t.Context(), `SET lock_timeout = '100ms'`))
		if _, err := psql.Exec(t.Context(), groupedRow(tenant, "b", "kvm1")); sqlState(err) != want {
			t.Errorf("%s: %v, want %q", tenant, err, want)
		}
		// what claims nothing waits for nobody
		free := insertPlacement + `('{"tenant": "` + tenant + `", "name": "free"}')`
		if _, err := psql.Exec(t.Context(), free); err != nil {
			t.Errorf("%s: %v", tenant, err)
		}
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	must.Value(d.psql(t, "t1").Exec(t.Context(), groupedRow("t1", "b", "kvm1")))
}

// A database that does not keep groups apart yet has no strict group, until it is migrated.
func TestAnEarlierSchemaHasNoStrictGroups(t *testing.T) {
	d := earlier(t, withPlacements)
	c := d.store(t, "t1").Placements()
	p := catalog.Placement{Tenant: "t1", Name: "a", Group: "web", Apart: catalog.ApartByHost, Host: "kvm1"}
	rec := must.Value(c.Create(t.Context(), p.Key(), p))
	p.Strict, p.Value = true, "kvm1"
	q := p
	q.Name = "b"
	needsMigration(t, "creating", second(c.Create(t.Context(), q.Key(), q)), withPlacements)
	needsMigration(t, "changing", second(c.Replace(t.Context(), rec.Key, rec.Revision, p)), withPlacements)
	must.Value(Init(t.Context(), d.dsn(pgtest.Superuser), nil))
	must.Value(c.Replace(t.Context(), rec.Key, rec.Revision, p))
	_, err := c.Create(t.Context(), q.Key(), q)
	if _, clash := errors.AsType[*catalog.GroupError](err); !clash {
		t.Errorf("after the migration: %v", err)
	}
}
