package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const nothingIsSet = "Nothing is set"

// Every nested attribute of every schema is one whose names may be misspelt. The server is the one
// that Terraform talks to, with what answers for the framework.
func TestObjectsOfWhichNothingIsSetAreWarnedOf(t *testing.T) {
	s := server(t)
	schemas, err := s.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for name, schema := range schemas.ResourceSchemas {
		validate := func(config *tfprotov6.DynamicValue) ([]*tfprotov6.Diagnostic, error) {
			resp, err := s.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
				TypeName: name, Config: config,
			})
			return resp.Diagnostics, err
		}
		checked += checkNested(t, name, schema, validate)
	}
	checked += checkNested(t, "provider", schemas.Provider,
		func(config *tfprotov6.DynamicValue) ([]*tfprotov6.Diagnostic, error) {
			resp, err := s.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: config})
			return resp.Diagnostics, err
		})
	if checked < 20 {
		t.Errorf("only %d nested attributes were found", checked)
	}
	for name, schema := range schemas.DataSourceSchemas {
		for _, a := range schema.Block.Attributes {
			if a.NestedType != nil && !a.Computed {
				t.Errorf("data.%s.%s is configured: it needs a warning, too", name, a.Name)
			}
		}
	}
}

// checkNested checks all nested attributes of a schema, one after the other, and counts them.
func checkNested(
	t *testing.T, name string, schema *tfprotov6.Schema,
	validate func(*tfprotov6.DynamicValue) ([]*tfprotov6.Diagnostic, error),
) (checked int) {
	t.Helper()
	kind := schema.ValueType()
	var check func(at string, attributes []*tfprotov6.SchemaAttribute,
		around func(name string, v tftypes.Value) tftypes.Value)
	check = func(at string, attributes []*tfprotov6.SchemaAttribute,
		around func(name string, v tftypes.Value) tftypes.Value) {
		for _, a := range attributes {
			if a.NestedType == nil || a.Computed {
				continue
			}
			object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
			for _, inner := range a.NestedType.Attributes {
				object.AttributeTypes[inner.Name] = inner.ValueType()
			}
			put, where := func(v tftypes.Value) tftypes.Value { return around(a.Name, v) }, at+a.Name
			if a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeMap {
				put, where = func(v tftypes.Value) tftypes.Value {
					return around(a.Name, tftypes.NewValue(a.ValueType(), map[string]tftypes.Value{"it": v}))
				}, where+`["it"]`
			}
			with := func(name string, v tftypes.Value) tftypes.Value { return put(objectWith(object, name, v)) }
			if got := warned(
				t, kind, put(objectWith(object, "", tftypes.Value{})), where, validate,
			); got == (where == "catalog.postgres") {
				t.Errorf("%s: %s with nothing in it is warned of: %t", name, where, got)
			}
			for _, inner := range a.NestedType.Attributes {
				unknown := with(inner.Name, tftypes.NewValue(inner.ValueType(), tftypes.UnknownValue))
				if warned(t, kind, unknown, where, validate) {
					t.Errorf("%s: %s is warned of while %s is not known", name, where, inner.Name)
				}
			}
			checked++
			check(where+".", a.NestedType.Attributes, with)
		}
	}
	check("", schema.Block.Attributes, func(name string, v tftypes.Value) tftypes.Value {
		return objectWith(kind.(tftypes.Object), name, v)
	})
	return checked
}

// objectWith is an object of which one attribute at most is set.
func objectWith(of tftypes.Object, name string, v tftypes.Value) tftypes.Value {
	attributes := make(map[string]tftypes.Value, len(of.AttributeTypes))
	for attribute, kind := range of.AttributeTypes {
		attributes[attribute] = tftypes.NewValue(kind, nil)
		if attribute == name {
			attributes[attribute] = v
		}
	}
	return tftypes.NewValue(of, attributes)
}

// warned tells whether a configuration is warned of for what is at a path.
func warned(
	t *testing.T, kind tftypes.Type, config tftypes.Value, where string,
	validate func(*tfprotov6.DynamicValue) ([]*tfprotov6.Diagnostic, error),
) bool {
	t.Helper()
	encoded, err := tfprotov6.NewDynamicValue(kind, config)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time, what was valid before is answered without the framework
		diagnostics, err := validate(&encoded)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, d := range diagnostics {
			top, _, _ := strings.Cut(where, ".")
			top, _, _ = strings.Cut(top, "[")
			said := where == top || strings.HasPrefix(d.Detail, where+": ") ||
				strings.HasSuffix(d.Attribute.String(), `ElementKeyString("it")`)
			if d.Summary == nothingIsSet && d.Severity == tfprotov6.DiagnosticSeverityWarning && said &&
				strings.Contains(d.Attribute.String(), `"`+top+`"`) {
				found = true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// What is an object of the user's own may be empty, and so may a map.
func TestWhatMayBeEmptyIsNotWarnedOf(t *testing.T) {
	s := server(t)
	schemas, err := s.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	instance := schemas.ResourceSchemas["novacron_instance"].ValueType().(tftypes.Object)
	empty := tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}, map[string]tftypes.Value{})
	nothing := tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"a": tftypes.String}},
		map[string]tftypes.Value{"a": tftypes.NewValue(tftypes.String, nil)})
	network := instance.AttributeTypes["network_profile"].(tftypes.Object)
	for what, config := range map[string]tftypes.Value{
		"parameters":       objectWith(instance, "parameters", empty),
		"a null parameter": objectWith(instance, "parameters", nothing),
		"no interfaces": objectWith(instance, "network_profile", objectWith(network, "interfaces",
			tftypes.NewValue(network.AttributeTypes["interfaces"], map[string]tftypes.Value{}))),
		"timeouts": objectWith(instance, "timeouts", objectWith(instance.AttributeTypes["timeouts"].(tftypes.Object),
			"", tftypes.Value{})),
	} {
		encoded, err := tfprotov6.NewDynamicValue(instance, config)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
			TypeName: "novacron_instance", Config: &encoded,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range resp.Diagnostics {
			if d.Summary == nothingIsSet {
				t.Errorf("%s: %s", what, d.Detail)
			}
		}
	}
}
