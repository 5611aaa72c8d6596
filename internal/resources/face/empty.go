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

// WarnEmpty warns of each object in a configuration in which nothing is set. If a value comes from
// a variable or a conversion, Terraform silently drops parts for which a nested attribute has no
// name. For example, of { packages = ["nginx"] } for customization, only {} is left.
//
// If an empty object has a meaning, such as one more interface, its user can write out one of the
// defaults. exempt are the paths of objects that may be empty, because an environment variable can
// set what the configuration does not.
func WarnEmpty(diags *diag.Diagnostics, config tftypes.Value, exempt ...string) {
	object, ok := config.Type().(tftypes.Object)
	var attributes map[string]tftypes.Value
	if !ok || !config.IsKnown() || config.IsNull() || config.As(&attributes) != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		// If the schema has a dynamic type for an object, such as parameters, its names are the
		// user's own.
		if !object.AttributeTypes[name].Is(tftypes.DynamicPseudoType) && name != timeouts {
			warnEmpty(diags, finding.At(name), attributes[name], exempt)
		}
	}
}

// timeouts is a block. Terraform itself refuses unknown names in blocks.
const timeouts = "timeouts"

func warnEmpty(diags *diag.Diagnostics, at finding.Path, v tftypes.Value, exempt []string) {
	var inside map[string]tftypes.Value
	if !v.IsKnown() || v.IsNull() || !v.Type().Is(tftypes.Object{}) && !v.Type().Is(tftypes.Map{}) ||
		v.As(&inside) != nil {
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
		AddWarning(diags, finding.Finding{Path: at, Summary: "Nothing is set",
			Detail: fmt.Sprintf("This has %s, and none "+
				"of them is set. If the value comes from a variable or is converted, Terraform silently drops other "+
				"names: look for a misspelled one. To set nothing on purpose, %s.",
				strings.Join(slices.Sorted(maps.Keys(inside)), ", "), instead(at))})
	}
}

// meaningful are objects that ask for something even if nothing in them is set.
var meaningful = []string{"warm"}

// instead says how to write an empty object on purpose. An element of a map has a meaning beyond
// its attributes: it exists, and it has a name.
func instead(at finding.Path) string {
	if at[len(at)-1].Key || slices.Contains(meaningful, at.String()) {
		return "write one of them with its default"
	}
	return "leave it out"
}
