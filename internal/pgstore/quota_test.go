package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// withQuota creates the pool gold, in which t1 has that many vCPUs, and t2 has five.
func (d database) withQuota(t testing.TB, vcpus int64) {
	t.Helper()
	five := int64(5)
	must.Value(d.store(t, "").ResourcePools().Create(t.Context(), "gold", catalog.ResourcePool{
		Name: "gold", Hosts: []string{"kvm1"},
		Tenants: map[string]catalog.Quota{"t1": {VCPUs: &vcpus}, "t2": {VCPUs: &five}},
	}))
}

// insert is the statement that places an instance by hand.
func insert(tenant, name string, vcpus int) string {
	return `INSERT INTO novacron.placement (document) VALUES (` + placed(tenant, name, vcpus) + `)`
}

func placed(tenant, name string, vcpus int) string {
	return fmt.Sprintf(`'{"tenant": "%s", "name": "%s", "host": "kvm1", "pool": "gold", "vcpus": %d}'`, tenant, name,
		vcpus)
}

// number asks for one number.
func number(t testing.TB, conn *pgx.Conn, query string) (n int64) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestATenantSeesItsOwnQuotasAndPlacementsAlone(t *testing.T) {
	d := newDatabase(t)
	d.withQuota(t, 10)
	t1, t2 := d.psql(t, "t1"), d.psql(t, "t2")
	must.Value(t1.Exec(t.Context(), insert("t1", "web", 3)))
	if n := number(t, t2, `SELECT count(*) FROM novacron.placement`); n != 0 {
		t.Errorf("t2 sees %d placements", n)
	}
	var tenants string
	if err := t2.QueryRow(t.Context(), `SELECT string_agg(document ->> 'tenants', ';') FROM novacron.quota`).Scan(
		&tenants,
	); err != nil || tenants != `{"t2": {"vcpus": 5}}` {
		t.Errorf("of the quotas, t2 sees %s, %v", tenants, err)
	}
	// Statements that find no row to change.
	for _, statement := range []string{
		`UPDATE novacron.placement SET revision = 'mine'`, `DELETE FROM novacron.placement`,
		`UPDATE novacron.quota SET turn = true WHERE tenant = 't1'`,
	} {
		if done, err := t2.Exec(t.Context(), statement); err != nil || done.RowsAffected() != 0 {
			t.Errorf("%s: %d rows, %v", statement, done.RowsAffected(), err)
		}
	}
	for _, statement := range []string{
		insert("t1", "new", 1), insert("t1", "web", 1),
		`SELECT * FROM novacron.resource_pool`,
		`INSERT INTO novacron.resource_pool (document) VALUES ('{"name": "mine", "tenants": {"t2": {}}}')`,
		`UPDATE novacron.resource_pool SET document = '{"name": "gold", "tenants": {"t2": {}}}'`,
		`DELETE FROM novacron.resource_pool`,
		`INSERT INTO novacron.quota (tenant, revision, document) VALUES ('t2', 'mine', '{"name": "mine"}')`,
		`UPDATE novacron.quota SET document = document - 'tenants'`, `UPDATE novacron.quota SET tenant = 't1'`,
		`DELETE FROM novacron.quota`, `TRUNCATE novacron.quota`, `TRUNCATE novacron.placement`,
		`ALTER TABLE novacron.placement DISABLE TRIGGER admit`, `SET session_replication_role = replica`,
		`CREATE OR REPLACE FUNCTION novacron.admit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`,
	} {
		_, err := t2.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
		if sqlState(err) != insufficientPrivilege {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestNoStatementExceedsAQuota(t *testing.T) {
	d := newDatabase(t)
	d.withQuota(t, 10)
	psql := d.psql(t, "t1")
	must.Value(psql.Exec(t.Context(), insert("t1", "web", 6)))
	must.Value(psql.Exec(t.Context(), `UPDATE novacron.quota SET turn = true`)) // which is its own, and changes nothing
	const values = `INSERT INTO novacron.placement (document) VALUES `
	for want, statements := range map[string][]string{
		overQuota: {
			insert("t1", "large", 5),
			values + `(` + placed("t1", "a", 2) + `), (` + placed("t1", "b", 3) + `)`,
			`INSERT INTO novacron.placement (document) SELECT jsonb_set(` + placed("t1", "n", 1) + `, '{name}',
				to_jsonb('n' || n)) FROM generate_series(1, 5) n`,
			`UPDATE novacron.placement SET document = ` + placed("t1", "web", 11),
			insert("t1", "web", 1) + ` ON CONFLICT (key) DO UPDATE SET document = ` + placed("t1", "web", 11),
			`BEGIN; SAVEPOINT s; ` + insert("t1", "a", 4) + `; RELEASE s; ` + insert("t1", "b", 1) + `; COMMIT`,
			`BEGIN ISOLATION LEVEL REPEATABLE READ; ` + insert("t1", "a", 5) + `; COMMIT`,
			`PREPARE p AS ` + insert("t1", "a", 5) + `; EXECUTE p`,
			`DO $$ BEGIN ` + insert("t1", "a", 5) + `; END $$`,
		},
		noQuota: {
			values + `('{"tenant": "t1", "name": "a", "pool": "gold ", "vcpus": 1}')`,
			values + `('{"tenant": "t1", "name": "a", "pool": ["gold"], "vcpus": 1}')`,
		},
		checkViolation: {
			insert("t1", "less", -1),
			values + `('{"tenant": "t1", "name": "a", "pool": "gold", "VCPUS": 5}')`,
			values + `('{"tenant": "t1", "name": "../a", "pool": "gold", "vcpus": 1}')`,
			`UPDATE novacron.placement SET document = document || '{"vcpus": -100}'`,
		},
		insufficientPrivilege: {
			`SET LOCAL row_security = off; ` + insert("t1", "a", 1),
			values + `('{"tenant": "t2", "name": "a", "pool": "gold", "vcpus": 1}')`,
			`UPDATE novacron.placement SET document = document || '{"tenant": "t2"}'`,
			`ALTER TABLE novacron.placement DROP CONSTRAINT placement_vcpus_check`,
		},
		"22P02": {values + `('{"tenant": "t1", "name": "a", "pool": "gold", "vcpus": 1.5}')`}, // no integer
		"428C9": {`INSERT INTO novacron.placement (document, vcpus) VALUES ('{}', 0)`},        // a generated column
	} {
		for _, statement := range statements {
			_, err := psql.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
			if sqlState(err) != want {
				t.Errorf("%s: %v, want %s", statement, err, want)
			}
			_, _ = psql.Exec(t.Context(), `ROLLBACK`)
		}
	}
	if n := number(t, psql, `SELECT sum(vcpus)::bigint FROM novacron.placement`); n != 6 {
		t.Errorf("%d vCPUs are taken", n)
	}
	// what the same statement frees may be taken
	must.Value(psql.Exec(t.Context(),
		`WITH gone AS (DELETE FROM novacron.placement RETURNING 1) `+insert("t1", "b", 10)))
}

// Clients of one tenant insert at the same time, in transactions of all kinds, while their connections
// break: together they take exactly the quota, and leave no lock.
func TestClientsThatDieTakeExactlyTheQuota(t *testing.T) {
	const clients, each, limit = 16, 40, 100
	d := newDatabase(t)
	d.withQuota(t, limit)
	admin := pgtest.Connect(t, d.dsn(pgtest.Superuser))
	defer admin.Close(context.WithoutCancel(t.Context()))
	levels := []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}
	progress := make(chan bool, clients*each)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			for k := range each {
				statement := insert("t1", fmt.Sprintf("i-%d-%d", i, k), 1)
				if err := d.place(t.Context(), levels[i%len(levels)], statement); err != nil {
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
				WHERE usename = '`+d.roles["t1"]+`' ORDER BY random() LIMIT 4) AS chosen`)
		}
	}
	group.Wait()
	if n := number(t, admin, `SELECT count(*) FROM novacron.placement`); n != limit {
		t.Errorf("%d of %d vCPUs are taken", n, limit)
	}
	if ended == 0 {
		t.Error("no connection has ended")
	}
	for deadline := time.Now().Add(time.Minute); ; {
		left := number(t, admin, `SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND (locktype = 'advisory'
			OR relation IN ('novacron.placement'::regclass, 'novacron.quota'::regclass))`)
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d locks are left", left)
		}
	}
	t.Logf("%d connections were ended", ended)
}

// place runs a statement in a transaction that has seen the placements before, until the server says
// whether it is admitted. If the connection is lost, so is the statement.
func (d database) place(ctx context.Context, level, statement string) error {
	for {
		err := d.placeOnce(ctx, level, statement)
		switch {
		case clashed(err):
			continue
		case sqlState(err) == overQuota, err != nil && lost(err):
			return nil
		}
		return err
	}
}

func (d database) placeOnce(ctx context.Context, level, statement string) error {
	conn, err := pgx.Connect(ctx, d.dsn(d.roles["t1"]))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, each := range []string{
		`BEGIN ISOLATION LEVEL ` + level, `SELECT count(*) FROM novacron.placement`, statement, `COMMIT`,
	} {
		if _, err := conn.Exec(ctx, each); err != nil {
			return err
		}
	}
	return nil
}

// A tenant that holds a transaction open delays its own placements, and no other tenant's.
func TestATenantHoldsUpItselfAlone(t *testing.T) {
	d := newDatabase(t)
	d.withQuota(t, 10)
	tx := must.Value(d.psql(t, "t1").Begin(t.Context()))
	must.Value(tx.Exec(t.Context(), insert("t1", "a", 1)))
	must.Value(tx.Exec(t.Context(), `UPDATE novacron.quota SET turn = true`))
	for tenant, want := range map[string]string{"t1": lockNotAvailable, "t2": ""} {
		psql := d.psql(t, tenant)
		must.Value(psql.Exec(t.Context(), `SET lock_timeout = '100ms'`))
		if _, err := psql.Exec(t.Context(), insert(tenant, "b", 1)); sqlState(err) != want {
			t.Errorf("%s: %v, want %q", tenant, err, want)
		}
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	must.Value(d.psql(t, "t1").Exec(t.Context(), insert("t1", "b", 10)))
}

// A quota that the administrator changes by hand counts from then on, and one that cannot be read is
// refused.
func TestQuotasFollowTheirPool(t *testing.T) {
	d := newDatabase(t)
	d.withQuota(t, 10)
	admin, t1 := d.dsn(pgtest.Superuser), d.psql(t, "t1")
	pgtest.Exec(t, admin, `UPDATE novacron.resource_pool SET document = jsonb_set(document, '{tenants,t1,vcpus}', '2')`)
	if _, err := t1.Exec(t.Context(), insert("t1", "a", 3)); sqlState(err) != overQuota {
		t.Errorf("after the quota was reduced: %v", err)
	}
	must.Value(t1.Exec(t.Context(), insert("t1", "a", 2)))
	pgtest.Exec(t, admin,
		`UPDATE novacron.resource_pool SET document = document || '{"name": "silver", "tenants": {"t1": {}}}'`)
	if n := number(t, t1, `SELECT count(*) FROM novacron.quota WHERE key = 'silver' AND vcpus IS NULL`); n != 1 {
		t.Error("the quota has not followed the pool's new name")
	}
	if n := number(t, d.psql(t, "t2"), `SELECT count(*) FROM novacron.quota`); n != 0 {
		t.Error("the tenant that the pool does not name any more still sees it")
	}
	conn := pgtest.Connect(t, admin)
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, tenants := range []string{
		`{"t1": {"vcpus": "many"}}`, `{"t1": {"VCPUs": 1}}`, `{"T1": {}}`, `["t1"]`, `{"t1": 5}`,
	} {
		_, err := conn.Exec(t.Context(),
			`UPDATE novacron.resource_pool SET document = document || '{"tenants": `+tenants+`}'`)
		if sqlState(err) == "" {
			t.Errorf("%s: %v", tenants, err)
		}
	}
	pgtest.Exec(t, admin, `DELETE FROM novacron.resource_pool`)
	if n := number(t, t1, `SELECT count(*) FROM novacron.quota`); n != 0 {
		t.Error("the quota is there without its pool")
	}
}

// A request whose connection broke is made again, and its outcome is known, also if it was the one that
// used up the quota.
func TestAPlacementThatWasMadeIsNotRefused(t *testing.T) {
	d := newDatabase(t)
	d.withQuota(t, 1)
	s := d.store(t, "t1")
	c := collection[catalog.Placement]{s, "placement", catalog.Placement.Key}
	p := catalog.Placement{Tenant: "t1", Name: "a", Pool: "gold", VCPUs: 1}
	rec, document, err := c.encode(p.Key(), p)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(again bool) error {
		return s.change(t.Context(), func(ctx context.Context, db db, _ bool) error {
			return c.insert(ctx, db, rec, document, again)
		})
	}
	if err := ask(false); err != nil {
		t.Fatal(err)
	}
	if err := ask(true); err != nil {
		t.Errorf("made again: %v", err)
	}
	if err := ask(false); !errors.Is(err, catalog.ErrExists) {
		t.Errorf("made by another process: %v", err)
	}
}
