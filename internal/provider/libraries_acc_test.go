//go:build linux

package provider_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

const (
	// librariesDir has the libraries that earlier providers made; its README.md describes the files.
	librariesDir = "testdata/libraries"

	libraryPool      = "library"
	libraryDirectory = "/var/lib/libvirt/" + libraryPool

	// envMakeLibrary names a directory of librariesDir, in which the test is to make the library by
	// the provider of NOVACRON_TEST_BINARY, instead of testing what is there.
	envMakeLibrary = "NOVACRON_MAKE_LIBRARY"
)

// libraryTenants are the tenants that have something in a library, with the names of their roles in
// database.sql.
var libraryTenants = map[string]string{"default": "library_default", "bank": "library_bank"}

// Everything that an earlier provider stored (documents, images, domains, states, a database) is
// opened without a difference, changed, and removed without a trace.
func TestAccLibrariesOfEarlierProviders(t *testing.T) {
	shared := acctest.RequireHost(t)
	if name := os.Getenv(envMakeLibrary); name != "" {
		makeLibrary(t, shared.Own(t, "make"), filepath.Join(librariesDir, name))
		return
	}
	made, err := filepath.Glob(filepath.Join(librariesDir, "*", "pool.xml"))
	if err != nil || len(made) == 0 {
		t.Fatalf("%d libraries, %v", len(made), err)
	}
	databases := make([]func(role string) string, len(made))
	for n := range made {
		databases[n] = pgtest.Database(t)
	}
	t.Parallel()
	for n, path := range made {
		files := filepath.Dir(path)
		t.Run(filepath.Base(files), func(t *testing.T) {
			t.Parallel()
			// A host of its own, so that names, paths and UUIDs are those that the files say.
			l := library{host: shared.Own(t, "lib"+strconv.Itoa(n)), files: files}
			l.restoreHost(t)
			roles := l.restoreDatabase(t, databases[n])
			t.Run("by", func(t *testing.T) {
				for at, dsn := range map[string]map[string]string{"pool": nil, "pg": roles} {
					t.Run(at, func(t *testing.T) {
						t.Parallel()
						l.use(t, at, dsn)
					})
				}
			})
			l.isEmpty(t, databases[n](pgtest.Superuser))
		})
	}
}

// library is one of the libraries, put on a host.
type library struct {
	host  *acctest.Host
	files string
}

// path is the absolute path of one of its files.
func (l library) path(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(l.files, name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (l library) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.files, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// runners are the processes of the earlier provider that were killed, in the metadata of domains.
var runners = regexp.MustCompile("<runner>([^<]+)</runner>")

// shown is a process's name as messages show it: "HOST/PID".
var shown = regexp.MustCompile("^[^/]+/[0-9]+$")

// restoreHost makes the host look as if the earlier provider had worked on it: its UUID, the pool
// and the domains. The processes that were killed are of this machine since its last boot: of any
// other process, it is not certain that it is dead.
func (l library) restoreHost(t *testing.T) {
	t.Helper()
	uuid := strings.TrimSpace(l.read(t, "host-uuid"))
	l.host.Exec(t, "sed", "-i", "s/^host_uuid.*/host_uuid = \""+uuid+"\"/", "/etc/libvirt/libvirtd.conf")
	l.host.Restart(t)
	l.host.Exec(t, "mkdir", libraryDirectory)
	l.host.Exec(t, "tar", "--extract", "--gzip", "--file", l.path(t, "pool.tar.gz"), "--directory", libraryDirectory)
	// One virsh for everything, since each takes its time to start.
	commands := []string{"pool-define " + l.path(t, "pool.xml"), "pool-start " + libraryPool}
	domains, err := filepath.Glob(l.path(t, "domains/*.xml"))
	if err != nil || len(domains) == 0 {
		t.Fatalf("%d domains, %v", len(domains), err)
	}
	killed := leasetest.Dead(t)
	definitions, named := t.TempDir(), 0
	for _, path := range domains {
		name := filepath.Base(path)
		text := l.read(t, filepath.Join("domains", name))
		for _, stored := range runners.FindAllStringSubmatch(text, -1) {
			named++
			if got := lease.Show(stored[1]); got == stored[1] || !shown.MatchString(got) {
				t.Errorf("%s names the process %q, which is shown as %q", name, stored[1], got)
			}
		}
		text = runners.ReplaceAllString(text, "<runner>"+killed+"</runner>")
		if err := os.WriteFile(filepath.Join(definitions, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		commands = append(commands, "define "+filepath.Join(definitions, name))
	}
	if named == 0 {
		t.Error("no domain names the process that was killed")
	}
	for domain := range strings.FieldsSeq(l.read(t, "autostart")) {
		commands = append(commands, "autostart "+domain)
	}
	l.host.Virsh(t, strings.Join(commands, "; "))
	if got := strings.Fields(l.host.Virsh(t, "list --all --name")); len(got) != len(domains) {
		t.Fatalf("of %d domains there are %q", len(domains), got)
	}
}

// restoreDatabase fills a database, whose tenants get new roles, and returns a DSN for each tenant.
func (l library) restoreDatabase(t *testing.T, database func(role string) string) map[string]string {
	t.Helper()
	admin, sql, tenants := database(pgtest.Superuser), l.read(t, "database.sql"), map[string]string{}
	tenants["admin"] = admin
	for tenant, role := range libraryTenants {
		own := pgtest.Role(role)
		pgtest.Exec(t, admin, "CREATE ROLE "+own+" LOGIN")
		sql = strings.ReplaceAll(sql, role, own)
		tenants[tenant] = database(own)
	}
	pgtest.Exec(t, admin, sql)
	return tenants
}

// workspace is a workspace of a tenant with its state.
func (l library) workspace(t *testing.T, at, tenant, dsn string, config ...string) *tfacc.Workspace {
	t.Helper()
	w := tfacc.NewWorkspace(t, "")
	for _, name := range config {
		w.Write(t, name, l.read(t, name))
	}
	if state := at + "-" + tenant + ".json"; fileExists(filepath.Join(l.files, state)) {
		w.Write(t, "terraform.tfstate", l.read(t, state))
	}
	untar(t, l.path(t, "images.tar.gz"), w.Dir)
	for name, value := range map[string]string{
		"uri": l.host.URI, "dsn": dsn, "at": at, "power": "stopped", "changed": "false",
	} {
		w.Setenv("TF_VAR_"+name, value)
	}
	return w
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func untar(t *testing.T, archive, directory string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "tar", "--extract", "--gzip", "--file", archive,
		"--directory", directory).CombinedOutput()
	if err != nil {
		t.Fatalf("unpacking %s: %v\n%s", archive, err, out)
	}
}

// use is a user's story with the library by one of its catalogs.
func (l library) use(t *testing.T, at string, dsn map[string]string) {
	owner := l.workspace(t, at, "default", dsn["default"], "made.tf")
	guest := l.workspace(t, at, "bank", dsn["bank"], "bank.tf")
	for _, w := range []*tfacc.Workspace{owner, guest} {
		w.OwnProcess() // whose directory is that of the configuration, as the paths of images want it
	}
	owner.EmptyPlan(t)
	guest.EmptyPlan(t)
	for name, text := range l.look(t, at, dsn["default"]) {
		if missing := lacks(name, decoded(t, text), decoded(t, l.read(t, name))); len(missing) > 0 {
			t.Errorf("the library differs from what the earlier provider saw:\n%s", strings.Join(missing, "\n"))
		}
	}
	// the role that brings the database up to date, after the provider of all tenants
	if admin := dsn["admin"]; admin != "" {
		if _, err := pgstore.Init(t.Context(), admin, nil); err != nil {
			t.Fatal(err)
		}
	}

	for _, w := range []*tfacc.Workspace{guest, owner} {
		w.Setenv("TF_VAR_changed", "true")
		w.Setenv("TF_VAR_power", "running")
	}
	tfacc.Says(t, guest.Apply(t), "0 added, 1 changed, 0 destroyed")
	for _, name := range []string{"more.tf", "unheard.tf"} {
		owner.Write(t, name, l.read(t, name))
	}
	tfacc.Says(t, owner.Apply(t), "7 added, 10 changed, 0 destroyed", "sent = 0")
	owner.EmptyPlan(t)

	guest.Destroy(t)
	owner.Destroy(t)
}

// look is what data sources and an import find in the library, as JSON by the names of the files
// that have what the earlier provider found.
func (l library) look(t *testing.T, at, dsn string) map[string]string {
	t.Helper()
	reader := l.workspace(t, at, "none", dsn, "read.tf")
	reader.OwnProcess()
	reader.Apply(t)
	heir := l.workspace(t, at, "none", dsn, "made.tf", "import.tf")
	heir.OwnProcess()
	must(t, heir, "plan", "-out=plan")
	var plan struct {
		Changes []struct {
			Address string `json:"address"`
			Change  struct {
				Actions []string `json:"actions"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(show(t, heir, "show", "-json", "plan")), &plan); err != nil {
		t.Fatal(err)
	}
	actions := map[string][]string{}
	for _, c := range plan.Changes {
		actions[c.Address] = c.Change.Actions
	}
	imported, err := json.Marshal(actions)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		at + "-read.json":   show(t, reader, "output", "-json", "read"),
		at + "-import.json": string(imported),
	}
}

// show is what a command of Terraform's that needs no provider's process prints on its standard
// output.
func show(t *testing.T, w *tfacc.Workspace, args ...string) string {
	t.Helper()
	cmd := w.Command(t.Context(), args...)
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("terraform %q: %v", args, err)
	}
	return string(text)
}

func must(t *testing.T, w *tfacc.Workspace, args ...string) string {
	t.Helper()
	out, err := w.Run(t.Context(), args...)
	if err != nil {
		t.Fatalf("terraform %q: %v\n%s", args, err, out)
	}
	return out
}

func decoded(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return value
}

// lacks tells where a value of JSON differs from the wanted one. Objects may have more than is
// wanted: attributes that are newer.
func lacks(path string, got, want any) (where []string) {
	switch want := want.(type) {
	case map[string]any:
		has, _ := got.(map[string]any)
		for name, value := range want {
			where = append(where, lacks(path+"."+name, has[name], value)...)
		}
	case []any:
		has, _ := got.([]any)
		if len(has) != len(want) {
			return []string{fmt.Sprintf("%s has %d elements, want %d", path, len(has), len(want))}
		}
		for n, value := range want {
			where = append(where, lacks(fmt.Sprintf("%s[%d]", path, n), has[n], value)...)
		}
	default:
		if got != want {
			return []string{fmt.Sprintf("%s is %v, want %v", path, got, want)}
		}
	}
	return where
}

// isEmpty checks that nothing of the library is left.
func (l library) isEmpty(t *testing.T, admin string) {
	if left := l.host.Leftovers(t, libraryPool, ""); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	if n := rows(t, admin); n != "0 templates, 0 versions" {
		t.Errorf("the database still holds %s", n)
	}
}
