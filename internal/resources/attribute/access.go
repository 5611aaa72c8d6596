package attribute

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// AccessAttribute is the schema of access_control.
func AccessAttribute() schema.SingleNestedAttribute {
	attributes := map[string]schema.Attribute{}
	for _, list := range (&catalog.AccessControl{}).Lists() {
		right, whom, _ := strings.Cut(list.Name, "_")
		who := "Names of " + whom + " of the template's own tenant that may"
		if whom == "tenants" {
			who = "Names of other tenants. All of their users may"
		}
		attributes[list.Name] = schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: fmt.Sprintf("%s %s the template and its versions.", who, map[string]string{
				"read": "read", "use": "read and use", "write": "read, use and write",
			}[right]),
		}
	}
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Who may do what with the template and its versions. To use means to create " +
			"instances. To write means to change and remove the template and its versions, and to " +
			"register versions.\n  - A right includes the lesser ones. The owner has all rights.\n" +
			"  - For users of the template's own tenant, a right is open to all while no user or group is named for " +
			"it or for a lesser right: `write_users = [\"a\"]` lets `a` and the owner write, and everybody else in " +
			"the tenant read and use.\n" +
			"  - Other tenants have the rights that they are given, and never write.\n" +
			"  - An empty list is the same as no list.",
		Attributes: attributes,
	}
}

// accessTypes returns the types of the attributes in access_control.
func accessTypes() map[string]attr.Type {
	kinds := map[string]attr.Type{}
	for _, list := range (&catalog.AccessControl{}).Lists() {
		kinds[list.Name] = types.SetType{ElemType: types.StringType}
	}
	return kinds
}

// Access reads access_control. known is false while any part of it is unknown; unknown parts read
// as unset.
func Access(o types.Object) (a catalog.AccessControl, known bool) {
	known = !o.IsUnknown()
	for _, list := range a.Lists() {
		set, ok := o.Attributes()[list.Name].(types.Set)
		if !ok {
			continue
		}
		known = known && !set.IsUnknown()
		for _, element := range set.Elements() {
			known = known && !element.IsUnknown()
		}
		*list.Names = Strings(set.Elements())
	}
	return a, known
}

// KeepAccess writes the current access_control, or returns what the user wrote if that means the
// same.
func KeepAccess(written types.Object, current catalog.AccessControl) types.Object {
	if before, known := Access(written); known && before.Equal(current) && !written.IsNull() {
		return written
	}
	if current.Equal(catalog.AccessControl{}) {
		return types.ObjectNull(accessTypes())
	}
	values := map[string]attr.Value{}
	for _, list := range current.Lists() {
		names := types.SetNull(types.StringType)
		if len(*list.Names) > 0 {
			elements := make([]attr.Value, len(*list.Names))
			for i, name := range *list.Names {
				elements[i] = types.StringValue(name)
			}
			names = types.SetValueMust(types.StringType, elements)
		}
		values[list.Name] = names
	}
	return types.ObjectValueMust(accessTypes(), values)
}
