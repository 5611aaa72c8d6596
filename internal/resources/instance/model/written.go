package model

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
)

// AsWritten writes values in the form of a configuration's literals: objects and tuples. It is null
// for no values.
func AsWritten(values parameter.Values) types.Dynamic {
	if len(values) == 0 {
		return types.DynamicNull()
	}
	kinds, attributes := map[string]attr.Type{}, map[string]attr.Value{}
	for name, v := range values {
		kind, value := typed(v.Type, v)
		switch of := value.(type) {
		case types.List:
			kind, value = literalTuple(of.Elements())
		case types.Map:
			kind, value = literalObject(of.Elements())
		}
		kinds[name], attributes[name] = kind, value
	}
	return types.DynamicValue(types.ObjectValueMust(kinds, attributes))
}

func literalTuple(elements []attr.Value) (attr.Type, attr.Value) {
	kinds := make([]attr.Type, len(elements))
	for i := range elements {
		kinds[i] = types.StringType
	}
	return types.TupleType{ElemTypes: kinds}, types.TupleValueMust(kinds, elements)
}

func literalObject(elements map[string]attr.Value) (attr.Type, attr.Value) {
	kinds := make(map[string]attr.Type, len(elements))
	for name := range elements {
		kinds[name] = types.StringType
	}
	return types.ObjectType{AttrTypes: kinds}, types.ObjectValueMust(kinds, elements)
}
