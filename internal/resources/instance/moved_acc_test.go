package instance_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// listPools is the libvirt procedure that the comparison of hosts needs.
const listPools = 281

// An instance whose provider configuration leads to another host is neither forgotten nor silently
// created there. The same holds for templates and versions.
func TestAccInstanceIsNotLeftOnAnotherHostSilently(t *testing.T) {
	first := acctest.RequireHost(t)
	second, name, image := first.Own(t, "moved"), tfacc.Name("moved"), blankImage(t)
	t.Parallel()
	// config has a library at each of two addresses, and an instance of the one of an alias there.
	config := func(uri, alias string, settings ...string) string {
		var c strings.Builder
		i := off("it", name)
		i.Settings = settings
		library := func(label, at, name string) {
			t, v := template(name), release(image)
			t.Label, v.Label = label, label
			t.Provider = tfconfig.Expr("novacron." + at)
			v.Provider = t.Provider
			c.WriteString(tfconfig.Render(t, v.Of(t)))
			if label == alias {
				i = i.Of(t, v)
				i.Provider = t.Provider
			}
		}
		for at, uri := range map[string]string{"first": uri, "second": second.URI} {
			c.WriteString(tfconfig.Provider{Alias: at, URI: uri}.String())
			library(at, at, name)
		}
		library("only", "first", name+"-only") // which the second host does not have
		c.WriteString(i.String())
		return c.String()
	}
	w := tfacc.NewWorkspace(t, config(first.URI, "first"))
	t.Cleanup(func() {
		w.Destroy(t)
		for _, host := range []*acctest.Host{first, second} {
			if left := host.Leftovers(t, "novacron", name); len(left) > 0 {
				t.Errorf("left over: %q", left)
			}
		}
	})
	plan := func(args ...string) string {
		t.Helper()
		out, err := w.Run(t.Context(), append([]string{"plan"}, args...)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	w.Apply(t)
	hostID := func(host *acctest.Host) string {
		_, uuid, _ := strings.Cut(host.Virsh(t, "capabilities"), "<uuid>")
		uuid, _, _ = strings.Cut(uuid, "</uuid>")
		return uuid
	}
	hostname := strings.TrimSpace(first.Virsh(t, "hostname"))
	if note := noteOfHost(t, w); note["uuid"] != hostID(first) || note["name"] != hostname || note["pool"] == "" {
		t.Errorf("a create noted the host %v", note)
	}

	// Recording the host costs no request.
	counted := first.Count(t)
	w.Configure(t, config(counted.URI, "first"))
	w.EmptyPlan(t)
	if calls := counted.CallsOf(listPools); calls > 0 {
		t.Errorf("a plan with nothing to do lists the pools %d times", calls)
	}
	w.Configure(t, config(first.URI, "first"))

	// A state of an older release does not name its host until a refresh.
	loseNotes(t, w)
	w.Apply(t)
	if note := noteOfHost(t, w); note["uuid"] != hostID(first) {
		t.Errorf("a refresh noted the host %v", note)
	}

	w.Configure(t, config(first.URI, "second"))
	for _, args := range [][]string{
		{"plan"},
		{"destroy", "-auto-approve", "-refresh=false", "-target=novacron_instance.it"},
	} {
		tfacc.Says(t, w.Fails(t, args...), "Instance is on another host", fmt.Sprintf("Instance %q",
			name), "was last seen on host", hostID(first),
			"is configured for host", hostID(second), second.URI, "terraform state rm ADDRESS")
	}
	w.Configure(t, config(first.URI, "second", `description = "changed"`))
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve", "-refresh=false"), "Instance is on another host")
	if all := domains(t, first, name); len(all) != 1 {
		t.Fatalf("on the first host there are the domains %q", all)
	}

	// An alias that itself leads elsewhere takes templates and versions with it.
	w.Configure(t, config(second.URI, "first"))
	out := w.Fails(t, "plan")
	for kind, id := range map[string]string{"Template": "default/" + name + "-only", "Instance": name} {
		tfacc.Says(t, out, kind+" is on another host", fmt.Sprintf("%s %q", kind, id), "was last seen on host",
			hostID(first), "is configured for host")
	}

	// A board with the same UUID and a host with the same name leave a doubt.
	own := hostID(second)
	setUUID(t, second, hostID(first))
	w.Configure(t, config(first.URI, "second"))
	tfacc.Says(t, plan(), "1 to add", "Instance may be on another host", hostID(first))
	statePath, _ := stateFile(t, w)
	before, err := os.ReadFile(statePath)
	if err != nil {
		t.Fatal(err)
	}
	out, err = w.Run(t.Context(), "destroy", "-auto-approve", "-refresh=false", "-target=novacron_instance.it")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "Instance may be on another host", "Terraform has forgotten it")
	if err := os.WriteFile(statePath, before, 0o600); err != nil {
		t.Fatal(err)
	}
	setUUID(t, second, own)

	// An instance that is gone from its host is created again without a warning.
	w.Configure(t, config(first.URI, "first"))
	w.EmptyPlan(t)
	first.Virsh(t, "undefine", name)
	out = plan()
	tfacc.Says(t, out, "1 to add, 0 to change, 0 to destroy")
	if strings.Contains(out, "another host") {
		t.Errorf("an instance that is gone is said to be elsewhere:\n%s", out)
	}
	w.Apply(t)

	// An import records its host, too.
	if out, err := w.Run(t.Context(), "state", "rm", "novacron_instance.it"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := w.Run(t.Context(), "import", "novacron_instance.it", name); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if note := noteOfHost(t, w); note["uuid"] != hostID(first) {
		t.Errorf("an import noted the host %v", note)
	}
}

// setUUID gives a host another UUID, as boards have it.
func setUUID(t *testing.T, host *acctest.Host, uuid string) {
	t.Helper()
	host.Exec(t, "sed", "-i", "s/^host_uuid.*/host_uuid = \""+uuid+"\"/", "/etc/libvirt/libvirtd.conf")
	host.Restart(t)
}

// stateFile is the path of a workspace's state, and its content.
func stateFile(t *testing.T, w *tfacc.Workspace) (path string, state map[string]any) {
	t.Helper()
	path = filepath.Join(w.Dir, "terraform.tfstate")
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, state
}

// instancesOf are the instances in a state, each with its attributes and private state.
func instancesOf(t *testing.T, state map[string]any) (all []map[string]any) {
	t.Helper()
	for _, r := range state["resources"].([]any) {
		r := r.(map[string]any)
		if r["type"] != "novacron_instance" {
			continue
		}
		for _, i := range r["instances"].([]any) {
			all = append(all, i.(map[string]any))
		}
	}
	if len(all) == 0 {
		t.Fatal("the state has no instance")
	}
	return all
}

// noteOfHost is the recorded host of a workspace's instance.
func noteOfHost(t *testing.T, w *tfacc.Workspace) (note map[string]string) {
	t.Helper()
	_, state := stateFile(t, w)
	text, _ := instancesOf(t, state)[0]["private"].(string)
	decoded, err := base64.StdEncoding.DecodeString(text)
	var private map[string][]byte
	if len(decoded) > 0 {
		err = errors.Join(err, json.Unmarshal(decoded, &private))
	}
	if host := private["host"]; len(host) > 0 {
		err = errors.Join(err, json.Unmarshal(host, &note))
	}
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// loseNotes turns a workspace's state into that of a release that recorded no host.
func loseNotes(t *testing.T, w *tfacc.Workspace) {
	t.Helper()
	path, state := stateFile(t, w)
	for _, i := range instancesOf(t, state) {
		delete(i, "private")
	}
	text, err := json.Marshal(state)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if note := noteOfHost(t, w); note != nil {
		t.Fatalf("the state still has the note %v", note)
	}
}
