package fastpath

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
)

// defaultsOf returns the defaults of a schema's attributes.
func defaultsOf(s schema.Schema) (map[string]constant, error) {
	ctx := context.Background()
	found := map[string]constant{}
	for name, attribute := range s.Attributes {
		value, err := defaultOf(ctx, attribute)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		if value == nil {
			continue
		}
		v, err := value.ToTerraformValue(ctx)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		found[name] = constant{value.Type(ctx).TerraformType(ctx), v}
	}
	return found, nil
}

// defaultOf returns the default of an attribute, or nil if it has none.
func defaultOf(ctx context.Context, a schema.Attribute) (attr.Value, error) {
	switch a := a.(type) {
	case schema.StringAttribute:
		if a.Default == nil {
			return nil, nil
		}
		var resp defaults.StringResponse
		a.Default.DefaultString(ctx, defaults.StringRequest{}, &resp)
		return resp.PlanValue, nil
	case schema.BoolAttribute:
		if a.Default == nil {
			return nil, nil
		}
		var resp defaults.BoolResponse
		a.Default.DefaultBool(ctx, defaults.BoolRequest{}, &resp)
		return resp.PlanValue, nil
	case schema.SetAttribute:
		if a.Default == nil {
			return nil, nil
		}
		var resp defaults.SetResponse
		a.Default.DefaultSet(ctx, defaults.SetRequest{}, &resp)
		return resp.PlanValue, nil
	}
	return nil, plain(a)
}

// plain makes sure that an attribute has no default that defaultOf cannot determine. Only an
// attribute that is both optional and computed can have a default. An attribute that is only
// computed has none, and neither has anything nested in it.
func plain(a attribute) error {
	switch {
	case a.IsOptional() && a.IsComputed():
		return fmt.Errorf("an optional computed attribute of type %T", a)
	case a.IsComputed():
		return nil
	}
	if nested, ok := a.(schema.NestedAttribute); ok {
		for name, inner := range nested.GetNestedObject().GetAttributes() {
			if err := plain(inner); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// attribute is any attribute of the framework, of a resource or nested in another.
type attribute interface {
	IsOptional() bool
	IsComputed() bool
}
