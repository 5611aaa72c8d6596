package instance

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// What an import finds is of the types that Terraform gives to literals, so that a configuration that says it is the same.
func TestFoundParametersAreAsWritten(t *testing.T) {
	text := types.StringValue
	got := asWritten(catalog.Values{
		"name": {Type: catalog.TypeString, Text: "a"}, "port": {Type: catalog.TypeInteger, Text: "80"}, "on": {Type: catalog.TypeBool, Text: "true"},
		"tags": {Type: catalog.TypeList, Text: `["a","b"]`}, "env": {Type: catalog.TypeMap, Text: `{"A":"1"}`},
	})
	want := object(map[string]attr.Value{
		"name": text("a"), "port": number(t, "80"), "on": types.BoolValue(true),
		"tags": types.TupleValueMust([]attr.Type{types.StringType, types.StringType}, []attr.Value{text("a"), text("b")}),
		"env":  types.ObjectValueMust(map[string]attr.Type{"A": types.StringType}, map[string]attr.Value{"A": text("1")}),
	})
	if !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if none := asWritten(nil); !none.IsNull() {
		t.Errorf("no parameters are written as %s", none)
	}
}

// An instance that never gets an address is not waited for: the next change would be refused for it.
func TestAnImportWaitsForWhatCanCome(t *testing.T) {
	dhcp, fixed := catalog.NIC{Name: "eth0", IP: catalog.Addressing{DHCP: true}}, catalog.NIC{Name: "eth1"}
	for name, c := range map[string]struct {
		nics []catalog.NIC
		want []string
	}{
		"an address may come":    {[]catalog.NIC{fixed, dhcp}, []string{provision.WaitIP}},
		"none":                   {nil, []string{}},
		"none with an address":   {[]catalog.NIC{fixed}, []string{}},
		"somebody else's has it": {[]catalog.NIC{{IP: catalog.Addressing{DHCP: true}}}, []string{}},
	} {
		if got := waitsFor(provision.Instance{NICs: c.nics}); !slices.Equal(got, c.want) {
			t.Errorf("%s: waits for %q, want %q", name, got, c.want)
		}
	}
}
