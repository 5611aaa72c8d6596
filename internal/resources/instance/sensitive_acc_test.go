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
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// hush is a part of every value of the sensitive variable.
const hush = "hush-hush"

// secret is a text with the sensitive variable in it.
func secret(before, after string) tfconfig.Expr {
	return tfconfig.Expr(`"` + before + "${var.secret}" + after + `"`)
}

// variable is the sensitive variable by itself.
const variable = tfconfig.Expr("var.secret")

// secretKey only looks like an SSH public key; its comment is the sensitive variable.
var secretKey = secret("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKZdAeSqdAvFj3SjiIJXrwN1gUn8n9ZTrXQ2hmyIHY8F ", "")

// leaky is a shop and an instance, whose attributes may have the sensitive variable.
type leaky struct {
	template tfconfig.Template
	version  tfconfig.Version
	instance tfconfig.Instance
	given    map[string]tfconfig.Value // the instance's parameters
}

// everywhere has the sensitive variable in every attribute that takes any text. The image is at an
// address without a scheme.
func everywhere(name, image string) leaky {
	t, v, i := template(name), release(""), off("it", name+"-it")
	note := map[string]tfconfig.Value{"note": secret("labels ", "")}
	t.DisplayName, t.Description, t.Labels = secret("display ", ""), secret("describes ", ""), note
	t.Parameters = map[string]tfconfig.Parameter{
		"hostname": {Type: "string"},
		"port":     {Type: "integer", Default: 80, MaxValue: 443},
		"pass":     {Type: "string"},
		"pin":      {Type: "string", Regex: "^[a-z-]+[0-9]*$", Sensitive: true},
		"digits":   {Type: "integer", Sensitive: true},
		"motd":     {Type: "text", Default: secret("default ", ""), Description: secret("about ", "")},
		"tags":     {Type: "list"},
		"env":      {Type: "map"},
		"key":      {Type: "text", Target: "ssh_key"},
	}
	t.CloudInit = &tfconfig.CloudInit{
		UserData: secret(`#cloud-config\n# user data `,
			`\nwrite_files:\n- path: /pass\n  content: {{ quote .pass }}\n`),
	}
	v.Description = secret("new in ", "")
	v.Source = &tfconfig.Source{
		URL:     secret("http://user:", "@"+image+"?token=${var.secret}"),
		Headers: map[string]tfconfig.Value{"Authorization": secret("header ", "")},
	}
	i.WaitFor, i.Description, i.Labels = []string{}, secret("describes ", ""), note
	given := map[string]tfconfig.Value{
		"hostname": "it", "pass": variable, "tags": []tfconfig.Value{"tag", variable},
		"env": map[string]tfconfig.Value{"PASS": variable}, "key": secretKey,
	}
	i.Parameters = given
	keys := []tfconfig.Value{secretKey}
	i.Customization = &tfconfig.Customization{
		SSHAuthorizedKeys: keys,
		Users:             map[string]tfconfig.User{"u": {SSHAuthorizedKeys: keys}},
		Files:             map[string]tfconfig.File{"/pass": {Content: secret("file ", "")}},
		RunCommands:       []tfconfig.Value{secret("login ", "")},
		UserData:          secret(`#cloud-config\nnote: `, `\n`),
	}
	return leaky{t, v, i, given}
}

func (l leaky) String() string {
	return "variable \"secret\" {\n  type      = string\n  sensitive = true\n}\n" +
		tfconfig.Render(l.template, l.version, l.instance)
}

// found are data sources that read the same. They may show what is written into the catalog for
// others to read, such as a description, but not what often holds secrets.
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

// A value of a sensitive variable is never printed, in no place where the provider repeats it: not
// by a plan or an apply of anything, not with an error, and not from the state.
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
	configure := func(disturb ...func(leaky)) {
		config := everywhere(name, url)
		for _, d := range disturb {
			d(config)
		}
		w.Configure(t, tfacc.Provider(pool)+config.String())
	}
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
	w.Configure(t, tfacc.Provider(pool)+everywhere(name, url).String()+found)
	w.Apply(t)
	if out, err := w.Run(t.Context(), "show"); err != nil ||
		strings.Count(out, "effective_parameters = (sensitive value)") != 2 ||
		strings.Contains(out, "user data "+hush) {
		t.Errorf("the data sources show secrets (%v):\n%s", err, out)
	}

	for mistake, disturb := range map[string]func(leaky){
		"does not match the regular expression": func(l leaky) { l.given["pin"] = secret("", " !") },
		`no parameter "hast"`:                   func(l leaky) { l.given["hast"] = variable },
		"not an SSH public key": func(l leaky) {
			l.given["key"] = variable
			l.instance.Customization.SSHAuthorizedKeys[0] = variable // and the user's
		},
		"not valid YAML": func(l leaky) {
			l.instance.Customization.UserData = secret(`#cloud-config\nnote: [`, `\n`)
		},
		"an integer":         func(l leaky) { l.given["digits"] = variable },
		"scheme is not http": func(l leaky) { l.version.Source.URL = secret("htp://user:", "@"+url+"?token=") },
	} {
		t.Run(mistake, func(t *testing.T) {
			configure(disturb)
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
		w.Configure(t, tfacc.Provider(pool)+everywhere(name, url).String()+
			fmt.Sprintf("import {\n  to = novacron_instance.it\n  id = %q\n}\n", uuid[1]))
		run(false, "plan")
		run(false, "apply", "-auto-approve")
	}
	configure()
	run(false, "plan", "-destroy")
	run(false, "destroy", "-auto-approve")
}

// unmark removes from a state that an attribute of instances is sensitive.
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
			left := slices.DeleteFunc(paths, func(path any) bool {
				return path.([]any)[0].(map[string]any)["value"] == attribute
			})
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
