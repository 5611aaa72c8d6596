package instance

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// values reads parameters as the user wrote them: an object or a map. Nulls are left out; what is not known yet is nil.
// The value itself is never rewritten. Nothing is said of parameters that are unknown as a whole: see wholeUnknown.
func values(_ context.Context, d types.Dynamic) (catalog.Values, catalog.Findings) {
	if d.IsNull() || d.IsUnknown() || d.IsUnderlyingValueNull() || d.IsUnderlyingValueUnknown() {
		return nil, nil
	}
	var elements map[string]attr.Value
	switch v := d.UnderlyingValue().(type) {
	case types.Object:
		elements = v.Attributes()
	case types.Map:
		elements = v.Elements()
	default:
		return nil, catalog.Findings{{Path: catalog.At("parameters"), Summary: "Parameters are no object",
			Detail: "Write parameters as an object or a map, such as { hostname = \"web-1\" }."}}
	}
	given, findings := catalog.Values{}, catalog.Findings{}
	for name, element := range elements {
		if wrapped, ok := element.(types.Dynamic); ok && !wrapped.IsUnknown() { // one of an unknown type wraps nothing
			element = wrapped.UnderlyingValue()
		}
		if element == nil || element.IsNull() {
			continue
		}
		if element.IsUnknown() {
			given[name] = nil
			continue
		}
		text, err := textOf(element)
		if err != nil {
			findings.Add(catalog.At("parameters").Key(name), "Invalid value", err.Error())
			continue
		}
		given[name] = &text
	}
	return given, findings
}

// textOf writes a value as Terraform itself would convert it to a string.
func textOf(v attr.Value) (string, error) {
	switch v := v.(type) {
	case types.String:
		return v.ValueString(), nil
	case types.Bool:
		return fmt.Sprint(v.ValueBool()), nil
	case types.Number:
		return v.ValueBigFloat().Text('f', -1), nil
	}
	return "", fmt.Errorf("the value is neither a text, a number nor a bool: parameters are texts")
}

// wholeUnknown tells whether not even the names of the parameters are known yet.
func wholeUnknown(d types.Dynamic) bool { return d.IsUnknown() || d.IsUnderlyingValueUnknown() }

// parametersObject writes effective parameters as an object of texts.
func parametersObject(effective map[string]string) types.Dynamic {
	texts := make(catalog.Values, len(effective))
	for name, v := range effective {
		texts[name] = &v
	}
	return plannedParameters(texts)
}

// plannedParameters writes effective parameters as an object of texts, unknown where they are not known yet.
func plannedParameters(effective catalog.Values) types.Dynamic {
	attributeTypes, attributes := map[string]attr.Type{}, map[string]attr.Value{}
	for name, v := range effective {
		attributeTypes[name], attributes[name] = types.StringType, types.StringUnknown()
		if v != nil {
			attributes[name] = types.StringValue(*v)
		}
	}
	return types.DynamicValue(types.ObjectValueMust(attributeTypes, attributes))
}
