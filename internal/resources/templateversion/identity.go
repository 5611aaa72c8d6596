package templateversion

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

// identity tells a version from all others of its library, for as long as it lives.
type identity struct {
	Tenant   types.String `tfsdk:"tenant"`
	Template types.String `tfsdk:"template"`
	Version  types.String `tfsdk:"version"`
}

func identityOf(id catalog.VersionID) identity {
	return identity{
		Tenant: types.StringValue(id.Template.Tenant), Template: types.StringValue(id.Template.Name),
		Version: types.StringValue(id.Version),
	}
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *Resource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"tenant": identityschema.StringAttribute{
			OptionalForImport: true, Description: "The tenant that the template belongs to. Default: the provider's.",
		},
		"template": identityschema.StringAttribute{RequiredForImport: true, Description: "The template's name."},
		"version":  identityschema.StringAttribute{RequiredForImport: true, Description: "The version, such as 1.1.0."},
	}}
}

// ImportState implements resource.ResourceWithImportState. It accepts "tenant/name@1.1.0",
// "name@1.1.0" for a template of the provider's tenant, or the identity.
func (r *Resource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	resp.Diagnostics.Append(r.Require("importing a template version")...)
	if resp.Diagnostics.HasError() {
		return
	}
	ref := req.ID
	if ref == "" && !req.Identity.Raw.IsFullyNull() {
		var given identity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &given)...)
		if ref = given.Template.ValueString() + "@" + given.Version.ValueString(); !given.Tenant.IsNull() {
			ref = given.Tenant.ValueString() + "/" + ref
		}
	}
	id, err := catalog.ParseVersionRef(ref, r.Library.Tenant())
	if err == nil {
		_, err = r.Library.Version(ctx, id)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		err = fmt.Errorf("the library in pool %q has no version %q", r.Library.Pool(), id)
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not import version", err)
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id.String())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identityOf(id))...)
}
