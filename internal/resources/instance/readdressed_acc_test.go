package instance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// Objects that Terraform has under another address, or as deposed, or has just imported, are the
// same objects: nothing is planned for those that match their configuration, and deposed ones are
// removed.
func TestAccWhatMovesIsDeposedOrImportedIsTheSame(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("readdressed")
	t.Parallel()
	provider := tfconfig.Provider{URI: host.URI}.String()
	image := blankImage(t)
	// labelled has all resources under that label, except the instances.
	labelled := func(label string, instances ...string) string {
		t, v := template(name), release(image)
		t.Label, v.Label = label, label
		config := provider + tfconfig.Render(t, v.Of(t))
		for _, of := range instances {
			i := off(of, name)
			if of != label {
				i.Name = name + "-" + of
			}
			config += i.Of(t, v).String()
		}
		return config
	}
	w := tfacc.NewWorkspace(t, labelled("it", "it"))
	t.Cleanup(func() {
		w.Destroy(t)
		if left := host.Leftovers(t, "novacron", name); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	})
	w.Apply(t)

	moved := labelled("x", "x")
	withMoves := moved
	for _, kind := range []string{"template", "template_version", "instance"} {
		withMoves += fmt.Sprintf("moved {\n  from = novacron_%s.it\n  to   = novacron_%[1]s.x\n}\n", kind)
	}
	w.Configure(t, withMoves)
	out := w.Apply(t)
	tfacc.Says(t, out, "novacron_instance.it has moved to novacron_instance.x", "0 added, 0 changed, 0 destroyed")
	w.Configure(t, moved)
	w.EmptyPlan(t)

	// This state has as deposed what another address has, as an interrupted replacement leaves it.
	w.Configure(t, labelled("x", "x", "old"))
	w.Apply(t)
	depose(t, w, "old", "x")
	w.Configure(t, moved)
	tfacc.Says(t, w.Apply(t), "novacron_instance.x (deposed object 0a1b2c3d) will be destroyed",
		"0 added, 0 changed, 1 destroyed")
	if left := domains(t, host, name); len(left) != 1 {
		t.Errorf("the domains are %q", left)
	}
	w.EmptyPlan(t)

	imports := ""
	for kind, id := range map[string]string{"template": name, "template_version": name + "@1.0.0", "instance": name} {
		if out, err := w.Run(t.Context(), "state", "rm", "novacron_"+kind+".x"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		imports += fmt.Sprintf("import {\n  to = novacron_%s.x\n  id = %q\n}\n", kind, id)
	}
	w.Configure(t, moved+imports)
	tfacc.Says(t, w.Apply(t), "3 imported, 0 added", "0 destroyed")
	w.EmptyPlan(t)
}

// depose turns the object of one instance into a deposed object of another.
func depose(t *testing.T, w *tfacc.Workspace, of, at string) {
	t.Helper()
	text, err := w.Run(t.Context(), "state", "pull")
	var state map[string]any
	if err == nil {
		err = json.Unmarshal([]byte(text[strings.IndexByte(text, '{'):]), &state)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var left []any
	var object, other map[string]any
	for _, each := range state["resources"].([]any) {
		r := each.(map[string]any)
		switch {
		case r["type"] == "novacron_instance" && r["name"] == of:
			object = r["instances"].([]any)[0].(map[string]any)
			continue
		case r["type"] == "novacron_instance" && r["name"] == at:
			other = r
		}
		left = append(left, each)
	}
	object["deposed"] = "0a1b2c3d"
	other["instances"] = append(other["instances"].([]any), object)
	state["resources"], state["serial"] = left, state["serial"].(float64)+1
	changed, err := json.Marshal(state)
	file := filepath.Join(t.TempDir(), "state")
	if err == nil {
		err = os.WriteFile(file, changed, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := w.Run(t.Context(), "state", "push", file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
