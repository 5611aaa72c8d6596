package face

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Named is the identity of what its name tells from all others of its catalog.
type Named struct {
	Name types.String `tfsdk:"name"`
}

// NamedSchema is the schema of a Named. what describes the name.
func NamedSchema(what string) identityschema.Schema {
	return identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: what},
	}}
}

// NameToImport is the name by which something is imported that has a Named: the id, or the name of the identity.
func NameToImport(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) (name string) {
	if req.ID != "" || req.Identity.Raw.IsFullyNull() {
		return req.ID
	}
	var given types.String
	resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &given)...)
	return given.ValueString()
}

// ImportNamed writes the id of what is imported, which is its name.
func ImportNamed(ctx context.Context, name string, resp *resource.ImportStateResponse) {
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), name)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, Named{types.StringValue(name)})...)
}
