// Package pgtest runs a private PostgreSQL server for the tests of one package. The server has a
// temporary directory, listens only on a UNIX socket, and does not wait for disks. It ends with the
// process that started it, however that process ends.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

// binaries is where Debian and Ubuntu install the server.
const binaries = "/usr/lib/postgresql/*/bin"

// Superuser is the name of the server's superuser. The server lets local users in under any name
// that they give, except roles of PasswordGroup, which need their password.
const (
	Superuser     = "postgres"
	PasswordGroup = "with_password"
)

// serve is a script that creates a cluster in a directory and serves it until its standard input
// ends. The process that started it holds the other end.
const serve = `
set -e
"$1/initdb" --pgdata="$2/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >"$2/log" 2>&1
printf 'local all +with_password scram-sha-256\nlocal all all trust\n' >"$2/data/pg_hba.conf"
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=200 \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off >>"$2/log" 2>&1 </dev/null &
cat >/dev/null || true
"$1/pg_ctl" -D "$2/data" -m fast -w stop >>"$2/log" 2>&1 || true
wait || true
cd /
rm -rf "$2"
`

// Server is a running PostgreSQL server.
type Server struct {
	Directory string // of the server's socket
	lifeline  io.Closer
	done      chan struct{}
}

var (
	mu      sync.Mutex
	running *Server
	failure error
)

// Run runs the tests of a package, and then stops the server if a test has started it. Call it in
// TestMain.
func Run(m *testing.M) int {
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		if running != nil {
			running.Stop()
		}
	}()
	return m.Run()
}

// Restart stops the server at once, with all connections, and starts it again.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	found, err := filepath.Glob(binaries)
	if err != nil || len(found) == 0 {
		t.Fatal("PostgreSQL has gone")
	}
	command := []string{
		found[len(found)-1] + "/pg_ctl", "-D", s.Directory + "/data", "-m", "fast", "-w", "-l", s.Directory + "/log",
		"restart",
	}
	if os.Getuid() == 0 {
		command = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = s.Directory
	if err := cmd.Run(); err != nil { // without output pipes, which the server would keep open
		log, _ := os.ReadFile(filepath.Join(s.Directory, "log"))
		t.Fatalf("restarting PostgreSQL: %v\n%s", err, log)
	}
}

// Database creates an empty database for one test, and returns a function that returns the DSN for
// a role. Without PostgreSQL it skips the test, or fails it with TF_ACC=1.
func Database(t testing.TB) (dsn func(role string) string) {
	t.Helper()
	directory := require(t)
	name := "test_" + strings.ToLower(rand.Text()[:10])
	Exec(t, DSN(directory, "postgres", Superuser), "CREATE DATABASE "+name)
	return func(role string) string { return DSN(directory, name, role) }
}

// Role returns a role name that no other test uses, since roles belong to the whole server.
func Role(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()[:10]) }

// DSN returns a connection string.
func DSN(directory, database, role string) string {
	return "postgres://" + url.PathEscape(role) + "@/" + database + "?host=" + url.QueryEscape(directory)
}

// Exec runs statements as a role. If one fails, the test fails.
func Exec(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	conn := Connect(t, dsn)
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range statements {
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// Connect connects as a role directly, without the provider.
func Connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.WithoutCancel(t.Context()), dsn)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// require returns the directory of the server's socket, and starts the server if it is not running.
func require(t testing.TB) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if running == nil && failure == nil {
		running, failure = Start()
	}
	if errors.Is(failure, exec.ErrNotFound) {
		needs.Missing(t, "needs PostgreSQL: run tools/install-deps.sh postgres")
	}
	if failure != nil {
		t.Fatal(failure)
	}
	return running.Directory
}

// Start starts a server, which ends with this process at the latest. The error is exec.ErrNotFound
// if PostgreSQL is not installed.
func Start() (*Server, error) {
	found, err := filepath.Glob(binaries)
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("PostgreSQL: nothing in %s: run tools/install-deps.sh postgres: %w",
			binaries, exec.ErrNotFound)
	}
	directory, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	command := []string{"sh", "-c", serve, "sh", found[len(found)-1], directory}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		command = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"}, command...)
		if out, err := exec.Command("chown", "postgres:", directory).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("giving %s to PostgreSQL: %w: %s", directory, err, out)
		}
	}
	var stderr bytes.Buffer
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stderr = directory, &stderr
	lifeline, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	s := &Server{directory, lifeline, make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its log has the error
		close(s.done)
	}()
	for deadline := time.Now().Add(5 * time.Minute); ; {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		conn, err := pgx.Connect(ctx, DSN(directory, "postgres", Superuser))
		if err == nil {
			_, err = conn.Exec(ctx, "CREATE ROLE "+PasswordGroup)
			cancel()
			return s, errors.Join(err, conn.Close(context.Background()))
		}
		cancel()
		select {
		case <-s.done:
			log, _ := os.ReadFile(filepath.Join(directory, "log"))
			return nil, fmt.Errorf("PostgreSQL did not start: %s%s", stderr.String(), log)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.Stop()
			return nil, fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

// Stop stops the server and removes its files.
func (s *Server) Stop() {
	_ = s.lifeline.Close()
	<-s.done
	_ = os.RemoveAll(s.Directory)
}
