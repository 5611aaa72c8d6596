package profile

import (
	"fmt"
	"slices"

	ds "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// Computed makes data source attributes of a resource's: of the same names, types and descriptions, all computed. Names
// that are left out of the data source are given as except.
func Computed(attributes map[string]schema.Attribute, except ...string) map[string]ds.Attribute {
	computed := make(map[string]ds.Attribute, len(attributes))
	for name, a := range attributes {
		if !slices.Contains(except, name) {
			computed[name] = computedAttribute(a)
		}
	}
	return computed
}

func computedAttribute(a schema.Attribute) ds.Attribute {
	text := a.GetMarkdownDescription()
	switch a := a.(type) {
	case schema.StringAttribute:
		return ds.StringAttribute{Computed: true, MarkdownDescription: text}
	case schema.Int64Attribute:
		return ds.Int64Attribute{Computed: true, MarkdownDescription: text}
	case schema.NumberAttribute:
		return ds.NumberAttribute{Computed: true, MarkdownDescription: text}
	case schema.BoolAttribute:
		return ds.BoolAttribute{Computed: true, MarkdownDescription: text}
	case schema.DynamicAttribute:
		return ds.DynamicAttribute{Computed: true, MarkdownDescription: text}
	case schema.MapAttribute:
		return ds.MapAttribute{Computed: true, ElementType: a.ElementType, MarkdownDescription: text}
	case schema.ListAttribute:
		return ds.ListAttribute{Computed: true, ElementType: a.ElementType, MarkdownDescription: text}
	case schema.SetAttribute:
		return ds.SetAttribute{Computed: true, ElementType: a.ElementType, MarkdownDescription: text}
	case schema.SingleNestedAttribute:
		return ds.SingleNestedAttribute{Computed: true, Attributes: Computed(a.Attributes), MarkdownDescription: text}
	case schema.MapNestedAttribute:
		return ds.MapNestedAttribute{Computed: true, MarkdownDescription: text,
			NestedObject: ds.NestedAttributeObject{Attributes: Computed(a.NestedObject.Attributes)}}
	case schema.ListNestedAttribute:
		return ds.ListNestedAttribute{Computed: true, MarkdownDescription: text,
			NestedObject: ds.NestedAttributeObject{Attributes: Computed(a.NestedObject.Attributes)}}
	}
	panic(fmt.Sprintf("no data source attribute for %T", a)) // found by the test that reads every schema
}
