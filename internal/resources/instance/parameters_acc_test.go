package instance_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// typedParameters declares a parameter of each type, and limits of each kind.
const typedParameters = `
    hostname = { type = "string", regex = "^[a-z][a-z0-9-]{0,62}$" }
    motd     = { type = "text", default = "two\nlines" }
    port     = { type = "integer", default = 8080, min_value = 1, max_value = 65535 }
    ratio    = { type = "number", max_value = 0.5 }
    debug    = { type = "bool", default = false }
    tags     = { type = "list", default = jsonencode(["a", "b"]), max_length = 3 }
    env      = { type = "map" }
    tier     = { type = "string", default = "web", allowed_values = ["web", "db"] }
    memory   = { type = "integer", target = "hardware.memory_mb" }
    password = { type = "string", sensitive = true, min_length = 8 }
  `

// Values arrive exactly, in every notation, and a second plan finds nothing to do.
func TestAccParametersOfEveryShape(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("shapes")
	t.Parallel()
	w := newWorkspace(t, host, name, `
variable "any" {
  type    = map(any)
  default = { hostname = "from-a-map", port = 80, debug = true }
}
resource "terraform_data" "later" {
  input = { port = 443, tags = ["x", "y"] }
}
locals {
  each = {
    one = { hostname = "each-one", port = 1 }
    two = { hostname = "each-two", port = 2 }
  }
}
`+shopOf(name, blankImage(t), typedParameters))
	stopped := "power_state = \"stopped\"\n  wait_for = []"
	all := []string{
		instance("object", name+"-object", stopped,
			`parameters = { hostname = "o", port = 81, ratio = 0.1, debug = true, tags = ["t", 7], env = { A = "b", `+
				`N = 1 }, motd = null, memory = 160 }`),
		instance("map", name+"-map", stopped, `parameters = var.any`),
		instance("each", tfconfig.Expr(`"`+name+"-${each.key}\""), stopped, `for_each = local.each`,
			`parameters = each.value`),
		instance("conditional", name+"-cond", stopped,
			`parameters = var.any.debug ? { hostname = "yes", port = 82 } : { hostname = "no", port = "83" }`),
		instance("later", name+"-later", stopped,
			`parameters = { hostname = "later", port = terraform_data.later.output.port, tags = `+
				`terraform_data.later.output.tags }`),
		instance("set", name+"-set", stopped, `parameters = { tags = toset(["s"]), env = tomap({ a = "b" }) }`),
		instance("none", name+"-none", stopped),
	}
	w.instances(t, all...)
	w.Apply(t)
	w.EmptyPlan(t)

	type object = map[string]any
	defaults := object{"motd": "two\nlines", "port": 8080.0, "debug": false, "tags": []any{"a", "b"}, "tier": "web"}
	with := func(changes object) object {
		all := object{}
		for _, m := range []object{defaults, changes} {
			maps.Copy(all, m)
		}
		return all
	}
	for address, want := range map[string]object{
		"object": with(object{
			"hostname": "o",
			"port":     81.0,
			"ratio":    0.1,
			"debug":    true,
			"tags":     []any{"t", "7"},
			"env":      object{"A": "b", "N": "1"},
			"memory":   160.0,
		}),
		"map":         with(object{"hostname": "from-a-map", "port": 80.0, "debug": true}),
		`each["one"]`: with(object{"hostname": "each-one", "port": 1.0}),
		"conditional": with(object{"hostname": "yes", "port": 82.0}),
		"later":       with(object{"hostname": "later", "port": 443.0, "tags": []any{"x", "y"}}),
		"set":         with(object{"tags": []any{"s"}, "env": object{"a": "b"}}),
		"none":        defaults,
	} {
		got := stateOf(t, w.Workspace, "novacron_instance."+address)["effective_parameters"]
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %v, want %v", address, got, want)
		}
	}
	if got := fact(t, host, name+"-object", "Max memory"); got != "163840 KiB" {
		t.Errorf("the parameter memory gave %s", got)
	}
	w.instances(t)
	w.Apply(t)
	if left := host.Leftovers(t, "novacron", "."+name+"-"); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// stateOf is the attributes of a resource in the state.
func stateOf(t *testing.T, w *tfacc.Workspace, address string) map[string]any {
	t.Helper()
	out, err := w.Command(t.Context(), "show", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Values struct {
			Root struct {
				Resources []struct {
					Address string
					Values  map[string]any
				}
			} `json:"root_module"`
		}
	}
	if err := json.Unmarshal(out, &state); err != nil {
		t.Fatal(err)
	}
	for _, r := range state.Values.Root.Resources {
		if r.Address == address {
			return r.Values
		}
	}
	t.Fatalf("the state has no %s", address)
	return nil
}

// The plan reports every wrong value, all of them at once, at the line of the parameters.
func TestAccWrongParameterValuesAreRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("wrongparam")
	t.Parallel()
	w := newWorkspace(t, host, name, shopOf(name, blankImage(t), typedParameters))
	refusals := w.Refusals(w.shop)
	for _, c := range []struct {
		mistake, settings string
		says              []string
	}{
		{
			"no integer", `parameters = { port = "http" }`,
			[]string{
				"Invalid parameter value", `parameters = { port = "http" }`,
				`Parameter "port": "http" is not an integer`,
			},
		},
		{
			"a fraction", `parameters = { port = 80.5 }`,
			[]string{`Parameter "port": 80.5 is a fraction, not an integer`},
		},
		{
			"too large", `parameters = { port = 65536 }`,
			[]string{`Parameter "port": 65536 is more than max_value 65535`},
		},
		{"a large number", `parameters = { ratio = 0.50000000000000000000001 }`,
			[]string{`Parameter "ratio": 0.50000000000000000000001 is more than max_value 0.5`}},
		{
			"no bool", `parameters = { debug = "yes" }`,
			[]string{`Parameter "debug": "yes" is not a bool: write true or false`},
		},
		{
			"too many", `parameters = { tags = ["1", "2", "3", "4"] }`,
			[]string{`Parameter "tags": the value has 4 elements, and max_length is 3`},
		},
		{
			"nested", `parameters = { tags = [["1"]] }`,
			[]string{
				`Parameter "tags": the value has the element 0, which is a list: the elements of a list are texts, ` +
					`numbers or bools`,
			},
		},
		{"no map", `parameters = { env = ["a"] }`, []string{`Parameter "env": the value is a list, not a map`}},
		{
			"not allowed", `parameters = { tier = "app" }`,
			[]string{`Parameter "tier": "app" is not one of the allowed values: db, web`},
		},
		{
			"no match", `parameters = { hostname = "1st" }`,
			[]string{`Parameter "hostname": "1st" does not match the regular expression ^[a-z][a-z0-9-]{0,62}$`},
		},
		{"short secret", "parameters_wo = { password = \"hunter2\" }\n  wait_for = [\"cloud_init\"]",
			[]string{
				"Invalid parameter value", `parameters_wo = { password =`,
				`Parameter "password": the value has 7 characters, and min_length is 8`,
			}},
		{"secret that would stay", `parameters_wo = { password = "hunter22" }`,
			[]string{"Secrets would remain on the host", `wait_for must contain "cloud_init"`}},
		{"set twice", "parameters = { password = \"hunter22\" }\n  parameters_wo = { password = \"hunter22\" }\n  " +
			"wait_for = [\"cloud_init\"]", []string{"Duplicate parameter"}},
		{
			"memory", `parameters = { memory = 1 }`, []string{
				"Value out of range", `parameters = { memory = 1 }`,
				`Parameter "memory" drives hardware_profile.memory_mb: 1 is not between 32 and`,
			},
		},
		{"all at once", "parameters = {\n    port = 0\n    tier = \"app\"\n    prot = 1\n  }",
			[]string{
				"port = 0", `Parameter "port": 0 is less than min_value 1`, `tier = "app"`,
				`Parameter "tier": "app" is not one of the allowed values`, "prot = 1", `Did you mean "port"?`,
			}},
	} {
		refusals.Add(c.mistake, instance("it", name+"-it", c.settings), c.says...)
	}
	refusals.Check(t)
	w.instances(t)
}

// A contradiction within a declaration is reported at the declaration.
func TestAccContradictoryDeclarationsAreRefusedWhilePlanning(t *testing.T) {
	acctest.RequireHost(t)
	t.Parallel()
	name := tfacc.Name("declare")
	refusals := tfacc.NewWorkspace(t, "").Refusals("")
	for _, c := range []struct {
		mistake, lines string
		says           []string
	}{
		{"default out of range", `parameters = { port = { type = "integer", default = 0, min_value = 1 } }`,
			[]string{`parameters["port"].default`, "less than min_value 1"}},
		{"regular expression", `parameters = { port = { type = "string", regex = "(" } }`,
			[]string{"Invalid regular expression", "missing closing"}},
		{"required default", `parameters = { port = { type = "string", default = "a", required = true } }`,
			[]string{"Required parameter has a default"}},
		{
			"type", `parameters = { port = { type = "int" } }`,
			[]string{"Unknown parameter type", `"int" is not one of`, "integer"},
		},
		{"target", `parameters = { port = { type = "string", target = "hardware.memory_mb" } }`,
			[]string{"Target does not match type", "takes a parameter of type integer"}},
		{"disk", `parameters = { size = { type = "integer", target = "disk.data.size_gb" } }`,
			[]string{"Disk not found", `There is no disk "data" in storage_profile. Disks are: system`}},
		{"user data", "cloud_init = {\n    user_data = \"#cloud-config\\na: {{ .port }}\"\n  }",
			[]string{"Unknown parameter", "cloud_init = {", `Line 2: there is no parameter "port"`}},
		{"syntax", "cloud_init = {\n    user_data = \"#cloud-config\\na: {{ .port\"\n  }",
			[]string{"Invalid template", "cloud_init = {", "unclosed action"}},
		{"no cloud-config", "cloud_init = {\n    user_data = \"#!/bin/sh\"\n  }",
			[]string{"Not a cloud-config", "The first line must be #cloud-config"}},
	} {
		refusals.Add(c.mistake, "resource \"novacron_template\" \"it\" {\n  name = \""+name+"\"\n  "+c.lines+"\n}\n",
			c.says...)
	}
	refusals.Check(t)
}
