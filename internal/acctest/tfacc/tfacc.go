// Package tfacc runs Terraform in acceptance tests. The provider under test is served by the test's
// process, or runs as a binary of its own.
package tfacc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Provider returns the configuration of the provider for a pool. All else comes from the test's
// environment.
func Provider(pool string) string {
	return fmt.Sprintf("provider \"novacron\" {\n  pool = %q\n}\n", pool)
}

// Name returns a name that no other test uses, so tests can tell their own objects on a shared
// host.
func Name(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:8]) }

// Workspace is a directory with a configuration, in which the real Terraform runs. Usually the
// test's process serves the provider, which takes a fraction of the time. Terraform starts the
// provider as a process, as it does for a user, if the test needs that: for environment variables
// other than the provider's settings, several configurations of the provider, another user or a
// signal, or if the test calls OwnProcess.
type Workspace struct {
	Dir string
	t   testing.TB // receives failures of the provider's own checks
	env []string
	// A provider in the test's process looks up settings in served before the test's environment.
	served map[string]string
	own    bool    // the provider is a process of its own
	user   *asUser // runs Terraform as this user; nil for the test's own
}

// NewWorkspace creates a workspace with that main.tf. The test's environment says which host the
// provider connects to.
func NewWorkspace(t testing.TB, config string) *Workspace {
	t.Helper()
	w := &Workspace{Dir: t.TempDir(), t: t, served: map[string]string{}}
	rc := filepath.Join(w.Dir, "terraform.rc")
	w.Write(t, "terraform.rc", `provider_installation {
  dev_overrides { "novacron/novacron" = "`+filepath.Dir(Binary(t))+`" }
  direct {}
}
`)
	w.Configure(t, config)
	w.env = append(environment(), "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	return w
}

// aliased matches an additional configuration of the provider. Terraform starts one process for
// each configuration, but a provider in the test's process would have to serve all of them.
var aliased = regexp.MustCompile(`(?m)^\s*alias\s*=`)

// Configure replaces main.tf.
func (w *Workspace) Configure(t testing.TB, config string) {
	t.Helper()
	w.Write(t, "main.tf", `terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}
`+config)
}

// Write writes a file of the configuration.
func (w *Workspace) Write(t testing.TB, name, content string) {
	t.Helper()
	w.own = w.own || aliased.MatchString(content)
	path := filepath.Join(w.Dir, name)
	err := os.WriteFile(path, []byte(content), 0o600)
	if err = errors.Join(err, w.user.owns(path)); err != nil {
		t.Fatal(err)
	}
}

// settings are the environment variables that configure the provider rather than its process.
var settings = []string{
	"NOVACRON_URI", "NOVACRON_POOL", "NOVACRON_TENANT", "NOVACRON_USER", "NOVACRON_CATALOG_DSN",
	"NOVACRON_CATALOG_ADMIN_DSN", "NOVACRON_DOMAIN_TYPE",
}

// Setenv adds a variable to the environment of Terraform and of the provider.
func (w *Workspace) Setenv(name, value string) {
	w.env = append(w.env, name+"="+value)
	if slices.Contains(settings, name) {
		w.served[name] = value
		return
	}
	w.own = w.own || !strings.HasPrefix(name, "TF_VAR_")
}

// OwnProcess makes Terraform start the provider as a process of its own from now on.
func (w *Workspace) OwnProcess() { w.own = true }

// Command prepares terraform with these arguments and -no-color. Terraform starts the provider as a
// process of its own. When ctx ends, Terraform is interrupted, not killed.
func (w *Workspace) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "terraform", append(args, "-no-color")...)
	cmd.Dir, cmd.Env = w.Dir, slices.Clone(w.env)
	w.user.runs(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 3 * time.Minute
	return cmd
}

// commandTime is how long Terraform may take: longer than an instance may.
const commandTime = 15 * time.Minute

// Run runs terraform and returns its output. The error is that of its exit.
func (w *Workspace) Run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := w.Command(ctx, args...)
	if !w.own {
		attach, end, err := serve(ctx, w.t, maps.Clone(w.served))
		if err != nil {
			return "", err
		}
		defer end()
		cmd.Env = append(cmd.Env, attach)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Apply applies the configuration. If that fails, the test fails.
func (w *Workspace) Apply(t testing.TB) string {
	t.Helper()
	return w.Succeeds(t, "apply", "-auto-approve")
}

// Fails runs terraform, expects it to fail, and returns its output.
func (w *Workspace) Fails(t testing.TB, args ...string) string {
	t.Helper()
	out, err := w.Run(t.Context(), args...)
	if err == nil {
		t.Fatalf("terraform %s succeeded:\n%s", strings.Join(args, " "), out)
	}
	return out
}

// EmptyPlan checks that a plan has nothing to do.
func (w *Workspace) EmptyPlan(t testing.TB) {
	t.Helper()
	if out, err := w.Run(t.Context(), "plan", "-detailed-exitcode"); err != nil {
		t.Errorf("the plan is not empty (%v):\n%s", err, out)
	}
}

// Show returns what the state has of a resource, as Terraform prints it.
func (w *Workspace) Show(t testing.TB, address string) string {
	t.Helper()
	return w.Succeeds(t, "state", "show", address)
}

// Destroy destroys everything. If that fails, the test fails.
func (w *Workspace) Destroy(t testing.TB) {
	t.Helper()
	w.Succeeds(t, "destroy", "-auto-approve")
}

// Succeeds runs terraform, expects it to succeed, and returns its output. The end of the test's context does not
// stop it, so cleanups can use it.
func (w *Workspace) Succeeds(t testing.TB, args ...string) string {
	t.Helper()
	out, err := w.Run(context.Background(), args...)
	if err != nil {
		t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "novacron-acc-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "terraform-provider-novacron")
	out, err := exec.Command("go", "build", "-o", path, "github.com/novacron/terraform-provider-novacron").
		CombinedOutput()
	if err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// Binary returns the path of the provider's executable: the one that NOVACRON_TEST_BINARY names, or
// one that is built once.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("NOVACRON_TEST_BINARY"); path != "" {
		return path
	}
	path, err := build()
	if err != nil {
		t.Fatalf("building the provider: %v", err)
	}
	return path
}
