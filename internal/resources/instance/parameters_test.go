package instance

import (
	"context"
	"maps"
	"math/big"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
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
	unknown := (*string)(nil)
	for name, c := range map[string]struct {
		written types.Dynamic
		want    catalog.Values
	}{
		"not set":             {types.DynamicNull(), nil},
		"not known":           {types.DynamicUnknown(), nil},
		"null":                {types.DynamicValue(types.ObjectNull(nil)), nil},
		"unknown object":      {types.DynamicValue(types.ObjectUnknown(nil)), nil},
		"unknown map":         {types.DynamicValue(types.MapUnknown(types.StringType)), nil},
		"empty":               {object(map[string]attr.Value{}), catalog.Values{}},
		"texts":               {object(map[string]attr.Value{"a": types.StringValue("x"), "b": types.StringValue("")}), catalog.Values{"a": new("x"), "b": new("")}},
		"bool":                {object(map[string]attr.Value{"a": types.BoolValue(true)}), catalog.Values{"a": new("true")}},
		"whole number":        {object(map[string]attr.Value{"a": number(t, "8080")}), catalog.Values{"a": new("8080")}},
		"large number":        {object(map[string]attr.Value{"a": number(t, "1e21")}), catalog.Values{"a": new("1000000000000000000000")}},
		"fraction":            {object(map[string]attr.Value{"a": number(t, "-0.1")}), catalog.Values{"a": new("-0.1")}},
		"null text":           {object(map[string]attr.Value{"a": types.StringNull()}), catalog.Values{}},
		"literal null":        {object(map[string]attr.Value{"a": types.DynamicNull()}), catalog.Values{}},
		"unknown leaf":        {object(map[string]attr.Value{"a": types.StringUnknown(), "b": types.StringValue("x")}), catalog.Values{"a": unknown, "b": new("x")}},
		"unknown of any type": {object(map[string]attr.Value{"a": types.DynamicUnknown()}), catalog.Values{"a": unknown}},
		"text in a dynamic":   {object(map[string]attr.Value{"a": types.DynamicValue(types.StringValue("x"))}), catalog.Values{"a": new("x")}},
		"map": {types.DynamicValue(types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringValue("8080"), "b": types.StringUnknown()})),
			catalog.Values{"a": new("8080"), "b": unknown}},
		"map of numbers": {types.DynamicValue(types.MapValueMust(types.NumberType, map[string]attr.Value{"a": number(t, "1")})), catalog.Values{"a": new("1")}},
	} {
		t.Run(name, func(t *testing.T) {
			got, findings := values(t.Context(), c.written)
			if len(findings) > 0 {
				t.Fatal(findings)
			}
			if (got == nil) != (c.want == nil) || !maps.EqualFunc(got, c.want, func(a, b *string) bool {
				return a == b || a != nil && b != nil && *a == *b
			}) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestParametersOfOtherShapesAreFoundWhereTheyAre(t *testing.T) {
	texts := types.ListValueMust(types.StringType, []attr.Value{types.StringValue("x")})
	for at, written := range map[string]types.Dynamic{
		`parameters["a"]`: object(map[string]attr.Value{"a": texts, "b": types.StringValue("fine")}),
		`parameters["o"]`: object(map[string]attr.Value{"o": types.ObjectValueMust(nil, nil)}),
		`parameters`:      types.DynamicValue(texts),
	} {
		_, findings := values(t.Context(), written)
		if len(findings) != 1 || findings[0].Path.String() != at {
			t.Errorf("found %v, want one thing at %s", findings, at)
		}
	}
}

func TestEffectiveParametersAreAnObjectOfTexts(t *testing.T) {
	got := plannedParameters(catalog.Values{"a": new("x"), "b": nil})
	want := object(map[string]attr.Value{"a": types.StringValue("x"), "b": types.StringUnknown()})
	if !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	// What the host has is what was planned.
	if read := parametersObject(map[string]string{"a": "x"}); !read.Equal(plannedParameters(catalog.Values{"a": new("x")})) {
		t.Errorf("read back as %s", read)
	}
	if read := parametersObject(nil); !read.Equal(plannedParameters(nil)) {
		t.Errorf("none are read back as %s", read)
	}
	names := slices.Sorted(maps.Keys(got.UnderlyingValue().(types.Object).Attributes()))
	if !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("names are %q", names)
	}
}
