package pgstore

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

func TestPreparingAgainChangesNothing(t *testing.T) {
	dsn := pgtest.Database(t)
	admin, role := dsn(pgtest.Superuser), pgtest.Role("nova_t1")
	tenants := map[string]string{"t1": role}
	first, err := Init(t.Context(), admin, tenants)
	if err != nil {
		t.Fatal(err)
	}
	if first.From != 0 || first.To != len(migrations) || !slices.Equal(first.Roles, []string{role}) ||
		!slices.Equal(first.Tenants, []string{"t1"}) {
		t.Errorf("the first time did %+v", first)
	}
	before := dump(t, admin)
	again, err := Init(t.Context(), admin, tenants)
	if err != nil {
		t.Fatal(err)
	}
	if again.From != len(migrations) || again.Roles != nil || again.Tenants != nil {
		t.Errorf("the second time did %+v", again)
	}
	if after := dump(t, admin); after != before {
		t.Errorf("the second time changed\n%s\nto\n%s", before, after)
	}
}

// dump returns everything that defines a catalog: tables, columns, policies, rights, functions and
// members of roles.
func dump(t testing.TB, admin string) string {
	t.Helper()
	conn := pgtest.Connect(t, admin)
	defer conn.Close(t.Context())
	var all string
	err := conn.QueryRow(t.Context(), `SELECT string_agg(line, E'\n' ORDER BY line) FROM (
		SELECT format('%s %s %s %s', c.oid, c.relname, c.relacl, c.relforcerowsecurity) FROM pg_class c
			WHERE relnamespace = 'novacron'::regnamespace
		UNION ALL SELECT format('%s %s %s', attrelid, attname, attacl) FROM pg_attribute a
			JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'novacron'::regnamespace
		UNION ALL SELECT format('%s %s', policyname, qual) FROM pg_policies WHERE schemaname = 'novacron'
		UNION ALL SELECT format('%s %s %s', oid, proname, proacl) FROM pg_proc
			WHERE pronamespace = 'novacron'::regnamespace
		UNION ALL SELECT format('%s %s', nspname, nspacl) FROM pg_namespace WHERE nspname = 'novacron'
		UNION ALL SELECT format('%s %s', name, role) FROM novacron.tenant
		UNION ALL SELECT format('%s %s', id, schema_version) FROM novacron.catalogue) AS x(line)`).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestManyPrepareAtOnce(t *testing.T) {
	dsn := pgtest.Database(t)
	role := pgtest.Role("nova_t1")
	var group sync.WaitGroup
	made := make(chan bool, 8)
	for range cap(made) {
		group.Go(func() {
			done, err := Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"t1": role})
			if err != nil {
				t.Error(err)
			}
			made <- done.From == 0 && len(done.Roles) == 1
		})
	}
	group.Wait()
	close(made)
	count := 0
	for first := range made {
		if first {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d of %d say that they made it", count, cap(made))
	}
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	dsn := pgtest.Database(t)
	_, err := Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"t1": pgtest.Superuser})
	if !errors.Is(err, ErrRole) {
		t.Errorf("a superuser as a tenant: %v", err)
	}
	conn := pgtest.Connect(t, dsn(pgtest.Superuser))
	defer conn.Close(t.Context())
	var there bool
	if err := conn.QueryRow(t.Context(), `SELECT to_regnamespace('novacron') IS NOT NULL`).Scan(&there); err != nil ||
		there {
		t.Errorf("the schema is there: %t, %v", there, err)
	}
}

// A database owner who is not a superuser, but may create roles, is enough; and row-level security
// binds the owner, too.
func TestAnOrdinaryAdministratorIsEnough(t *testing.T) {
	dsn := pgtest.Database(t)
	admin, role := pgtest.Role("admin"), pgtest.Role("nova_t1")
	pgtest.Exec(t, dsn(pgtest.Superuser), "CREATE ROLE "+admin+" LOGIN CREATEROLE",
		"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO "+admin+"', current_database()); END $$",
		"DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$")
	if _, err := Init(t.Context(), dsn(admin), map[string]string{"t1": role}); err != nil {
		t.Fatal(err)
	}
	tenant, err := New(Options{DSN: dsn(role), Tenant: "t1", Bases: noBases{}})
	if err != nil {
		t.Fatal(err)
	}
	defer tenant.Close()
	if _, err := tenant.Templates().Create(t.Context(), "t1/a", template("t1", "a")); err != nil {
		t.Error(err)
	}
	owner, err := New(Options{DSN: dsn(admin), Bases: noBases{}})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if all, err := owner.Templates().List(t.Context(), ""); err != nil || len(all) != 1 {
		t.Errorf("the administrator sees %v, %v", all, err)
	}
	one := int64(1)
	pool := catalog.ResourcePool{Name: "gold", Tenants: map[string]catalog.Quota{"t1": {Instances: &one}}}
	if _, err := owner.ResourcePools().Create(t.Context(), "gold", pool); err != nil {
		t.Error(err)
	}
	first := catalog.Placement{Tenant: "t1", Name: "a", Pool: "gold"}
	if _, err := tenant.Placements().Create(t.Context(), first.Key(), first); err != nil {
		t.Error(err)
	}
	second := catalog.Placement{Tenant: "t1", Name: "b", Pool: "gold"}
	_, err = owner.Placements().Create(t.Context(), second.Key(), second) // quotas bind the administrator, too
	if _, over := errors.AsType[*catalog.QuotaError](err); !over {
		t.Errorf("placing more than the quota: %v", err)
	}
	if _, err := Init(t.Context(), dsn(role), nil); !errors.Is(err, ErrRole) {
		t.Errorf("a tenant prepares: %v", err)
	}
}

func TestTenantsKeepTheirRoles(t *testing.T) {
	d := newDatabase(t)
	for _, tenants := range []map[string]string{
		{"t1": pgtest.Role("other")},
		{"t3": d.roles["t1"]},
		{"t1": d.roles["t2"]},
	} {
		_, err := Init(t.Context(), d.dsn(pgtest.Superuser), tenants)
		if !errors.Is(err, ErrRole) {
			t.Errorf("%v: %v", tenants, err)
		}
	}
	for tenant, role := range map[string]string{"T1": "fine", "t3": "", "t4": strings.Repeat("x", 64), "t5": "a\nb"} {
		if _, err := Init(t.Context(), d.dsn(pgtest.Superuser), map[string]string{tenant: role}); err == nil {
			t.Errorf("%q=%q is taken", tenant, role)
		}
	}
	quotes := `o"; DROP SCHEMA novacron CASCADE; --` + pgtest.Role("")
	if _, err := Init(t.Context(), d.dsn(pgtest.Superuser), map[string]string{"t6": quotes}); err != nil {
		t.Errorf("a role of a strange name: %v", err)
	}
	if _, err := d.store(t, "t1").Templates().List(t.Context(), ""); err != nil {
		t.Error(err)
	}
}
