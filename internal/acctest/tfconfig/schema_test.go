package tfconfig_test

import (
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/provider"
)

// meta has the arguments that Terraform itself gives to a block of configuration: alias to
// providers, and the others to resources.
var meta = map[string]bool{"provider": true, "for_each": true, "depends_on": true, "alias": true}

// Every field is an attribute of the provider that a user may set.
func TestFieldsAreThoseOfTheSchema(t *testing.T) {
	newServer, _, err := provider.NewServer("test")
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := newServer().GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	declared := reflect.TypeFor[tfconfig.Parameter]()
	for _, c := range []struct {
		block  any
		schema *tfprotov6.Schema
	}{
		{tfconfig.Provider{}, schemas.Provider},
		{tfconfig.Template{}, schemas.ResourceSchemas["novacron_template"]},
		{tfconfig.Version{}, schemas.ResourceSchemas["novacron_template_version"]},
		{tfconfig.Instance{}, schemas.ResourceSchemas["novacron_instance"]},
		{tfconfig.ResourcePool{}, schemas.ResourceSchemas["novacron_resource_pool"]},
	} {
		block := reflect.TypeOf(c.block)
		attributes := byName(c.schema.Block.Attributes)
		check(t, block.Name(), block, attributes)
		if p := attributes["parameters"]; p != nil && p.NestedType != nil {
			check(t, block.Name()+".Parameters", declared, byName(p.NestedType.Attributes))
		}
	}
}

func byName(attributes []*tfprotov6.SchemaAttribute) map[string]*tfprotov6.SchemaAttribute {
	all := map[string]*tfprotov6.SchemaAttribute{}
	for _, a := range attributes {
		all[a.Name] = a
	}
	return all
}

// check looks up each field of a struct among attributes, and does the same for nested structs.
func check(t *testing.T, where string, fields reflect.Type, attributes map[string]*tfprotov6.SchemaAttribute) {
	t.Helper()
	for field := range fields.Fields() {
		name := field.Tag.Get("tf")
		if name == "" || meta[name] {
			continue
		}
		at := where + "." + field.Name
		attribute := attributes[name]
		if attribute == nil || !attribute.Optional && !attribute.Required {
			t.Errorf("%s is %s, which no user can set", at, name)
			continue
		}
		inner := field.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Map || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			if attribute.NestedType == nil {
				t.Errorf("%s has fields, and %s has none", at, name)
				continue
			}
			check(t, at, inner, byName(attribute.NestedType.Attributes))
		}
	}
}
