//go:build linux

package provider_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// failing is an instance that does not become ready, so that there is the record of a request that
// failed.
const failing = `
resource "novacron_instance" "failing" {
  name        = "${var.at}-failing"
  template_id = novacron_template.plain.id
  version     = novacron_template_version.first.version
  timeouts {
    create = "20s"
    delete = "1s"
  }
}
`

// makeLibrary creates a library by the provider of NOVACRON_TEST_BINARY, from the configurations
// that are in the directory, and puts everything that it stored there.
func makeLibrary(t *testing.T, host *acctest.Host, directory string) {
	t.Helper()
	l := library{host: host, files: directory}
	host.Virsh(t, "pool-create-as", libraryPool, "dir", "--target", libraryDirectory, "--build")
	makeImages(t, l.path(t, "images.tar.gz"))
	database := pgtest.Database(t)
	initialise := []string{"catalog", "init", "--dsn", database(pgtest.Superuser)}
	for tenant, role := range libraryTenants {
		initialise = append(initialise, "--tenant", tenant+"="+role)
	}
	run(t, tfacc.Binary(t), initialise...)
	for at, dsn := range map[string]func(role string) string{"pool": nil, "pg": database} {
		l.makeCatalog(t, at, dsn)
	}

	_, uuid, _ := strings.Cut(host.Virsh(t, "capabilities"), "<uuid>")
	uuid, _, _ = strings.Cut(uuid, "</uuid>")
	l.write(t, "host-uuid", uuid+"\n")
	l.write(t, "pool.xml", host.Virsh(t, "pool-dumpxml", libraryPool))
	if err := os.MkdirAll(l.path(t, "domains"), 0o755); err != nil {
		t.Fatal(err)
	}
	for domain := range strings.FieldsSeq(host.Virsh(t, "list", "--all", "--name")) {
		l.write(t, "domains/"+domain+".xml", host.Virsh(t, "dumpxml", "--inactive", "--security-info", domain))
	}
	l.write(t, "autostart", host.Virsh(t, "list", "--all", "--name", "--autostart"))
	run(t, "tar", "--create", "--gzip", "--sparse", "--sort=name", "--numeric-owner",
		"--file", l.path(t, "pool.tar.gz"), "--directory", host.HostPath(libraryDirectory), ".")
	l.write(t, "database.sql", dump(t, database(pgtest.Superuser)))
}

// makeCatalog creates what one catalog has, with the states of its tenants, and what a killed
// provider leaves.
func (l library) makeCatalog(t *testing.T, at string, database func(role string) string) {
	t.Helper()
	dsn := map[string]string{}
	for tenant, role := range libraryTenants {
		if database != nil {
			dsn[tenant] = database(role)
		}
	}
	owner := l.workspace(t, at, "default", dsn["default"], "made.tf")
	guest := l.workspace(t, at, "bank", dsn["bank"], "bank.tf")
	for _, w := range []*tfacc.Workspace{owner, guest} {
		w.OwnProcess()
		_ = os.Remove(filepath.Join(w.Dir, "terraform.tfstate")) // of a library that was made before
	}
	owner.Setenv("TF_VAR_power", "running")
	owner.Apply(t)
	owner.Setenv("TF_VAR_power", "stopped")
	owner.Apply(t)
	guest.Apply(t)
	owner.Write(t, "failing.tf", failing)
	tfacc.Says(t, owner.Fails(t, "apply", "-auto-approve"), "did not become ready")
	owner.Write(t, "failing.tf", "")
	owner.Apply(t)
	owner.EmptyPlan(t)

	l.makeUnheard(t, owner, "novacron_template_version.unheard", 2)
	l.makeUnheard(t, owner, `novacron_instance.unheard["half"]`, 2)
	l.makeUnheard(t, owner, `novacron_instance.unheard["whole"]`, 1)
	owner.Write(t, "unheard.tf", "")
	owner.EmptyPlan(t)
	guest.EmptyPlan(t)

	for name, text := range l.look(t, at, dsn["default"]) {
		l.write(t, name, indented(t, text))
	}
	for tenant, w := range map[string]*tfacc.Workspace{"default": owner, "bank": guest} {
		state, err := os.ReadFile(filepath.Join(w.Dir, "terraform.tfstate"))
		if err != nil {
			t.Fatal(err)
		}
		l.write(t, at+"-"+tenant+".json", string(state))
	}
}

// makeUnheard kills the provider while it makes something, when that part of its steps is done: the
// first half, or all of those before Terraform hears of it.
func (l library) makeUnheard(t *testing.T, w *tfacc.Workspace, address string, part int) {
	t.Helper()
	way := l.host.Faulty(t)
	w.Write(t, "unheard.tf", l.read(t, "unheard.tf"))
	w.Setenv("TF_VAR_uri", way.URI)
	way.Arm(acctest.Fault{})
	must(t, w, "apply", "-auto-approve", "-target="+address)
	// Steps at the end only note that Terraform has heard of it, and an apply during which these fail
	// succeeds.
	for at := len(way.Steps()) / part; ; at-- {
		way.Arm(acctest.Fault{})
		must(t, w, "destroy", "-auto-approve", "-target="+address)
		if at == 0 {
			t.Fatal("no step matters")
		}
		way.Arm(acctest.Fault{At: at, When: acctest.After, Do: acctest.Kill})
		if out, err := w.Run(t.Context(), "apply", "-auto-approve", "-target="+address); err == nil {
			continue
		} else if !way.Done() {
			t.Fatalf("the provider was not killed:\n%s", out)
		}
		break
	}
	t.Logf("killed after %q", way.Steps())
	way.Arm(acctest.Fault{})
	w.Setenv("TF_VAR_uri", l.host.URI)
	if out := must(t, w, "state", "list"); strings.Contains(out, address) {
		t.Fatalf("the state has it:\n%s", out)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func (l library) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(l.path(t, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func indented(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// dump is the database as plain SQL, without what psql alone understands.
func dump(t *testing.T, dsn string) string {
	t.Helper()
	var sql strings.Builder
	for line := range strings.Lines(run(t, "pg_dump", "--inserts", "--dbname="+dsn)) {
		if !strings.HasPrefix(line, `\`) {
			sql.WriteString(line)
		}
	}
	return sql.String()
}

// makeImages creates the images of the versions: small, and each with other data.
func makeImages(t *testing.T, archive string) {
	t.Helper()
	directory := t.TempDir()
	raw := func(name string, blocks ...byte) string {
		disk := make([]byte, 1<<20)
		for n, block := range blocks {
			copy(disk[n*64<<10:], bytes.Repeat([]byte{block & 0x1f, 0}, 32<<10))
		}
		disk[510], disk[511] = 0x55, 0xaa // as a boot sector ends
		path := filepath.Join(directory, name+".raw")
		if err := os.WriteFile(path, disk, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var err error
	for name, blocks := range map[string]string{"first": "abc", "second": "abd", "fifth": "abde"} {
		path := raw(name, []byte(blocks)...)
		run(t, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", path, filepath.Join(directory, name+".qcow2"))
		err = errors.Join(err, os.Remove(path))
	}
	raw("third", 'x', 'y')
	run(t, "gzip", "--no-name", filepath.Join(directory, "third.raw"))
	raw("fourth", 'z')
	if err != nil {
		t.Fatal(err)
	}
	run(t, "tar", "--create", "--gzip", "--sparse", "--sort=name", "--numeric-owner", "--file", archive,
		"--directory", directory, ".")
}
