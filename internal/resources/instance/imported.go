package instance

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// importedKey is noted in the private state of an imported instance, until the first update: so far the state has what an
// import found, not what a configuration says.
const importedKey = "imported"

// parametersOf are the parameters that a configuration has to set to get the instance: those that are not at their
// defaults. Secrets are known to nobody. Where the version is gone, its defaults are too.
func (r *Resource) parametersOf(ctx context.Context, i provision.Instance) (types.Dynamic, error) {
	id, err := catalog.ParseTemplateID(i.Facts.Template)
	if err != nil {
		return types.DynamicNull(), err
	}
	version, found, err := i.Facts.FrozenVersion()
	if err == nil && !found {
		version, err = r.client.Library.Version(ctx, id.Version(i.Facts.Version))
	}
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return types.DynamicNull(), err
	}
	return asWritten(catalog.NotDefault(version.Spec.Parameters, catalog.SettingValues(i.Facts.Parameters))), nil
}

// asWritten writes values as a literal in a configuration has them: objects and tuples. Null for none.
func asWritten(values catalog.Values) types.Dynamic {
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
