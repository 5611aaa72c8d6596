package provider_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// The guide's module is tested as the guide says, by the real provider and by a mock of it.
func TestAccModuleTestsExampleWorks(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	pool, _ := host.Pool(t, tfacc.Name("module"))
	w := tfacc.NewWorkspace(t, "")
	if err := os.CopyFS(
		filepath.Join(w.Dir, "module"), os.DirFS(filepath.Join("..", "..", "examples", "module-tests")),
	); err != nil {
		t.Fatal(err)
	}
	// Modules below need an init, which asks registries for a provider that dev_overrides has.
	mirror := t.TempDir()
	binary := filepath.Join(mirror, "registry.terraform.io", "novacron", "novacron", "0.1.0",
		runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-novacron_v0.1.0")
	if err := os.MkdirAll(filepath.Dir(binary), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tfacc.Binary(t), binary); err != nil {
		t.Fatal(err)
	}
	w.Write(t, "terraform.rc", "provider_installation {\n  filesystem_mirror { path = \""+mirror+"\" }\n}\n")
	w.Setenv("NOVACRON_POOL", pool)
	w.Setenv("NOVACRON_TENANT", pool) // so that no other test has an instance of that name
	w.Setenv("TF_VAR_image", tfacc.EmptyImage(t, "16M"))
	run := func(args ...string) (string, error) {
		return w.Run(t.Context(), append([]string{"-chdir=module"}, args...)...)
	}
	for _, args := range [][]string{
		{"init"},
		{"test", "-filter=tests/real.tftest.hcl"},
		{"test", "-filter=tests/mocked.tftest.hcl"},
	} {
		out, err := run(args...)
		if err != nil {
			t.Fatalf("terraform %v: %v\n%s", args, err, out)
		}
		if args[0] == "test" {
			tfacc.Says(t, out, "Success! 2 passed, 0 failed.")
		}
	}
	if left := host.Leftovers(t, pool, "nova."); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	// What the template does not allow, a mock lets pass.
	add := func(file, template string) {
		content := example(t, "module-tests/tests/"+file)
		w.Write(t, filepath.Join("module", "tests", file),
			content+"run \"port\" {\n  command = plan\n  variables {\n    name = \"web-test\"\n    http_port = 99999\n"+
				template+"  }\n}\n")
	}
	add("mocked.tftest.hcl", "")
	add("real.tftest.hcl", "    template_id = run.platform.template_id\n")
	if out, err := run("test", "-filter=tests/mocked.tftest.hcl"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := run("test", "-filter=tests/real.tftest.hcl")
	if err == nil {
		t.Errorf("terraform test passes:\n%s", out)
	}
	tfacc.Says(t, out, `Parameter "http_port": 99999 is more than max_value 65535`)
	tfacc.Says(t, out, "2 passed, 1 failed") // on another stream than the error
}
