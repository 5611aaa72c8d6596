package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// secret contains characters that end words and parts of URLs.
const secret = `s3cr3t`

func TestNoErrorTellsThePassword(t *testing.T) {
	var group sync.WaitGroup
	for _, dsn := range []string{
		"postgres://nova:" + secret + "@127.0.0.1:1/nova", "postgres://nova:" + secret + "%zz@127.0.0.1:1/nova",
		"postgres://nova:" + secret + "@127.0.0.1:99999/nova", "postgres://nova:" + secret + "@[::1/nova",
		"postgres://nova:a b" + secret + "@h",
		"host=127.0.0.1 port=1 user=nova password=" + secret, "host=127.0.0.1 port=x user=nova password='" +
			secret + "'",
		"host=127.0.0.1 password='a\\'" + secret + "' port=", "password=" + secret + " sslmode=wrong",
		"password='" + secret,
		"postgres://nova@127.0.0.1:1/nova?password=" + secret, "postgres://nova@127.0.0.1:1/nova?password=" + secret +
			"&sslmode=verify-full&sslrootcert=/nowhere",
		"mysql://nova:" + secret + "@h/d", secret,
	} {
		group.Go(func() { // a server that does not exist is asked for seconds
			s, err := New(Options{DSN: dsn, Tenant: "t1", Bases: noBases{}})
			if err == nil {
				s.firstTime = 0
				_, err = s.Templates().Get(t.Context(), "t1/a")
			}
			if err == nil || strings.Contains(err.Error(), secret) ||
				strings.Contains(fmt.Sprintf("%+v", err), secret) {
				t.Errorf("%q: %v", dsn, err)
			}
			if _, err := Init(t.Context(), dsn, nil); err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("preparing %q: %v", dsn, err)
			}
		})
	}
	group.Wait()
}

func TestWhatIsWrongWithTheDatabaseIsSaid(t *testing.T) {
	d := newDatabase(t)
	nobody, password := pgtest.Role("nobody"), pgtest.Role("password")
	pgtest.Exec(t, d.dsn(pgtest.Superuser), "CREATE ROLE "+nobody+" LOGIN", "CREATE ROLE "+password+" LOGIN PASSWORD '"+
		secret+"' IN ROLE "+pgtest.PasswordGroup)
	newer, empty := newDatabase(t), pgtest.Database(t)
	pgtest.Exec(t, newer.dsn(pgtest.Superuser), "UPDATE novacron.catalogue SET schema_version = 99")
	older := newDatabase(t)
	pgtest.Exec(t, older.dsn(pgtest.Superuser), "UPDATE novacron.catalogue SET schema_version = 0")
	for name, test := range map[string]struct {
		dsn, tenant string
		want        error
		says        string
	}{
		"nobody listens":   {"postgres://nova@127.0.0.1:1/nova", "t1", ErrUnreachable, "connection refused"},
		"no such server":   {"postgres://nova@nowhere.invalid/nova", "t1", ErrUnreachable, "nowhere.invalid"},
		"wrong password":   {d.dsn(password) + "&password=wrong", "t1", ErrLogin, "password is wrong"},
		"no password":      {d.dsn(password), "t1", ErrLogin, "password"},
		"unknown role":     {d.dsn("nobody-of-that-name"), "t1", ErrLogin, "role exists"},
		"no such database": {d.dsn(d.roles["t1"]) + "&database=nothing", "t1", ErrSchema, "no such database"},
		"not prepared":     {empty(pgtest.Superuser), "t1", ErrSchema, "catalog init"},
		"newer":            {newer.dsn(newer.roles["t1"]), "t1", ErrSchema, "newer provider"},
		"older":            {older.dsn(older.roles["t1"]), "t1", ErrSchema, "catalog init"},
		"no tenant":        {d.dsn(nobody), "t1", ErrRole, "no tenant's"},
		"another tenant":   {d.dsn(d.roles["t2"]), "t1", ErrRole, `tenant "t2"`},
		"a superuser":      {d.dsn(pgtest.Superuser), "t1", ErrRole, "no tenant's"},
		"no administrator": {d.dsn(d.roles["t1"]), "", ErrRole, "owner of the schema"},
	} {
		s, err := New(Options{DSN: test.dsn, Tenant: test.tenant, Bases: noBases{}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.firstTime = 0
		_, err = s.Templates().List(t.Context(), "")
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) ||
			strings.Contains(err.Error(), "SQLSTATE") {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
	pgtest.Exec(t, d.dsn(pgtest.Superuser), "ALTER ROLE "+d.roles["t1"]+" BYPASSRLS")
	if _, err := d.store(t, "t1").Templates().List(t.Context(), ""); !errors.Is(err, ErrRole) {
		t.Errorf("a role that policies do not bind: %v", err)
	}
	if _, err := Init(t.Context(), newer.dsn(pgtest.Superuser), nil); !errors.Is(err, ErrSchema) {
		t.Errorf("preparing a newer catalog: %v", err)
	}
}

// A store that could not connect does so as soon as the database is available.
func TestADatabaseThatComesLaterIsTaken(t *testing.T) {
	dsn, role := pgtest.Database(t), pgtest.Role("nova_t1")
	pgtest.Exec(t, dsn(pgtest.Superuser), "CREATE ROLE "+role+" LOGIN")
	s := must.Value(New(Options{DSN: dsn(role), Tenant: "t1", Bases: noBases{}}))
	defer s.Close()
	if _, err := s.Templates().List(t.Context(), ""); !errors.Is(err, ErrSchema) {
		t.Fatal(err)
	}
	must.Value(Init(t.Context(), dsn(pgtest.Superuser), map[string]string{"t1": role}))
	must.Value(s.Templates().List(t.Context(), ""))
}

func TestConnectionsThatBreakAreMadeAnew(t *testing.T) {
	d := newDatabase(t)
	s := d.store(t, "t1")
	rec := must.Value(s.Templates().Create(t.Context(), "t1/a", template("t1", "a")))
	for range 3 {
		pgtest.Exec(t, d.dsn(pgtest.Superuser), "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "+
			"WHERE usename = '"+d.roles["t1"]+"'")
		rec = must.Value(s.Templates().Replace(t.Context(), rec.Key, rec.Revision, rec.Value))
		pgtest.Exec(t, d.dsn(pgtest.Superuser), "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "+
			"WHERE usename = '"+d.roles["t1"]+"'")
		must.Value(s.Templates().Get(t.Context(), "t1/a"))
	}
}

// A change whose answer is lost has happened, and is not mistaken for another client's change.
func TestAChangeWhoseAnswerIsLostHasHappened(t *testing.T) {
	d := newDatabase(t)
	relay, lose := newRelay(t, d.dsn(d.roles["t1"]))
	s := must.Value(New(Options{DSN: relay, Tenant: "t1", Bases: noBases{}}))
	defer s.Close()
	must.Value(s.Templates().List(t.Context(), ""))

	lose()
	rec := must.Value(s.Templates().Create(t.Context(), "t1/a", template("t1", "a")))
	lose()
	rec.Value.Description = "changed"
	rec = must.Value(s.Templates().Replace(t.Context(), rec.Key, rec.Revision, rec.Value))
	if read := must.Value(s.Templates().Get(t.Context(), "t1/a")); read.Revision != rec.Revision ||
		read.Value.Description != "changed" {
		t.Errorf("there is %+v, where %+v was written", read, rec)
	}
	lose()
	if err := s.Templates().Delete(t.Context(), rec.Key, rec.Revision); err != nil {
		t.Error(err)
	}
	if _, err := s.Templates().Get(t.Context(), "t1/a"); !errors.Is(err, catalog.ErrNotFound) {
		t.Error(err)
	}
}

// A change that has begun is not cut short: it waits for a row that another transaction holds, even
// if the context ends.
func TestAChangeThatHasBegunIsNotCutShort(t *testing.T) {
	d := newDatabase(t)
	s := d.store(t, "t1")
	rec := must.Value(s.Templates().Create(t.Context(), "t1/a", template("t1", "a")))
	holder := d.psql(t, "t1")
	tx := must.Value(holder.Begin(t.Context()))
	must.Value(tx.Exec(t.Context(), `SELECT 1 FROM novacron.template FOR UPDATE`))

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.Templates().Replace(ctx, rec.Key, rec.Revision, rec.Value)
		done <- err
	}()
	watcher := d.psql(t, "t1")
	for waiting := false; !waiting; {
		err := watcher.QueryRow(t.Context(), `SELECT count(*) > 0 FROM pg_locks WHERE NOT granted`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// newRelay forwards connections to a server. After lose, it drops the next answer to a connected
// client and ends the connection.
func newRelay(t *testing.T, dsn string) (relayed string, lose func()) {
	t.Helper()
	target := must.Value(parse(dsn)).ConnConfig.Host
	directory := must.Value(os.MkdirTemp("", "relay")) // a socket's path must be short
	t.Cleanup(func() { os.RemoveAll(directory) })
	const socket = ".s.PGSQL.5432"
	listener := must.Value(net.Listen("unix", filepath.Join(directory, socket)))
	t.Cleanup(func() { listener.Close() })
	var losing atomic.Bool
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", filepath.Join(target, socket))
			if err != nil {
				client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(server, client)
				server.Close()
			}()
			go func() {
				defer client.Close()
				answer := make([]byte, 1<<16)
				for {
					n, err := server.Read(answer)
					if err != nil || losing.Swap(false) {
						return
					}
					if _, err := client.Write(answer[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	config := must.Value(parse(dsn)).ConnConfig
	return pgtest.DSN(directory, config.Database, config.User), func() {
		losing.Store(true)
	}
}
