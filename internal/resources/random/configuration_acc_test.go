package random_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// settings are a resource's attributes, or those of an object in it, in Terraform's JSON.
type settings map[string]any

// configuration holds the resources that were drawn, by their labels.
type configuration struct {
	templates, versions, instances map[string]settings
}

// twin is the label, and the suffix of the name, of an object that is created with the settings
// that another was changed to.
const twin = "twin"

// withTwins adds to each resource one with the same settings, whose name is another.
func (c configuration) withTwins() configuration {
	with := configuration{templates: maps.Clone(c.templates), versions: c.versions, instances: maps.Clone(c.instances)}
	for label, s := range c.templates {
		if label != shop { // which the instances are of
			with.templates[label+twin] = s.twin()
		}
	}
	for label, s := range c.instances {
		with.instances[label+twin] = s.twin()
	}
	return with
}

func (s settings) twin() settings {
	double := s.clone()
	double["name"] = s["name"].(string) + twin
	for _, card := range double.at("network_profile", "interfaces") {
		delete(card.(settings), "mac_address") // which is one guest's alone
	}
	return double
}

// at is an object inside an object; nil if there is none.
func (s settings) at(names ...string) settings {
	for _, name := range names {
		inner, ok := s[name].(settings)
		if !ok {
			return nil
		}
		s = inner
	}
	return s
}

func (s settings) clone() settings {
	double := maps.Clone(s)
	for name, value := range double {
		if inner, ok := value.(settings); ok {
			double[name] = inner.clone()
		}
	}
	return double
}

// write writes the resources beside the workspace's main.tf.
func (c configuration) write(t *testing.T, space *tfacc.Workspace) {
	t.Helper()
	escaped := func(resources map[string]settings) any { return escape(settings(anyOf(resources))) }
	text, err := json.MarshalIndent(map[string]any{"resource": map[string]any{
		"novacron_template": escaped(c.templates), "novacron_template_version": escaped(c.versions),
		"novacron_instance": escaped(c.instances),
	}}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	space.Write(t, "drawn.tf.json", string(text))
}

func anyOf(resources map[string]settings) map[string]any {
	values := map[string]any{}
	for label, s := range resources {
		values[label] = s
	}
	return values
}

// reference is an expression, where other texts are meant literally.
type reference string

// escape makes texts that Terraform's JSON does not take for templates.
func escape(value any) any {
	switch value := value.(type) {
	case string:
		return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(value)
	case reference:
		return "${" + string(value) + "}"
	case []string:
		list := make([]any, len(value))
		for n, element := range value {
			list[n] = escape(element)
		}
		return list
	case []reference:
		return slices.Clone(value) // depends_on takes no templates
	case settings:
		object := map[string]any{}
		for name, inner := range value {
			object[escape(name).(string)] = escape(inner)
		}
		return object
	default:
		return value
	}
}
