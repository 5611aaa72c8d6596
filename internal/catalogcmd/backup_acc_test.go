package catalogcmd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A library is exported on one host and restored on another, in both kinds of catalog.
func TestAccABackupIsRestored(t *testing.T) {
	from, to := newPool(t), newPool(t)
	admin, dsn := newDatabase(t, to, "t1", "t2")
	l, images := from.library(t, "t1", ""), map[string]string{"1.0.0": qcow2(t), "1.0.1": "", "2.0.0": rawDisk(t)}
	images["1.0.1"] = images["1.0.0"]
	id := offer(t, l, "ubuntu", images)
	other := from.library(t, "t2", "")
	theirs := map[string]string{"1.0.0": images["2.0.0"]}
	foreign := offer(t, other, "theirs", theirs)
	file := filepath.Join(t.TempDir(), "library.tar")

	out := from.catalog(t, exitDone, "export", "--to", file)
	if !strings.Contains(out, "templates: 2, versions: 4, requests: 0, images: 2") {
		t.Errorf("it says\n%s", out)
	}
	from.catalog(t, exitFailed, "export", "--to", file) // the file exists already
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Blocks*512 > info.Size()-(16<<20) ||
		info.Mode().Perm() != 0o600 {
		t.Errorf("the file takes %d bytes of its %d, mode %v: are there no holes?",
			stat.Blocks*512, info.Size(), info.Mode())
	}
	unpacked := t.TempDir()
	if out, err := exec.Command(
		"sh", "-ec", `tar -xf "$1" -C "$2"; cd "$2"; sha256sum --quiet --strict -c SHA256SUMS`, "sh", file, unpacked,
	).CombinedOutput(); err != nil {
		t.Errorf("the plain tools: %v: %s", err, out)
	}

	// A tenant's role imports that tenant's objects.
	out = to.catalog(t, exitDone, "import", "--from", file, "--to", dsn["t1"])
	if !strings.Contains(out, "left out: objects of the tenants t2") ||
		!strings.Contains(out, "templates: 1, versions: 3") {
		t.Errorf("it says\n%s", out)
	}
	restored := to.library(t, "t1", dsn["t1"])
	whole(t, restored, id, images)
	// An administrator imports the rest, too.
	out = to.catalog(t, exitDone, "import", "--from", file, "--to", admin)
	if !strings.Contains(out, "templates: 1 (1 more were there already), versions: 1 (3 more were there already)") {
		t.Errorf("it says\n%s", out)
	}
	whole(t, to.library(t, "t2", dsn["t2"]), foreign, theirs)
	// The pool's own catalog, which has the images already, can be restored beside the database.
	to.catalog(t, exitDone, "import", "--from", file)
	whole(t, to.library(t, "t1", ""), id, images)
	if stored := to.images(t); len(stored) != 2 {
		t.Errorf("images are stored as %q", stored)
	}

	// A backup of the database is the same as one of the pool.
	again := filepath.Join(t.TempDir(), "again.tar")
	if out := to.catalog(
		t, exitDone, "export", "--from", admin, "--to", again,
	); !strings.Contains(out, "templates: 2, versions: 4, requests: 0, images: 2") {
		t.Errorf("it says\n%s", out)
	}
	to.catalog(t, exitDone, "import", "--from", again)

	if _, err := restored.UpdateTemplate(t.Context(), id, func(t *catalog.Template) { t.Labels = nil }); err != nil {
		t.Fatal(err)
	}
	out = to.catalog(t, exitFailed, "import", "--from", file, "--to", admin)
	if !strings.Contains(out, "template t1/ubuntu: labels") {
		t.Errorf("of a difference, it says\n%s", out)
	}

	withdraw(t, l, id)
	withdraw(t, other, foreign)
	for _, dsns := range []map[string]string{dsn, {}} {
		withdraw(t, to.library(t, "t1", dsns["t1"]), id)
		withdraw(t, to.library(t, "t2", dsns["t2"]), foreign)
	}
	if left := to.images(t); len(left) != 0 {
		t.Errorf("images are left: %q", left)
	}
}

// A file that is damaged or cut off anywhere restores nothing.
func TestAccADamagedBackupRestoresNothing(t *testing.T) {
	from, to := newPool(t), newPool(t)
	l := from.library(t, "t1", "")
	id := offer(t, l, "ubuntu", map[string]string{"1.0.0": qcow2(t)})
	file := filepath.Join(t.TempDir(), "library.tar")
	from.catalog(t, exitDone, "export", "--to", file)
	withdraw(t, l, id)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := filepath.Join(t.TempDir(), "spoilt.tar")
	check := func(what string, content []byte) {
		t.Helper()
		if err := os.WriteFile(spoilt, content, 0o600); err != nil {
			t.Fatal(err)
		}
		out := to.catalog(t, exitFailed, "import", "--from", spoilt)
		if !strings.Contains(out, spoilt) {
			t.Errorf("%s: it says\n%s", what, out)
		}
	}
	for _, part := range []string{`"description": "as it was"`, `"digest": "fsverity:`, "QFI\xfb", "SHA256SUMS"} {
		at := bytes.Index(good, []byte(part))
		if at < 0 {
			t.Fatalf("there is no %q in the backup", part)
		}
		content := bytes.Clone(good)
		content[at+len(part)-1] ^= 1
		check("changed after "+part, content)
	}
	for _, length := range []int{0, 100, 512, 4096, len(good) / 2, bytes.LastIndex(good, []byte("SHA256SUMS")) - 1} {
		check("cut off", good[:length])
	}
	check("not a tar file", bytes.Repeat([]byte("no tar file. "), 1000))
	if left := to.Leftovers(t, to.name, "nova."); len(left) != 0 {
		t.Errorf("in the pool is %q", left)
	}
}

// An export that fails leaves no file, and an image that does not match its digest is not exported.
func TestAccADamagedImageIsNotExported(t *testing.T) {
	p := newPool(t)
	l := p.library(t, "t1", "")
	id := offer(t, l, "ubuntu", map[string]string{"1.0.0": qcow2(t)})
	image := filepath.Join(p.dir, p.images(t)[0])
	content, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-1] ^= 1
	if err := os.WriteFile(image, content, 0o600); err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	out := p.catalog(t, exitFailed, "export", "--to", filepath.Join(directory, "library.tar"))
	if !strings.Contains(out, "t1/ubuntu@1.0.0") || !strings.Contains(out, "is damaged") {
		t.Errorf("it says\n%s", out)
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	withdraw(t, l, id)
}

func TestMistakesOnTheCommandLine(t *testing.T) {
	const secret = "s3cr3t"
	for _, args := range [][]string{
		{}, {"nothing"}, {"init"}, {"init", "--dsn"}, {"init", "--dsn", "host=h", "--tenant", "t1"},
		{"init", "--dsn", "host=h", "--tenant", "T1=role"},
		{"init", "--dsn", "host=h", "--tenant", "t1=a", "--tenant", "t1=b"},
		{"copy"}, {"copy", "--from", "embedded", "--to", "embedded"},
		{"copy", "--from", "embedded", "--to", "mysql://u:" + secret + "@h/d"},
		{"copy", "--from", "postgres", "--to", "embedded"}, {"copy", "postgres://u:" + secret + "@h/d"}, {"export"},
		{"import"},
		{"export", "--too", "postgres://u:" + secret + "@h/d"}, {"export", "--to", "f", "--tenant", "No"},
	} {
		var stdout, stderr bytes.Buffer
		if code := Run(t.Context(), args, &stdout, &stderr); code != exitUsage || stdout.Len() > 0 ||
			stderr.Len() == 0 {
			t.Errorf("%q: exit %d, %s%s", args, code, &stdout, &stderr)
		}
		if strings.Contains(stderr.String(), secret) {
			t.Errorf("%q tells the password: %s", args, &stderr)
		}
	}
	for name := range commands {
		var stdout, stderr bytes.Buffer
		if code := Run(t.Context(), []string{name, "--help"}, &stdout, &stderr); code != exitDone || stderr.Len() > 0 ||
			!strings.Contains(stdout.String(), "--") {
			t.Errorf("%s --help: exit %d, %s%s", name, code, &stdout, &stderr)
		}
	}
	t.Setenv(envDSN, "postgres://u:"+secret+"@127.0.0.1:1/d")
	var stdout, stderr bytes.Buffer
	if code := Run(t.Context(), []string{"init"}, &stdout, &stderr); code != exitFailed ||
		!strings.Contains(stderr.String(), "cannot be reached") ||
		strings.Contains(stderr.String(), secret) {
		t.Errorf("init without a server: exit %d, %s", code, &stderr)
	}
}

func TestPreparingSaysWhatWasDone(t *testing.T) {
	dsn, role := pgtest.Database(t), pgtest.Role("nova_t1")
	run := func() string {
		var out bytes.Buffer
		if code := Run(
			t.Context(), []string{"init", "--dsn", dsn(pgtest.Superuser), "--tenant", "t1=" + role}, &out, &out,
		); code != exitDone {
			t.Errorf("exit %d", code)
		}
		return out.String()
	}
	if out := run(); !strings.Contains(out, "was created") || !strings.Contains(out, `\password `+role) {
		t.Errorf("it says\n%s", out)
	}
	if out := run(); strings.Contains(out, role) || !strings.Contains(out, "The catalog exists") {
		t.Errorf("again, it says\n%s", out)
	}
}
