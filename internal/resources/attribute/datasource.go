package attribute

import (
	"fmt"
	"slices"

	ds "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// Computed creates the attributes of a data source from those of a resource, with the same names,
// types and descriptions, all computed. It leaves out the names in except. For a resource,
// Terraform remembers which attributes have sensitive values in the configuration. A data source
// shows what another configuration wrote, so attributes that often hold secrets are sensitive in
// its schema.
func Computed(attributes map[string]schema.Attribute, except ...string) map[string]ds.Attribute {
	computed := make(map[string]ds.Attribute, len(attributes))
	for name, a := range attributes {
		if !slices.Contains(except, name) {
			computed[name] = computedAttribute(a, a.IsSensitive() || slices.Contains(secretive, name))
		}
	}
	return computed
}

// secretive are the names of attributes that often hold secrets.
var secretive = []string{"env", "user_data", "seal_commands", "resume_commands"}

func computedAttribute(a schema.Attribute, sensitive bool) ds.Attribute {
	text := a.GetMarkdownDescription()
	switch a := a.(type) {
	case schema.StringAttribute:
		return ds.StringAttribute{Computed: true, Sensitive: sensitive, MarkdownDescription: text}
	case schema.Int64Attribute:
		return ds.Int64Attribute{Computed: true, Sensitive: sensitive, MarkdownDescription: text}
	case schema.NumberAttribute:
		return ds.NumberAttribute{Computed: true, Sensitive: sensitive, MarkdownDescription: text}
	case schema.BoolAttribute:
		return ds.BoolAttribute{Computed: true, Sensitive: sensitive, MarkdownDescription: text}
	case schema.DynamicAttribute:
		return ds.DynamicAttribute{Computed: true, Sensitive: sensitive, MarkdownDescription: text}
	case schema.MapAttribute:
		return ds.MapAttribute{
			Computed: true, Sensitive: sensitive, ElementType: a.ElementType, MarkdownDescription: text,
		}
	case schema.ListAttribute:
		return ds.ListAttribute{
			Computed: true, Sensitive: sensitive, ElementType: a.ElementType, MarkdownDescription: text,
		}
	case schema.SetAttribute:
		return ds.SetAttribute{
			Computed: true, Sensitive: sensitive, ElementType: a.ElementType, MarkdownDescription: text,
		}
	case schema.SingleNestedAttribute:
		return ds.SingleNestedAttribute{
			Computed: true, Sensitive: sensitive, Attributes: Computed(a.Attributes), MarkdownDescription: text,
		}
	case schema.MapNestedAttribute:
		return ds.MapNestedAttribute{Computed: true, Sensitive: sensitive, MarkdownDescription: text,
			NestedObject: ds.NestedAttributeObject{Attributes: Computed(a.NestedObject.Attributes)}}
	case schema.ListNestedAttribute:
		return ds.ListNestedAttribute{Computed: true, Sensitive: sensitive, MarkdownDescription: text,
			NestedObject: ds.NestedAttributeObject{Attributes: Computed(a.NestedObject.Attributes)}}
	}
	panic(fmt.Sprintf("no data source attribute for %T", a)) // a test reads every schema and would fail
}
