package host

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

var (
	_ resource.Resource                   = (*Resource)(nil)
	_ resource.ResourceWithConfigure      = (*Resource)(nil)
	_ resource.ResourceWithIdentity       = (*Resource)(nil)
	_ resource.ResourceWithImportState    = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*Resource)(nil)
)

// Resource is what an administrator says of a host: the resource novacron_host.
type Resource struct{ face.Resource }

// New creates the resource.
func New() resource.Resource { return &Resource{face.NewResource("host")} }

// idPath is the path of the id, which is the name of the host that the state has.
var idPath = path.Root("id")

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *Resource) ValidateConfig(
	_ context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	face.WarnEmpty(&resp.Diagnostics, req.Config.Raw)
	face.AddFindings(&resp.Diagnostics, face.FindNUL(req.Config.Raw))
}

// Create implements resource.Resource.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan policy
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.Require("setting the state of a host")...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.Hosts.Create(ctx, plan.toHost()); err != nil {
		face.AddError(&resp.Diagnostics, "Could not set the state of a host", err)
		return
	}
	plan.ID = plan.Name
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, face.Named{Name: plan.Name})...)
	r.NotePool(ctx, resp.Private, &resp.Diagnostics)
}

// Read implements resource.Resource.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state policy
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := state.ID.ValueString()
	resp.Diagnostics.Append(resp.Identity.Set(ctx, face.Named{Name: state.ID})...) // also of a state that is gone
	if !r.Configured() {
		return
	}
	h, err := r.Hosts.Get(ctx, name)
	if errors.Is(err, catalog.ErrNotFound) {
		resp.Diagnostics.Append(r.MissingFromPool(ctx, req.Private, "State of host", name, face.UnlessApplied)...)
		if !resp.Diagnostics.HasError() {
			resp.State.RemoveResource(ctx)
		}
		return
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read the state of a host", err)
		return
	}
	state.fromHost(h)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	r.NotePool(ctx, resp.Private, &resp.Diagnostics)
}

// Update implements resource.Resource.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan policy
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.Require("changing the state of a host")...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.Hosts.Update(ctx, plan.toHost()); err != nil {
		face.AddError(&resp.Diagnostics, "Could not change the state of a host", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, face.Named{Name: plan.Name})...)
}

// Delete implements resource.Resource.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, idPath, &id)...)
	resp.Diagnostics.Append(r.Require("removing the state of a host")...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.DeletedFromPool(ctx, req.Private, "State of host", id.ValueString(), func() bool {
		_, err := r.Hosts.Get(ctx, id.ValueString())
		return errors.Is(err, catalog.ErrNotFound)
	})...)
	if !resp.Diagnostics.HasError() {
		face.AddError(&resp.Diagnostics, "Could not remove the state of a host", r.Hosts.Delete(ctx, id.ValueString()))
	}
}
