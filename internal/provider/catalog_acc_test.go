package provider_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/catalogcmd"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// A user's story with the catalog in PostgreSQL: everything works as with the one in the pool,
// where nothing of it is stored.
func TestAccCatalogInPostgreSQL(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("pg")
	pool, _ := host.Pool(t, name)
	dsn := pgtest.Database(t)
	t.Parallel()
	role, other := pgtest.Role("nova_default"), pgtest.Role("nova_team_2")
	if _, err := pgstore.Init(t.Context(), dsn(pgtest.Superuser), map[string]string{
		"default": role, "team-2": other,
	}); err != nil {
		t.Fatal(err)
	}
	image := tfacc.EmptyImage(t, "16M")
	config := func(dsn string, description tfconfig.Value) string {
		return fmt.Sprintf("resource \"terraform_data\" \"database\" {\n  input = %q\n}\n", dsn) + tfconfig.Provider{
			Pool: pool, Settings: []string{"catalog = { postgres = { dsn = terraform_data.database.output } }"},
		}.String() + clone(name, image, tfconfig.Template{Description: description})
	}
	w := tfacc.NewWorkspace(t, config(dsn(role), nil))
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Apply(t), "4 added")
	w.EmptyPlan(t)
	if documents := host.Leftovers(t, pool, "nova.template"); len(documents) > 0 {
		t.Errorf("documents in the pool: %q", documents)
	}
	if n := rows(t, dsn(role)); n != "1 templates, 1 versions" {
		t.Errorf("the database holds %s", n)
	}
	w.Configure(t, config(dsn(role), "changed"))
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)

	// Another tenant, whose role the server keeps apart, sees nothing of it.
	stranger := tfacc.NewWorkspace(t, tfacc.Provider(pool)+
		fmt.Sprintf("data \"novacron_template\" \"it\" {\n  id = \"default/%s\"\n}\n", name))
	stranger.Setenv("NOVACRON_CATALOG_DSN", dsn(other))
	stranger.Setenv("NOVACRON_TENANT", "team-2")
	tfacc.Says(t, stranger.Fails(t, "plan"), "default/"+name)
	// A user who takes the tenant's name, but does not have its role, sees nothing either.
	stranger.Setenv("NOVACRON_TENANT", "default")
	tfacc.Says(t, stranger.Fails(t, "plan"), "wrong role", `tenant "team-2"`)

	w.Destroy(t)
	if n := rows(t, dsn(role)); n != "0 templates, 0 versions" {
		t.Errorf("the database still holds %s", n)
	}
}

// clone is the configuration of a template, its version 1.0.0 of that image and an instance, which
// is not started.
func clone(name, image string, t tfconfig.Template) string {
	t.Name = name
	v := tfconfig.Release("1.0.0", image).Of(t)
	return tfconfig.Render(t, v, tfconfig.Instance{Name: name, PowerState: "stopped"}.Of(t, v))
}

// A library that is moved to PostgreSQL, with its linked clones, is planned empty there.
func TestAccALibraryMovesToPostgreSQL(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("moves")
	pool, _ := host.Pool(t, name)
	dsn := pgtest.Database(t)
	t.Parallel()
	role := pgtest.Role("nova_default")
	if _, err := pgstore.Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"default": role}); err != nil {
		t.Fatal(err)
	}
	w := tfacc.NewWorkspace(t, tfacc.Provider(pool)+clone(name, tfacc.EmptyImage(t, "16M"), tfconfig.Template{}))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	var said bytes.Buffer
	if code := catalogcmd.Run(t.Context(), []string{
		"copy", "--uri", host.URI, "--pool", pool, "--from", "embedded", "--to", dsn(role), "--move",
	}, &said, &said); code != 0 {
		t.Fatalf("exit %d: %s", code, &said)
	}
	if documents := host.Leftovers(t, pool, "nova.template"); len(documents) > 0 {
		t.Errorf("documents in the pool: %q", documents)
	}
	w.Setenv("NOVACRON_CATALOG_DSN", dsn(role))
	w.EmptyPlan(t)
	w.Destroy(t)
}

// A library that several hosts have is moved to PostgreSQL, with its instances on all hosts. It is planned
// empty there, and nothing of it stays anywhere once it is destroyed.
func TestAccALibraryOfSeveralHostsMovesToPostgreSQL(t *testing.T) {
	shared := acctest.RequireHost(t)
	dsn := pgtest.Database(t)
	t.Parallel()
	role := pgtest.Role("nova_default")
	if _, err := pgstore.Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"default": role}); err != nil {
		t.Fatal(err)
	}
	w := tfacc.NewWorkspace(t, "")
	w.Setenv("TF_VAR_image", acctest.TinyImage(t))
	one, two := shared.Own(t, "desk3"), shared.Own(t, "desk4")
	w.Setenv("TF_VAR_hosts", fmt.Sprintf("{ kvm1 = %q, kvm2 = %q }", one.URI, two.URI))
	config := example(t, "hosts/main.tf")
	w.Write(t, "main.tf", config)
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	var said bytes.Buffer
	if code := catalogcmd.Run(t.Context(), []string{
		"copy", "--uri", one.URI, "--host", two.URI, "--from", "embedded", "--to", dsn(role), "--move",
	}, &said, &said); code != 0 {
		t.Fatalf("exit %d: %s", code, &said)
	}
	w.Write(t, "main.tf", exchanged(t, config, "catalog = { host = keys(var.hosts)[0] }",
		fmt.Sprintf("catalog = { host = keys(var.hosts)[0], postgres = { dsn = %q } }", dsn(role))))
	w.EmptyPlan(t)
	w.Destroy(t)
	for _, host := range []*acctest.Host{one, two} {
		if left := host.Leftovers(t, volumes.DefaultPool, ""); len(left) > 0 {
			t.Errorf("pool of %s: %q", host.URI, left)
		}
	}
}

// rows counts what a role has.
func rows(t *testing.T, dsn string) (counts string) {
	t.Helper()
	conn := pgtest.Connect(t, dsn)
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(),
		`SELECT format('%s templates, %s versions', (SELECT count(*) FROM novacron.template),
		(SELECT count(*) FROM novacron.version))`).Scan(&counts); err != nil {
		t.Fatal(err)
	}
	return counts
}

// The plan reports what is wrong with the database, and no output contains its password.
func TestAccCatalogThatCannotBeUsed(t *testing.T) {
	acctest.RequireHost(t)
	dsn := pgtest.Database(t)
	t.Parallel()
	const secret = "s3cr3t-w0rd"
	locked := pgtest.Role("locked")
	pgtest.Exec(t, dsn(pgtest.Superuser), "CREATE ROLE "+locked+" LOGIN PASSWORD 'another' IN ROLE "+
		pgtest.PasswordGroup)
	for name, test := range map[string]struct{ dsn, says string }{
		"not prepared":   {dsn(pgtest.Superuser), "catalog init"},
		"wrong password": {dsn(locked) + "&password=" + secret, "the password is wrong"},
		"no server":      {"postgres://nova:" + secret + "@127.0.0.1:1/nova", "check host and port"},
		"no DSN":         {"postgres://nova:" + secret + "%zz@127.0.0.1/nova", "write it as postgres://"},
	} {
		w := tfacc.NewWorkspace(t, fmt.Sprintf("provider \"novacron\" {\n  catalog = { postgres = { dsn = %q } }\n}\n",
			test.dsn)+
			"data \"novacron_template\" \"it\" {\n  name = \"it\"\n}\n")
		w.Setenv("TF_LOG", "TRACE")
		out := w.Fails(t, "plan", "-no-color")
		if !strings.Contains(tfacc.Prose(out), test.says) {
			t.Errorf("%s: %s", name, out)
		}
		if strings.Contains(out, secret) || !strings.Contains(out, "[TRACE] provider.") {
			t.Errorf("%s: the password is in the log, or there is no log:\n%s", name, out)
		}
	}
	w := tfacc.NewWorkspace(t, "provider \"novacron\" {\n  catalog = { postgres = {} }\n}\ndata "+
		"\"novacron_template\" \"it\" {\n  name = \"it\"\n}\n")
	tfacc.Says(t, w.Fails(t, "plan"), "Missing connection string", "NOVACRON_CATALOG_DSN")
}
