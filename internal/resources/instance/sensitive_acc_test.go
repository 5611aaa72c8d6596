package instance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// hush is a part of every value of the sensitive variable.
const hush = "hush-hush"

// everywhere is a shop and an instance that have the sensitive variable in every attribute that takes any text.
func everywhere(name, image string, disturb ...string) string {
	config := `
variable "secret" {
  type      = string
  sensitive = true
}
resource "novacron_template" "it" {
  name             = "NAME"
  display_name     = "display ${var.secret}"
  description      = "describes ${var.secret}"
  labels           = { note = "labels ${var.secret}" }
  hardware_profile = { cpu_type = "Nehalem", memory_mb = 128 }
  parameters = {
    hostname = { type = "string" }
    port     = { type = "integer", default = 80, max_value = 443 }
    pass     = { type = "string" }
    pin      = { type = "string", regex = "^[a-z-]+[0-9]*$", sensitive = true }
    digits   = { type = "integer", sensitive = true }
    motd     = { type = "text", default = "default ${var.secret}", description = "about ${var.secret}" }
    tags     = { type = "list" }
    env      = { type = "map" }
    key      = { type = "text", target = "ssh_key" }
  }
  cloud_init = { user_data = "#cloud-config\n# user data ${var.secret}\nwrite_files:\n- path: /pass\n  content: {{ quote .pass }}\n" }
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "1.0.0"
  description = "new in ${var.secret}"
  source      = { url = "http://user:${var.secret}@IMAGE?token=${var.secret}", headers = { Authorization = "header ${var.secret}" } }
}
resource "novacron_instance" "it" {
  name        = "NAME-it"
  template_id = novacron_template.it.id
  version     = novacron_template_version.it.version
  power_state = "stopped"
  wait_for    = []
  description = "describes ${var.secret}"
  labels      = { note = "labels ${var.secret}" }
  parameters  = {
    hostname = "it", pass = var.secret, tags = ["tag", var.secret], env = { PASS = var.secret }
    key      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKZdAeSqdAvFj3SjiIJXrwN1gUn8n9ZTrXQ2hmyIHY8F ${var.secret}"
  }
  customization = {
    ssh_authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKZdAeSqdAvFj3SjiIJXrwN1gUn8n9ZTrXQ2hmyIHY8F ${var.secret}"]
    users               = { u = { ssh_authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKZdAeSqdAvFj3SjiIJXrwN1gUn8n9ZTrXQ2hmyIHY8F ${var.secret}"] } }
    files               = { "/pass" = { content = "file ${var.secret}" } }
    run_commands        = ["login ${var.secret}"]
    user_data           = "#cloud-config\nnote: ${var.secret}\n"
  }
}
`
	return strings.NewReplacer(append(disturb, "NAME", name, "IMAGE", image)...).Replace(config)
}

// found are data sources that read the same. What is written into the catalogue for others to read, such as a description, is
// theirs to show; what often holds secrets is not.
const found = `
data "novacron_template" "it" {
  id         = novacron_template.it.id
  depends_on = [novacron_template.it]
}
data "novacron_instance" "it" {
  id         = novacron_instance.it.id
  depends_on = [novacron_instance.it]
}
`

// What a configuration has from a sensitive variable is printed nowhere: not by a plan or an apply of anything, not with an
// error, and not from the state, wherever the provider repeats it.
func TestAccSensitiveVariablesAreNotPrinted(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("hush")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := blankImage(t)
	there := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !there {
			http.Error(w, "gone", http.StatusNotFound)
			return
		}
		http.ServeFile(w, r, image)
	}))
	t.Cleanup(server.Close)
	url := strings.TrimPrefix(server.URL, "http://") + "/image.qcow2"
	w := tfacc.NewWorkspace(t, "")
	configure := func(disturb ...string) { w.Configure(t, tfacc.Provider(pool)+everywhere(name, url, disturb...)) }
	run := func(fails bool, args ...string) string {
		t.Helper()
		out, err := w.Run(t.Context(), args...)
		if (err != nil) != fails {
			t.Fatalf("terraform %v: %v\n%s", args, err, out)
		}
		if strings.Contains(tfacc.Prose(out), hush) {
			t.Errorf("terraform %v prints the value:\n%s", args, out)
		}
		return out
	}
	set := func(number string) { w.Setenv("TF_VAR_secret", hush+number) }

	set("1")
	configure()
	there = false
	run(true, "apply", "-auto-approve")
	there = true
	tfacc.Says(t, run(false, "plan"), "effective_parameters = (sensitive value)")
	run(false, "apply", "-auto-approve")
	w.EmptyPlan(t)
	run(false, "show")
	w.Configure(t, tfacc.Provider(pool)+everywhere(name, url)+found)
	w.Apply(t)
	if out, err := w.Run(t.Context(), "show"); err != nil || strings.Count(out, "effective_parameters = (sensitive value)") != 2 ||
		strings.Contains(out, "user data "+hush) {
		t.Errorf("the data sources show secrets (%v):\n%s", err, out)
	}

	for mistake, disturb := range map[string][]string{
		"does not match the regular expression": {`pass = var.secret`, `pin = "${var.secret} !"`},
		`no parameter "hast"`:                   {`pass = var.secret`, `pass = var.secret, "hast" = var.secret`},
		"not an SSH public key":                 {`"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKZdAeSqdAvFj3SjiIJXrwN1gUn8n9ZTrXQ2hmyIHY8F ${var.secret}"`, `var.secret`},
		"not valid YAML":                        {`nnote: ${var.secret}`, `nnote: [${var.secret}`},
		"an integer":                            {`hostname = "it"`, `hostname = "it", digits = var.secret`},
		"scheme is not http":                    {"http://user", "htp://user"},
	} {
		t.Run(mistake, func(t *testing.T) {
			configure(disturb...)
			tfacc.Says(t, run(true, "plan"), mistake)
		})
	}

	// A state of an older provider, whose schema did not mark it.
	set("2")
	configure()
	unmark(t, filepath.Join(w.Dir, "terraform.tfstate"), "effective_parameters")
	tfacc.Says(t, run(false, "plan"), "effective_parameters = (sensitive value)", "forces replacement")
	run(false, "apply", "-auto-approve")
	w.EmptyPlan(t)

	id := strings.Trim(run(false, "state", "show", "novacron_instance.it"), "\n")
	if uuid := regexp.MustCompile(`(?m)^\s+id\s+= "(.*)"$`).FindStringSubmatch(id); uuid == nil {
		t.Errorf("the state has no id:\n%s", id)
	} else {
		run(false, "state", "rm", "novacron_instance.it")
		w.Configure(t, tfacc.Provider(pool)+everywhere(name, url)+fmt.Sprintf("import {\n  to = novacron_instance.it\n  id = %q\n}\n", uuid[1]))
		run(false, "plan")
		run(false, "apply", "-auto-approve")
	}
	configure()
	run(false, "plan", "-destroy")
	run(false, "destroy", "-auto-approve")
}

// unmark takes out of a state that an attribute of instances is sensitive.
func unmark(t *testing.T, file, attribute string) {
	t.Helper()
	text, err := os.ReadFile(file)
	var state map[string]any
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		t.Fatal(err)
	}
	marks := 0
	for _, r := range state["resources"].([]any) {
		for _, i := range r.(map[string]any)["instances"].([]any) {
			instance := i.(map[string]any)
			paths, _ := instance["sensitive_attributes"].([]any)
			left := slices.DeleteFunc(paths, func(path any) bool { return path.([]any)[0].(map[string]any)["value"] == attribute })
			instance["sensitive_attributes"], marks = left, marks+len(paths)-len(left)
		}
	}
	if text, err = json.Marshal(state); err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil || marks == 0 {
		t.Fatalf("the state did not say that %s is sensitive (%v)", attribute, err)
	}
}
