package model

import (
	"context"
	"fmt"
	"math/big"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Given reads parameters and parameters_wo as the user wrote them: objects or maps. Nulls are left
// out. The values themselves are never rewritten.
func Given(parameters, secrets types.Dynamic) (parameter.Given, finding.List) {
	var (
		g        parameter.Given
		findings finding.List
	)
	read := func(attribute string, d types.Dynamic) map[string]parameter.Raw {
		values, ok := values(d)
		if !ok {
			findings.Add(finding.At(attribute), "Parameters must be an object", fmt.Sprintf(
				"Write %s as an object or a map, such as { hostname = \"web-1\" }.", attribute))
		}
		return values
	}
	g.Parameters, g.Secrets = read("parameters", parameters), read("parameters_wo", secrets)
	g.MoreParameters, g.MoreSecrets = WholeUnknown(parameters), WholeUnknown(secrets)
	return g, findings
}

// CheckSecrets reports secrets that would remain on the host. forgets says that guests of the type read
// them only once.
func (a Asked) CheckSecrets(forgets bool) finding.List {
	var findings finding.List
	if forgets && (len(a.Given.Secrets) > 0 || a.Given.MoreSecrets) && !slices.Contains(a.WaitFor, kind.WaitCloudInit) {
		findings.Add(finding.At("parameters_wo"), "Secrets would remain on the host", "The cloud-init seed holds the "+
			"secrets until the guest has read them. They are removed once cloud-init is done, so wait_for "+
			"must contain \"cloud_init\". That needs the guest agent in the image.")
	}
	return findings
}

// values are the values of an object or map; none if it is null or unknown as a whole. ok is false
// for anything else.
func values(d types.Dynamic) (given map[string]parameter.Raw, ok bool) {
	if d.IsNull() || d.IsUnderlyingValueNull() || WholeUnknown(d) {
		return nil, true
	}
	m, ok := raw(d).(map[string]parameter.Raw)
	for name, v := range m {
		if v == nil {
			delete(m, name)
		}
	}
	return m, ok
}

// raw takes a value out of Terraform's types; nil for null.
func raw(v attr.Value) parameter.Raw {
	if v == nil || v.IsNull() {
		return nil
	}
	if v.IsUnknown() {
		return parameter.Unknown{}
	}
	switch v := v.(type) {
	case types.Dynamic:
		return raw(v.UnderlyingValue())
	case types.String:
		return v.ValueString()
	case types.Bool:
		return v.ValueBool()
	case types.Number:
		return v.ValueBigFloat()
	case types.Object:
		return rawMap(v.Attributes())
	case types.Map:
		return rawMap(v.Elements())
	case types.Tuple:
		return rawList(v.Elements())
	case types.List:
		return rawList(v.Elements())
	case types.Set:
		return rawList(v.Elements())
	}
	return nil
}

func rawMap(elements map[string]attr.Value) map[string]parameter.Raw {
	m := make(map[string]parameter.Raw, len(elements))
	for name, element := range elements {
		m[name] = raw(element)
	}
	return m
}

func rawList(elements []attr.Value) []parameter.Raw {
	list := make([]parameter.Raw, len(elements))
	for n, element := range elements {
		list[n] = raw(element)
	}
	return list
}

// WholeUnknown reports whether not even the names of the parameters are known yet.
func WholeUnknown(d types.Dynamic) bool { return d.IsUnknown() || d.IsUnderlyingValueUnknown() }

// Effective writes values as an object. Each value has the type of its declaration, and is unknown
// if it is not known yet.
func Effective(values parameter.Values, declared map[string]parameter.Parameter) types.Dynamic {
	attributeTypes, attributes := map[string]attr.Type{}, map[string]attr.Value{}
	for name, v := range values {
		kind := declared[name].Type
		if v != nil {
			kind = v.Type
		}
		attributeTypes[name], attributes[name] = typed(kind, v)
	}
	return types.DynamicValue(types.ObjectValueMust(attributeTypes, attributes))
}

// typed is a value of a parameter type in Terraform's types; unknown for nil.
func typed(kind string, v *parameter.Value) (attr.Type, attr.Value) {
	switch kind {
	case parameter.TypeInteger, parameter.TypeNumber:
		if v == nil {
			return types.NumberType, types.NumberUnknown()
		}
		// With Terraform's precision. The catalog wrote the text.
		n, _, _ := big.ParseFloat(v.Text, 10, 512, big.ToNearestEven)
		return types.NumberType, types.NumberValue(n)
	case parameter.TypeBool:
		if v == nil {
			return types.BoolType, types.BoolUnknown()
		}
		return types.BoolType, types.BoolValue(v.Text == "true")
	case parameter.TypeList:
		of := types.ListType{ElemType: types.StringType}
		if v == nil {
			return of, types.ListUnknown(types.StringType)
		}
		elements := []attr.Value{}
		for _, element := range v.List() {
			elements = append(elements, types.StringValue(element))
		}
		return of, types.ListValueMust(types.StringType, elements)
	case parameter.TypeMap:
		of := types.MapType{ElemType: types.StringType}
		if v == nil {
			return of, types.MapUnknown(types.StringType)
		}
		elements := map[string]attr.Value{}
		for key, element := range v.Map() {
			elements[key] = types.StringValue(element)
		}
		return of, types.MapValueMust(types.StringType, elements)
	}
	if v == nil {
		return types.StringType, types.StringUnknown()
	}
	return types.StringType, types.StringValue(v.Text)
}

// WithNames adds the planned values that turned out to be null, because Terraform accepts no object
// of another shape.
func WithNames(got, planned types.Dynamic) types.Dynamic {
	have, ok := got.UnderlyingValue().(types.Object)
	want, planKnown := planned.UnderlyingValue().(types.Object)
	if !ok || !planKnown {
		return got
	}
	ctx := context.Background()
	kinds, values := have.AttributeTypes(ctx), have.Attributes()
	for name, kind := range want.AttributeTypes(ctx) {
		if _, there := values[name]; !there {
			null, err := kind.ValueFromTerraform(ctx, tftypes.NewValue(kind.TerraformType(ctx), nil))
			if err != nil {
				continue
			}
			kinds[name], values[name] = kind, null
		}
	}
	return types.DynamicValue(types.ObjectValueMust(kinds, values))
}
