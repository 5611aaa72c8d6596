package face

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// WarnEmpty warns of each object in a configuration of which nothing is set. Of a value that comes by a variable or a
// conversion, Terraform drops what a nested attribute has no name for, without a word: of { packages = ["nginx"] } for
// customization, {} is left. names are the nested attributes to look at; see Nested.
//
// Where an object without anything means something, as one more interface does, its user can write one of the defaults out.
// The paths that are exempt are those where an environment variable says what the configuration does not.
func WarnEmpty(diags *diag.Diagnostics, config tftypes.Value, exempt ...string) {
	object, ok := config.Type().(tftypes.Object)
	var attributes map[string]tftypes.Value
	if !ok || !config.IsKnown() || config.IsNull() || config.As(&attributes) != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		// What has a dynamic type in the schema, as parameters have, is an object of its user's own.
		if !object.AttributeTypes[name].Is(tftypes.DynamicPseudoType) && name != timeouts {
			warnEmpty(diags, finding.At(name), attributes[name], exempt)
		}
	}
}

// timeouts is a block, in which Terraform refuses names that it does not know.
const timeouts = "timeouts"

func warnEmpty(diags *diag.Diagnostics, at finding.Path, v tftypes.Value, exempt []string) {
	var inside map[string]tftypes.Value
	if !v.IsKnown() || v.IsNull() || !v.Type().Is(tftypes.Object{}) && !v.Type().Is(tftypes.Map{}) || v.As(&inside) != nil {
		return
	}
	object := v.Type().Is(tftypes.Object{})
	nothing := object && len(inside) > 0
	for _, name := range slices.Sorted(maps.Keys(inside)) {
		nothing = nothing && inside[name].IsNull()
		if object {
			warnEmpty(diags, at.Name(name), inside[name], exempt)
		} else {
			warnEmpty(diags, at.Key(name), inside[name], exempt)
		}
	}
	if nothing && !slices.Contains(exempt, at.String()) {
		AddWarning(diags, finding.Finding{Path: at, Summary: "Nothing is set", Detail: fmt.Sprintf("This has %s, and none "+
			"of them is set. If the value comes from a variable or is converted, Terraform silently drops other names: look "+
			"for a misspelled one. To set nothing on purpose, %s.", strings.Join(slices.Sorted(maps.Keys(inside)), ", "), instead(at))})
	}
}

// instead says how to mean nothing. An element of a map is more than its attributes: it is there, and has a name.
func instead(at finding.Path) string {
	if at[len(at)-1].Key {
		return "write one of them with its default"
	}
	return "leave it out"
}
