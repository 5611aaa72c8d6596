package model

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
)

// What an import finds has the types that Terraform gives to literals, so that a configuration with
// the same values is equal.
func TestFoundParametersAreAsWritten(t *testing.T) {
	text := types.StringValue
	got := AsWritten(parameter.Values{
		"name": {Type: parameter.TypeString, Text: "a"},
		"port": {Type: parameter.TypeInteger, Text: "80"},
		"on":   {Type: parameter.TypeBool, Text: "true"},
		"tags": {Type: parameter.TypeList, Text: `["a","b"]`},
		"env":  {Type: parameter.TypeMap, Text: `{"A":"1"}`},
	})
	want := object(map[string]attr.Value{
		"name": text("a"), "port": number(t, "80"), "on": types.BoolValue(true),
		"tags": types.TupleValueMust([]attr.Type{types.StringType, types.StringType},
			[]attr.Value{text("a"), text("b")}),
		"env": types.ObjectValueMust(map[string]attr.Type{"A": types.StringType},
			map[string]attr.Value{"A": text("1")}),
	})
	if !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if none := AsWritten(nil); !none.IsNull() {
		t.Errorf("no parameters are written as %s", none)
	}
}
