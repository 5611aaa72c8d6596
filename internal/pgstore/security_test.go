package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// In the tests of this file, t2 has psql and a separate role, and t1 owns the objects.

// populate gives t1 a template of each kind of visibility, each with version 1.0.0 and a draft
// version, and a request.
func (d database) populate(t testing.TB) {
	t.Helper()
	s := d.store(t, "t1")
	templates := map[string]func(*catalog.Template){
		"private":  func(*catalog.Template) {},
		"public":   func(t *catalog.Template) { t.Public = true },
		"readable": func(t *catalog.Template) { t.Access.ReadTenants = []string{"t2"} },
		"usable":   func(t *catalog.Template) { t.Access.UseTenants = []string{"t9", "t2"} },
		"others":   func(t *catalog.Template) { t.Access.UseTenants = []string{"t9"} },
		"draft":    func(t *catalog.Template) { t.Public, t.State = true, catalog.Draft },
		"archived": func(t *catalog.Template) { t.Public, t.State = true, catalog.Archived },
		"users": func(t *catalog.Template) {
			t.Access.ReadUsers, t.Access.ReadGroups = []string{"t2"}, []string{"t2"}
		},
		"zz.withdrawn": func(t *catalog.Template) { t.Access.ReadTenants = []string{} },
	}
	for name, edit := range templates {
		doc := template("t1", name)
		edit(&doc)
		must.Value(s.Templates().Create(t.Context(), doc.ID.String(), doc))
		for number, edit := range map[string]func(*catalog.Version){
			"1.0.0":     func(*catalog.Version) {},
			"2.0.0-rc1": func(v *catalog.Version) { v.State = catalog.Draft },
			"3.0.0":     func(v *catalog.Version) { v.Claim = &catalog.Claim{Runner: "build/1"} },
		} {
			v := catalog.Version{ID: doc.ID.Version(number)}
			edit(&v)
			must.Value(s.Versions().Create(t.Context(), v.ID.String(), v))
		}
	}
	request := catalog.ProvisioningRequest{ID: catalog.RequestID{Tenant: "t1", ID: "r1"}}
	must.Value(s.Requests().Create(t.Context(), "t1/r1", request))
}

// shown are the templates of t1 that t2 may see.
var shown = []string{"t1/archived", "t1/public", "t1/readable", "t1/usable"}

func TestATenantSeesWhatIsSharedAndNothingElse(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	psql := d.psql(t, "t2")
	see := func(query string, want ...string) {
		t.Helper()
		rows, err := psql.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		if got := must.Value(pgx.CollectRows(rows, pgx.RowTo[string])); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	see(`SELECT key FROM novacron.template ORDER BY key`, shown...)
	see(`SELECT key FROM novacron.version ORDER BY key`, "t1/archived@1.0.0", "t1/public@1.0.0", "t1/readable@1.0.0",
		"t1/usable@1.0.0")
	see(`SELECT key FROM novacron.request`)
	see(`SELECT name FROM novacron.tenant`, "t2")
	see(`SELECT key FROM novacron.template WHERE key = 't1/private'`)
	see(`SELECT count(*)::text FROM novacron.version WHERE key LIKE '%private%'`, "0")

	store := d.store(t, "t2")
	listed := must.Value(store.Templates().List(t.Context(), ""))
	if len(listed) != len(shown) {
		t.Errorf("the provider lists %d templates", len(listed))
	}
	if _, err := store.Templates().Get(t.Context(), "t1/private"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a private template: %v", err)
	}

	t1 := d.store(t, "t1")
	rec := must.Value(t1.Templates().Get(t.Context(), "t1/readable"))
	rec.Value.Access.ReadTenants = nil
	must.Value(t1.Templates().Replace(t.Context(), rec.Key, rec.Revision, rec.Value))
	see(`SELECT key FROM novacron.version WHERE template = 't1/readable'`)
}

// A function that reports its arguments sees only rows that the role may see: the server applies
// policies first, however cheap the function is.
func TestAFunctionOfTheTenantsOwnSeesNoMore(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	config := must.Value(pgx.ParseConfig(d.dsn(d.roles["t2"])))
	var told []string
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { told = append(told, n.Message) }
	psql := must.Value(pgx.ConnectConfig(t.Context(), config))
	defer psql.Close(t.Context())
	for _, statement := range []string{
		`CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE ` +
			`'%', $1; RETURN true; END $$`,
		`SELECT 1 FROM novacron.template WHERE pg_temp.tell(key)`,
		`DELETE FROM novacron.template WHERE pg_temp.tell(key)`,
		`SELECT 1 FROM novacron.request WHERE pg_temp.tell(key)`,
	} {
		if _, err := psql.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(told)
	if !slices.Equal(told, shown) {
		t.Errorf("told: %q", told)
	}
}

func TestATenantChangesNothingOfAnothers(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	before := d.everything(t)
	psql := d.psql(t, "t2")
	mine := func(tenant, name string) string {
		return string(must.Value(json.Marshal(template(tenant, name))))
	}
	// Statements that find no row to change.
	for _, statement := range []string{
		`UPDATE novacron.template SET document = document || '{"is_public": true}'`,
		`UPDATE novacron.template SET document = jsonb_set(document, '{id,tenant}', '"t2"') WHERE key = 't1/public'`,
		`UPDATE novacron.version SET revision = 'mine'`,
		`UPDATE novacron.request SET revision = 'mine'`,
		`DELETE FROM novacron.template`, `DELETE FROM novacron.version`, `DELETE FROM novacron.request`,
	} {
		done, err := psql.Exec(t.Context(), statement)
		if err != nil || done.RowsAffected() != 0 {
			t.Errorf("%s: %d rows, %v", statement, done.RowsAffected(), err)
		}
	}
	// Statements that the server denies.
	for _, statement := range []string{
		`INSERT INTO novacron.template (document) VALUES ('` + mine("t1", "new") + `')`,
		`INSERT INTO novacron.version (document) VALUES ('{"id": {"template": {"tenant": "t1", "name": "public"}, ` +
			`"version": "9.0.0"}}')`,
		`INSERT INTO novacron.request (document) VALUES ('{"id": {"tenant": "t1", "id": "new"}}')`,
		`INSERT INTO novacron.tenant VALUES ('t3', current_user)`,
		`UPDATE novacron.tenant SET name = 't1'`,
		`UPDATE novacron.catalogue SET schema_version = 0`,
		`TRUNCATE novacron.template`, `TRUNCATE novacron.request`,
		`ALTER TABLE novacron.template DISABLE ROW LEVEL SECURITY`,
		`ALTER TABLE novacron.template DISABLE TRIGGER revise`,
		`CREATE POLICY mine ON novacron.template USING (true)`,
		`CREATE TABLE novacron.mine ()`,
		`CREATE TRIGGER mine BEFORE INSERT ON novacron.template EXECUTE FUNCTION novacron.revise()`,
		`CREATE OR REPLACE FUNCTION novacron.current_tenant() RETURNS text LANGUAGE sql RETURN 't1'`,
		`SET ROLE ` + d.roles["t1"], `SET SESSION AUTHORIZATION ` + d.roles["t1"],
		`GRANT ` + d.roles["t1"] + ` TO ` + d.roles["t2"],
		`SELECT key FROM novacron.template FOR UPDATE NOWAIT; LOCK novacron.catalogue IN EXCLUSIVE MODE`,
	} {
		_, err := psql.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
		if sqlState(err) != insufficientPrivilege {
			t.Errorf("%s: %v", statement, err)
		}
	}
	// The tenant and the key come from the document, and cannot be set.
	for _, statement := range []string{
		`INSERT INTO novacron.template (key, document) VALUES ('t2/x', '` + mine("t1", "new") + `')`,
		`INSERT INTO novacron.template (tenant, document) VALUES ('t2', '` + mine("t1", "new") + `')`,
		`UPDATE novacron.template SET tenant = 't2'`, `UPDATE novacron.template SET published = true`,
	} {
		if _, err := psql.Exec(t.Context(), statement); sqlState(err) == "" {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if after := d.everything(t); after != before {
		t.Errorf("it changed from\n%s\nto\n%s", before, after)
	}
}

// A tenant's document cannot be given to another tenant, nor be read in two ways.
func TestOwnRowsCannotBeGivenAwayOrForged(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	psql := d.psql(t, "t2")
	must.Value(d.store(t, "t2").Templates().Create(t.Context(), "t2/own", template("t2", "own")))
	const own = ` WHERE key = 't2/own'`
	for statement, want := range map[string]string{
		`UPDATE novacron.template SET document = jsonb_set(document, '{id,tenant}', '"t1"')` +
			own: insufficientPrivilege,
		`UPDATE novacron.template SET document = document ||
			'{"id": {"tenant": "t1", "name": "private"}}'` + own: insufficientPrivilege,
		`UPDATE novacron.template SET document = document ||
			'{"ID": {"tenant": "t1", "name": "private"}}'` + own: checkViolation,
		`UPDATE novacron.template SET document = jsonb_set(document, '{id,Tenant}', '"t1"')` + own: checkViolation,
		`UPDATE novacron.template SET document = document || '{"ſtate": "draft"}'` + own:           checkViolation,
		`UPDATE novacron.template SET document = document ||
			'{"access_control": {"Read_Tenants": ["t1"]}}'` + own: checkViolation,
		`UPDATE novacron.template SET document = document || '{"access_control": ["t1"]}'` + own: checkViolation,
		`UPDATE novacron.template SET document = document ||
			'{"id": {"tenant": "t2", "name": "../x"}}'` + own: checkViolation,
		`UPDATE novacron.template SET document = document - 'id'` + own: insufficientPrivilege,
		`UPDATE novacron.template SET document = '[]'` + own:            insufficientPrivilege,
		`INSERT INTO novacron.version (document) VALUES ('{"id": {
			"template": {"tenant": "t2", "Tenant": "t1", "name": "a"}, "version": "1.0.0"}}')`: checkViolation,
	} {
		if _, err := psql.Exec(t.Context(), statement); sqlState(err) != want {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
}

// No error shows whether a key is taken: existing and missing keys are refused in the same words.
func TestKeysOfOthersCannotBeProbed(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	psql := d.psql(t, "t2")
	const document = `jsonb_build_object('id', jsonb_build_object('tenant', 't1', 'name', $1::text))`
	for _, insert := range []string{
		`INSERT INTO novacron.template (document) VALUES (` + document + `)`,
		`INSERT INTO novacron.template (document) VALUES (` + document + `) ON CONFLICT DO NOTHING`,
		`INSERT INTO novacron.template (document) VALUES (` + document + `)
			ON CONFLICT (key) DO UPDATE SET revision = 'mine'`,
		`INSERT INTO novacron.version (document) VALUES (jsonb_build_object('id', jsonb_build_object(
			'version', '1.0.0', 'template', jsonb_build_object('tenant', 't1', 'name', $1::text))))`,
		`UPDATE novacron.template SET document = ` + document,
	} {
		var said []string
		for _, name := range []string{"private", "public", "nothing-there"} {
			_, err := psql.Exec(t.Context(), insert, name)
			text := "done"
			if err != nil {
				text = err.Error()
			}
			said = append(said, text)
		}
		if said[0] != said[2] || said[1] != said[2] {
			t.Errorf("%s\ntells what is there: %q", insert, said)
		}
	}
	store := d.store(t, "t2")
	for _, name := range []string{"private", "nothing-there"} {
		_, err := store.Templates().Create(t.Context(), "t1/"+name, template("t1", name))
		if !errors.Is(err, ErrDenied) || errors.Is(err, catalog.ErrExists) {
			t.Errorf("creating t1/%s: %v", name, err)
		}
	}
}

func TestTheProviderIsDeniedWhatIsAnothers(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	s := d.store(t, "t2")
	rec := must.Value(s.Templates().Get(t.Context(), "t1/usable"))
	if _, err := s.Templates().Replace(t.Context(), rec.Key, rec.Revision, rec.Value); !errors.Is(err, ErrDenied) {
		t.Errorf("changing a foreign template: %v", err)
	}
	if err := s.Templates().Delete(t.Context(), rec.Key, rec.Revision); !errors.Is(err, ErrDenied) {
		t.Errorf("deleting a foreign template: %v", err)
	}
	if err := s.Templates().Delete(t.Context(), "t1/private", "any"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("deleting what cannot be seen: %v", err)
	}
}

// A document that no provider can read does not keep other tenants from reading theirs.
func TestOthersCannotMakeTheLibraryUnreadable(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	psql := d.psql(t, "t1")
	must.Value(psql.Exec(t.Context(), `INSERT INTO novacron.template (document)
		VALUES ('{"id": {"tenant": "t1", "name": "bad"}, "is_public": true, "labels": 5}')`))
	if listed := must.Value(d.store(t, "t2").Templates().List(t.Context(), "")); len(listed) != len(shown) {
		t.Errorf("t2 lists %d", len(listed))
	}
	if _, err := d.store(t, "t1").Templates().List(t.Context(), ""); err == nil ||
		!strings.Contains(err.Error(), "t1/bad") {
		t.Errorf("t1 is not told: %v", err)
	}
}

// A provider does not overwrite a change by hand that it has not seen.
func TestAChangeByHandIsSeen(t *testing.T) {
	d := newDatabase(t)
	s := d.store(t, "t1")
	rec := must.Value(s.Templates().Create(t.Context(), "t1/a", template("t1", "a")))
	must.Value(d.psql(t, "t1").Exec(t.Context(),
		`UPDATE novacron.template SET document = document || '{"description": "by hand"}'`))
	if _, err := s.Templates().Replace(
		t.Context(), rec.Key, rec.Revision, rec.Value,
	); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("%v", err)
	}
	if now := must.Value(s.Templates().Get(t.Context(), "t1/a")); now.Value.Description != "by hand" {
		t.Errorf("it says %q", now.Value.Description)
	}
}

// psql opens a connection with a tenant's role, without the provider's code.
func (d database) psql(t testing.TB, tenant string) *pgx.Conn {
	t.Helper()
	conn := pgtest.Connect(t, d.dsn(d.roles[tenant]))
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// everything returns all rows.
func (d database) everything(t testing.TB) (all string) {
	t.Helper()
	conn := pgtest.Connect(t, d.dsn(pgtest.Superuser))
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT string_agg(row, E'\n' ORDER BY row) FROM (
		SELECT t::text FROM novacron.template t UNION ALL SELECT v::text FROM novacron.version v
		UNION ALL SELECT r::text FROM novacron.request r UNION ALL SELECT t::text FROM novacron.tenant t
		UNION ALL SELECT p::text FROM novacron.placement p UNION ALL SELECT q::text FROM novacron.quota q
		UNION ALL SELECT r::text FROM novacron.resource_pool r
		UNION ALL SELECT h::text FROM novacron.host h) AS x(row)`).
		Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all
}
