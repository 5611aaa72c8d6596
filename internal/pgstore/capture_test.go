package pgstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
)

// If every role may create objects in the schema public, as up to PostgreSQL 14, the queries of
// other roles find one tenant's operators and functions unless the queries leave no choice: those
// objects would run with the others' rights.
func TestNobodysObjectsStandInForTheSystems(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	pgtest.Exec(t, d.dsn(pgtest.Superuser), `GRANT CREATE ON SCHEMA public TO PUBLIC`)
	pgtest.Exec(t, d.dsn(d.roles["t2"]), `CREATE TABLE public.loot (who text, what text)`,
		`GRANT ALL ON public.loot TO PUBLIC`,
		`CREATE FUNCTION public.take(jsonb, jsonb) RETURNS jsonb LANGUAGE plpgsql AS
			$$ BEGIN INSERT INTO public.loot VALUES (current_user, $1::text); RETURN $1; END $$`,
		`CREATE OPERATOR public.- (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = public.take)`,
		`CREATE FUNCTION public.lower(jsonb) RETURNS text LANGUAGE sql AS 'SELECT 1::text'`)
	s := d.store(t, "t1")
	must.Value(s.TemplateHeads(t.Context(), ""))
	rec := must.Value(s.Templates().Create(t.Context(), "t1/a", template("t1", "a")))
	rec = must.Value(s.Templates().Replace(t.Context(), rec.Key, rec.Revision, rec.Value))
	if err := s.Templates().Delete(t.Context(), rec.Key, rec.Revision); err != nil {
		t.Error(err)
	}
	must.Value(s.Versions().List(t.Context(), ""))
	must.Value(Init(t.Context(), d.dsn(pgtest.Superuser), d.roles))
	var taken int
	conn := pgtest.Connect(t, d.dsn(pgtest.Superuser))
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM public.loot`).Scan(&taken); err != nil || taken > 0 {
		t.Errorf("t2 has taken %d documents of t1's: %v", taken, err)
	}
}

// A role that can act as another tenant's role, or bypass the policies, is refused as a tenant's
// role.
func TestARoleThatCouldBecomeAnotherIsRefused(t *testing.T) {
	for name, statement := range map[string]string{
		"a member of another tenant's": `GRANT %[1]s TO %[2]s`,
		"one that makes roles":         `ALTER ROLE %[2]s CREATEROLE`,
		"one that reads files":         `GRANT pg_read_server_files TO %[2]s`,
		"one that starts programs":     `GRANT pg_execute_server_program TO %[2]s`,
	} {
		d := newDatabase(t)
		pgtest.Exec(t, d.dsn(pgtest.Superuser), fmt.Sprintf(statement, d.roles["t1"], d.roles["t2"]))
		_, err := Init(t.Context(), d.dsn(pgtest.Superuser), nil)
		refused(t, name, err, d.roles["t2"])
	}
}

// If a tenant's role was dropped, the error names it and says what to do. The tenant can be
// removed, or get its role back.
func TestARoleThatIsGoneIsNamed(t *testing.T) {
	d := newDatabase(t)
	drop := []string{`DROP OWNED BY ` + d.roles["t2"], `DROP ROLE ` + d.roles["t2"]}
	pgtest.Exec(t, d.dsn(pgtest.Superuser), drop...)
	_, err := Init(t.Context(), d.dsn(pgtest.Superuser), map[string]string{"t1": d.roles["t1"]})
	refused(t, "a role that is gone", err, `DELETE FROM novacron.tenant WHERE name = 't2'`)
	must.Value(Init(t.Context(), d.dsn(pgtest.Superuser), d.roles))
	must.Value(d.store(t, "t2").Templates().List(t.Context(), ""))
	pgtest.Exec(t, d.dsn(pgtest.Superuser), append([]string{`DELETE FROM novacron.tenant WHERE name = 't2'`},
		drop...)...)
	must.Value(Init(t.Context(), d.dsn(pgtest.Superuser), nil))
}

// A new owner administers the catalog or is told what is missing. The catalog never looks empty.
func TestANewOwnerSeesAllOrIsTold(t *testing.T) {
	dsn, first, second, role := pgtest.Database(t), pgtest.Role("first"), pgtest.Role("second"), pgtest.Role("nova_t1")
	pgtest.Exec(t, dsn(pgtest.Superuser), `CREATE ROLE `+first+` LOGIN CREATEROLE`, `CREATE ROLE `+second+` LOGIN`,
		`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO `+first+`', current_database()); END $$`)
	must.Value(Init(t.Context(), dsn(first), map[string]string{"t1": role}))
	tenant := must.Value(New(Options{DSN: dsn(role), Tenant: "t1", Bases: noBases{}}))
	defer tenant.Close()
	must.Value(tenant.Templates().Create(t.Context(), "t1/a", template("t1", "a")))
	pgtest.Exec(t, dsn(pgtest.Superuser), `REASSIGN OWNED BY `+first+` TO `+second)

	s := must.Value(New(Options{DSN: dsn(second), Bases: noBases{}}))
	defer s.Close()
	if all, err := s.Templates().List(t.Context(), ""); !errors.Is(err, ErrSchema) ||
		!strings.Contains(err.Error(), "catalog init") {
		t.Errorf("before another init, the new owner is shown %d templates: %v", len(all), err)
	}
	must.Value(Init(t.Context(), dsn(second), nil))
	if all := must.Value(s.Templates().List(t.Context(), "")); len(all) != 1 {
		t.Errorf("the new owner sees %d templates", len(all))
	}
	if _, err := Init(t.Context(), dsn(first), nil); !errors.Is(err, ErrDenied) {
		t.Errorf("who owns it no more prepares it: %v", err)
	}
	must.Value(tenant.Templates().Get(t.Context(), "t1/a"))
}

func refused(t *testing.T, name string, err error, role string) {
	t.Helper()
	if !errors.Is(err, ErrRole) || !strings.Contains(err.Error(), role) {
		t.Errorf("%s: %v", name, err)
	}
}
