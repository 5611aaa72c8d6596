package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// identity tells a host from all others of its catalog.
type identity struct {
	Name types.String `tfsdk:"name"`
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *Resource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: "The host's name."},
	}}
}

// ImportState implements resource.ResourceWithImportState: by the name, or by the identity.
func (r *Resource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	resp.Diagnostics.Append(r.Require("importing the state of a host")...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := req.ID
	if name == "" && !req.Identity.Raw.IsFullyNull() {
		var given types.String
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &given)...)
		name = given.ValueString()
	}
	_, err := r.Hosts.Get(ctx, name)
	if errors.Is(err, catalog.ErrNotFound) {
		err = fmt.Errorf("the catalog says nothing of a host %q, so that it is active", name)
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not import the state of a host", err)
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, idPath, name)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identity{types.StringValue(name)})...)
}
