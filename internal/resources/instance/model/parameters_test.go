package model

import (
	"context"
	"math/big"
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
)

func object(attributes map[string]attr.Value) types.Dynamic {
	kinds := map[string]attr.Type{}
	for name, v := range attributes {
		kinds[name] = v.Type(context.Background())
	}
	return types.DynamicValue(types.ObjectValueMust(kinds, attributes))
}

func number(t *testing.T, s string) types.Number {
	t.Helper()
	f, _, err := big.ParseFloat(s, 10, 512, big.ToNearestEven) // as Terraform does
	if err != nil {
		t.Fatal(err)
	}
	return types.NumberValue(f)
}

func TestParametersAreReadAsTheUserWroteThem(t *testing.T) {
	type raws = map[string]parameter.Raw
	unknown := parameter.Unknown{}
	texts := []attr.Value{types.StringValue("x"), types.StringUnknown()}
	for name, c := range map[string]struct {
		written types.Dynamic
		want    raws
		more    bool
	}{
		"not set":        {types.DynamicNull(), nil, false},
		"not known":      {types.DynamicUnknown(), nil, true},
		"null":           {types.DynamicValue(types.ObjectNull(nil)), nil, false},
		"unknown object": {types.DynamicValue(types.ObjectUnknown(nil)), nil, true},
		"unknown map":    {types.DynamicValue(types.MapUnknown(types.StringType)), nil, true},
		"empty":          {object(map[string]attr.Value{}), raws{}, false},
		"texts": {object(map[string]attr.Value{"a": types.StringValue("x"), "b": types.StringValue("")}),
			raws{"a": "x", "b": ""}, false},
		"bool": {object(map[string]attr.Value{"a": types.BoolValue(true)}), raws{"a": true}, false},
		"number": {object(map[string]attr.Value{"a": number(t, "0.1")}),
			raws{"a": number(t, "0.1").ValueBigFloat()}, false},
		"null text":    {object(map[string]attr.Value{"a": types.StringNull()}), raws{}, false},
		"literal null": {object(map[string]attr.Value{"a": types.DynamicNull()}), raws{}, false},
		"unknown leaf": {object(map[string]attr.Value{"a": types.StringUnknown(), "b": types.StringValue("x")}),
			raws{"a": unknown, "b": "x"}, false},
		"unknown of any type": {object(map[string]attr.Value{"a": types.DynamicUnknown()}), raws{"a": unknown}, false},
		"text in a dynamic": {object(map[string]attr.Value{"a": types.DynamicValue(types.StringValue("x"))}),
			raws{"a": "x"}, false},
		"map": {types.DynamicValue(types.MapValueMust(types.StringType, map[string]attr.Value{
			"a": types.StringValue("8080"), "b": types.StringUnknown(),
		})),
			raws{"a": "8080", "b": unknown}, false},
		"list": {object(map[string]attr.Value{"a": types.ListValueMust(types.StringType, texts)}),
			raws{"a": []parameter.Raw{"x", unknown}}, false},
		"set": {object(map[string]attr.Value{"a": types.SetValueMust(types.StringType, texts[:1])}),
			raws{"a": []parameter.Raw{"x"}}, false},
		"tuple": {
			object(map[string]attr.Value{"a": types.TupleValueMust([]attr.Type{types.StringType, types.StringType},
				texts)}), raws{"a": []parameter.Raw{"x", unknown}}, false,
		},
		"object": {object(map[string]attr.Value{"a": types.ObjectValueMust(map[string]attr.Type{
			"b": types.BoolType, "c": types.BoolType,
		},
			map[string]attr.Value{"b": types.BoolValue(false), "c": types.BoolNull()})}),
			raws{"a": raws{"b": false, "c": nil}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, findings := Given(c.written, types.DynamicNull())
			if len(findings) > 0 {
				t.Fatal(findings)
			}
			if len(got.Parameters)+len(c.want) > 0 && !reflect.DeepEqual(got.Parameters, c.want) ||
				got.MoreParameters != c.more || got.MoreSecrets || len(got.Secrets) > 0 {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
			if secret, _ := Given(types.DynamicNull(), c.written); len(secret.Secrets) != len(c.want) ||
				secret.MoreSecrets != c.more || len(secret.Parameters) > 0 {
				t.Errorf("as secrets: got %#v", secret)
			}
		})
	}
}

func TestParametersOfOtherShapesAreFoundWhereTheyAre(t *testing.T) {
	texts := types.DynamicValue(types.ListValueMust(types.StringType, []attr.Value{types.StringValue("x")}))
	if _, findings := Given(texts, types.DynamicNull()); len(findings) != 1 ||
		findings[0].Path.String() != "parameters" {
		t.Errorf("found %v", findings)
	}
	if _, findings := Given(types.DynamicNull(), types.DynamicValue(types.StringValue("x"))); len(findings) != 1 ||
		findings[0].Path.String() != "parameters_wo" {
		t.Errorf("found %v", findings)
	}
}

func TestEffectiveParametersHaveTheirTypes(t *testing.T) {
	declared := map[string]parameter.Parameter{
		"text":  {Type: "string"},
		"port":  {Type: "integer"},
		"ratio": {Type: "number"},
		"on":    {Type: "bool"},
		"tags":  {Type: "list"},
		"env":   {Type: "map"},
	}
	values := parameter.Values{
		"text":  {Type: "string", Text: "x"},
		"port":  {Type: "integer", Text: "8080"},
		"ratio": {Type: "number", Text: "0.1"},
		"on":    {Type: "bool", Text: "true"},
		"tags":  {Type: "list", Text: `["a","b"]`},
		"env":   {Type: "map", Text: `{"k":"v"}`},
	}
	want := object(map[string]attr.Value{
		"text":  types.StringValue("x"),
		"port":  number(t, "8080"),
		"ratio": number(t, "0.1"),
		"on":    types.BoolValue(true),
		"tags":  types.ListValueMust(types.StringType, []attr.Value{types.StringValue("a"), types.StringValue("b")}),
		"env":   types.MapValueMust(types.StringType, map[string]attr.Value{"k": types.StringValue("v")}),
	})
	if got := Effective(values, declared); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	// The host has what was planned.
	if got := Effective(metadata.SettingValues(metadata.Settings(values)), nil); !got.Equal(want) {
		t.Errorf("read back as %s", got)
	}
	unknown := parameter.Values{}
	for name := range declared {
		unknown[name] = nil
	}
	got := Effective(unknown, declared)
	for name, v := range got.UnderlyingValue().(types.Object).Attributes() {
		known := want.UnderlyingValue().(types.Object).Attributes()[name]
		if !v.IsUnknown() || !v.Type(t.Context()).Equal(known.Type(t.Context())) {
			t.Errorf("%s is planned as %s, and will be %s: a type may not change", name, v, known)
		}
	}
	if got := Effective(nil, nil); !got.Equal(object(map[string]attr.Value{})) {
		t.Errorf("none are %s", got)
	}
}

// A value that was not known while planning may turn out to be null; the object keeps the shape
// that was planned.
func TestPlannedNamesStay(t *testing.T) {
	planned := object(map[string]attr.Value{
		"a": types.StringUnknown(), "tags": types.ListUnknown(types.StringType), "b": types.StringValue("x"),
	})
	got := WithNames(object(map[string]attr.Value{"b": types.StringValue("x")}), planned)
	want := object(map[string]attr.Value{
		"a": types.StringNull(), "tags": types.ListNull(types.StringType), "b": types.StringValue("x"),
	})
	if !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if kept := WithNames(want, types.DynamicUnknown()); !kept.Equal(want) {
		t.Errorf("where nothing was planned, it became %s", kept)
	}
}
