package instance_test

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// Nothing that Terraform or the provider writes contains a value of parameters_wo, and only its
// version shows that it changed.
func TestAccSecretsStayOutOfStatePlanAndLog(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("secret")
	t.Parallel()
	const secret, other = "correct-horse-battery", "another-staple-here"
	w := newWorkspace(t, host, name, shopOf(name, blankImage(t),
		`token = { type = "string", required = true, sensitive = true }`))
	one := func(version string) string {
		return "variable \"token\" {\n  type = string\n  ephemeral = true\n}\n" +
			instance("it", name+"-it", `power_state = "stopped"`, `wait_for = ["cloud_init"]`,
				`parameters_wo = { token = var.token }`, "parameters_wo_version = "+version)
	}
	log := filepath.Join(w.Dir, "trace.log")
	w.Setenv("TF_LOG", "trace")
	w.Setenv("TF_LOG_PATH", log)
	w.Setenv("TF_VAR_token", secret)
	run := func(args ...string) string {
		t.Helper()
		out, err := w.Run(t.Context(), args...)
		if err != nil {
			t.Fatalf("terraform %v: %v\n%s", args, err, out)
		}
		return out
	}
	w.instances(t, one("1"))
	tfacc.Says(t, run("plan", "-out=plan"), "parameters_wo = (write-only attribute)")
	run("apply", "plan")
	w.EmptyPlan(t)
	if id := stateOf(t, w.Workspace, "novacron_instance.it")["effective_parameters"]; len(id.(map[string]any)) != 0 {
		t.Errorf("effective_parameters are %v", id)
	}
	for _, file := range []string{"plan", "terraform.tfstate", "trace.log"} {
		if _, err := os.Stat(filepath.Join(w.Dir, file)); err != nil {
			t.Error(err)
		}
	}
	unzip(t, filepath.Join(w.Dir, "plan"), filepath.Join(w.Dir, "unzipped"))
	// exit status 1 means no match
	if found, _ := exec.CommandContext(t.Context(), "grep", "-rlaF", secret, w.Dir).Output(); len(found) > 0 {
		t.Errorf("the secret is in\n%s", found)
	}

	w.Setenv("TF_VAR_token", other)
	if readByFramework.MatchString(read(t, log)) {
		t.Error("the framework has read the instance, which the fast path does")
	}
	w.Setenv("NOVACRON_NO_FAST_PATH", "1")
	w.EmptyPlan(t)
	w.Setenv("NOVACRON_NO_FAST_PATH", "")
	if logged := read(t, log); !strings.Contains(logged, "the fast path is off, by NOVACRON_NO_FAST_PATH") {
		t.Error("the log does not say that the fast path is off")
	} else if !readByFramework.MatchString(logged) {
		t.Error("the fast path is off, and the framework has not read the instance")
	}
	w.instances(t, one("2"))
	tfacc.Says(t, run("plan"), "must be replaced", "parameters_wo_version = 1 -> 2 # forces replacement")
	w.instances(t)
	run("apply", "-auto-approve")
	findsNowhere(t, host, secret, "nothing")
	w.Setenv("TF_LOG", "")
}

// readByFramework is the line in a log when the framework reads an instance.
var readByFramework = regexp.MustCompile(`Called provider defined Resource Read:.* ` +
	`tf_resource_type=novacron_instance\b`)

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// unzip unpacks a plan, which is a ZIP file.
func unzip(t *testing.T, file, directory string) {
	t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if err := os.CopyFS(directory, archive); err != nil {
		t.Fatal(err)
	}
}

// A sensitive value in parameters is the user's choice; the plan says what that means, and detects
// its changes.
func TestAccSensitiveValueInParametersIsWarnedOf(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("sensitive")
	t.Parallel()
	w := newWorkspace(t, host, name, shopOf(name, blankImage(t), `token = { type = "string", sensitive = true }`))
	one := func(token string) string {
		return instance("it", name+"-it", `power_state = "stopped"`, `wait_for = []`,
			`parameters = { token = "`+token+`" }`)
	}
	w.instances(t, one("first"))
	tfacc.Says(t, w.Apply(t), "Sensitive value stored in state", "Use parameters_wo, whose values it does not keep")
	w.EmptyPlan(t)
	if xml := host.Virsh(t, "dumpxml", name+"-it"); len(xml) == 0 || strings.Contains(xml, ">first<") {
		t.Error("the domain's definition holds the value")
	}
	w.instances(t, one("second"))
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatal(err)
	}
	tfacc.Says(t, out, "must be replaced")
	w.instances(t)
	w.Apply(t)
}
