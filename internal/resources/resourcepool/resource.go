// Package resourcepool has the resource and the data source novacron_resource_pool.
package resourcepool

import (
	"context"
	"errors"

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

// Resource manages resource pools: the resource novacron_resource_pool.
type Resource struct{ face.Resource }

// New creates the resource.
func New() resource.Resource { return &Resource{face.NewResource("resource_pool")} }

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *Resource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config model
	face.WarnEmpty(&resp.Diagnostics, req.Config.Raw)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		face.AddFindings(&resp.Diagnostics, append(config.validate(ctx), face.FindNUL(req.Config.Raw)...))
	}
}

// Create implements resource.Resource.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.Require("creating a resource pool")...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.Pools.Create(ctx, plan.toPool()); err != nil {
		face.AddError(&resp.Diagnostics, "Could not create resource pool", err)
		return
	}
	plan.ID = plan.Name
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, face.Named{Name: plan.Name})...)
	r.NotePool(ctx, resp.Private, &resp.Diagnostics)
}

// Read implements resource.Resource.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := state.ID.ValueString()
	resp.Diagnostics.Append(resp.Identity.Set(ctx, face.Named{Name: state.ID})...) // also of a pool that is gone
	if !r.Configured() {
		return
	}
	pool, err := r.Pools.Get(ctx, name)
	if errors.Is(err, catalog.ErrNotFound) {
		resp.Diagnostics.Append(r.MissingFromPool(ctx, req.Private, "Resource pool", name, face.UnlessApplied)...)
		if !resp.Diagnostics.HasError() {
			resp.State.RemoveResource(ctx)
		}
		return
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read resource pool", err)
		return
	}
	state.fromPool(pool)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	r.NotePool(ctx, resp.Private, &resp.Diagnostics)
}

// Update implements resource.Resource.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.Require("changing a resource pool")...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.Pools.Update(ctx, plan.toPool()); err != nil {
		face.AddError(&resp.Diagnostics, "Could not update resource pool", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, face.Named{Name: plan.Name})...)
}

// Delete implements resource.Resource.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var id types.String
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, idPath, &id)...)
	resp.Diagnostics.Append(r.Require("removing a resource pool")...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(r.DeletedFromPool(ctx, req.Private, "Resource pool", id.ValueString(), func() bool {
		_, err := r.Pools.Get(ctx, id.ValueString())
		return errors.Is(err, catalog.ErrNotFound)
	})...)
	if !resp.Diagnostics.HasError() {
		face.AddError(&resp.Diagnostics, "Could not delete resource pool", r.Pools.Delete(ctx, id.ValueString()))
	}
}
