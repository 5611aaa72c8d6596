package template

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

// identity tells a template from all others of its library, for as long as it lives.
type identity struct {
	Tenant types.String `tfsdk:"tenant"`
	Name   types.String `tfsdk:"name"`
}

func identityOf(id catalog.TemplateID) identity {
	return identity{Tenant: types.StringValue(id.Tenant), Name: types.StringValue(id.Name)}
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *Resource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"tenant": identityschema.StringAttribute{
			OptionalForImport: true, Description: "The tenant that the template belongs to. Default: the provider's.",
		},
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: "The template's name."},
	}}
}

// ImportState implements resource.ResourceWithImportState. It accepts "tenant/name", the name alone
// for a template of the provider's tenant, or the identity.
func (r *Resource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	resp.Diagnostics.Append(r.Require("importing a template")...)
	if resp.Diagnostics.HasError() {
		return
	}
	ref := req.ID
	if ref == "" && !req.Identity.Raw.IsFullyNull() {
		var given identity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &given)...)
		if ref = given.Name.ValueString(); !given.Tenant.IsNull() {
			ref = given.Tenant.ValueString() + "/" + ref
		}
	}
	id, err := catalog.ParseTemplateRef(ref, r.Library.Tenant())
	if err == nil {
		_, err = r.Library.Template(ctx, id)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		err = fmt.Errorf("the library in pool %q has no template %q", r.Library.Pool(), id)
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not import template", err)
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id.String())...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identityOf(id))...)
}
