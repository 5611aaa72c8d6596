package instance

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// identity distinguishes an instance from all others, for as long as it lives.
type identity struct {
	ID types.String `tfsdk:"id"`
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *Resource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"id": identityschema.StringAttribute{
			RequiredForImport: true, Description: "The instance's UUID, which is its domain's.",
		},
	}}
}

// ImportState implements resource.ResourceWithImportState: by UUID, by "tenant/name", by the name
// in the provider's tenant, or by the identity.
func (r *Resource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	resp.Diagnostics.Append(r.Require("importing an instance")...)
	if resp.Diagnostics.HasError() {
		return
	}
	i, on, err := r.referred(ctx, req)
	if errors.Is(err, provision.ErrForeign) {
		err = fmt.Errorf("%w. Only instances can be imported. To use what is on its disk, shut the domain "+
			"down, register the disk as a novacron_template_version (source = { volume = \"POOL/VOLUME\" }, or path "+
			"for a file on this machine), and create a novacron_instance from that. The domain itself stays as it is "+
			"until you remove it", err)
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not import instance", err)
		return
	}
	if err := r.Fleet.Adopt(ctx, i, on, nil); err != nil {
		face.AddError(&resp.Diagnostics, "Could not import instance", err)
		return
	}
	pool, err := r.Fleet.PoolOf(ctx, i)
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not import instance", err)
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), i.UUID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("resource_pool"), attribute.OptionalString(pool))...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("placed_on"), attribute.OptionalString(on.Name))...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identity{types.StringValue(i.UUID)})...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, model.ImportedKey, []byte("true"))...)
	face.NoteHost(ctx, on.Here, resp.Private, &resp.Diagnostics)
}

// referred finds the instance that is to be imported.
func (r *Resource) referred(
	ctx context.Context, req resource.ImportStateRequest,
) (kind.Instance, *fleet.Member, error) {
	if req.ID == "" && !req.Identity.Raw.IsFullyNull() {
		var given types.String
		req.Identity.GetAttribute(ctx, path.Root("id"), &given)
		i, on, err := r.Fleet.Read(ctx, "", given.ValueString()) // a name is not an identity
		if errors.Is(err, provision.ErrNotFound) || err == nil && i.Facts.Tenant != r.Library.Tenant() {
			err = fmt.Errorf("%s instance with the UUID %s", r.Fleet.None(), given.ValueString())
		}
		return i, on, err
	}
	i, on, err := r.Fleet.Lookup(ctx, req.ID)
	if errors.Is(err, provision.ErrNotFound) {
		err = fmt.Errorf("%s instance %q: use its UUID, \"tenant/name\", or its name in the provider's tenant",
			r.Fleet.None(), req.ID)
	}
	return i, on, err
}
