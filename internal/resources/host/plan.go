package host

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. It reports what keeps the plan from being applied,
// and what it means for the instances on the host.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !r.Configured() || req.Plan.Raw.Equal(req.State.Raw) {
		return
	}
	var plan policy
	if req.Plan.Raw.IsNull() {
		r.planRemoval(ctx, req, &resp.Diagnostics)
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if !r.Fleet.Named() {
		resp.Diagnostics.AddError("No hosts to choose from", "The provider's configuration names no hosts, so there "+
			"is none that could have a state: configure hosts.")
	}
	if resp.Diagnostics.HasError() || plan.Name.IsUnknown() {
		return
	}
	to := plan.toHost()
	was := catalog.Host{Name: to.Name}
	if req.State.Raw.IsNull() {
		err := r.Hosts.CheckNew(ctx, to.Name)
		face.AddUnsure(&resp.Diagnostics, "Could not set the state of a host", err)
	} else {
		was = r.stored(ctx, req, &resp.Diagnostics)
	}
	if !resp.Diagnostics.HasError() && !plan.State.IsUnknown() {
		r.checkChange(ctx, &resp.Diagnostics, was, to)
	}
}

// stored is what the catalog says of the host of a state now.
func (r *Resource) stored(
	ctx context.Context, req resource.ModifyPlanRequest, diags *diag.Diagnostics,
) catalog.Host {
	var state policy
	if diags.Append(req.State.Get(ctx, &state)...); diags.HasError() {
		return catalog.Host{}
	}
	h, err := r.Hosts.Get(ctx, state.ID.ValueString())
	if errors.Is(err, catalog.ErrNotFound) {
		return catalog.Host{Name: state.ID.ValueString()}
	}
	face.AddError(diags, "Could not change the state of a host", err)
	return h
}

// checkChange reports what is wrong with a change of a host's state, and what it means.
func (r *Resource) checkChange(ctx context.Context, diags *diag.Diagnostics, was, to catalog.Host) {
	if err := r.Hosts.Check(ctx, was, to); err != nil {
		face.AddError(diags, "Could not change the state of a host", err)
		return
	}
	announced, err := r.Hosts.Announce(ctx, was, to)
	face.AddError(diags, "Could not read the catalog's placements", err)
	for _, f := range announced {
		face.AddWarning(diags, f)
	}
}

// planRemoval is ModifyPlan for a host of which nothing is said any more, so that it is active.
func (r *Resource) planRemoval(
	ctx context.Context, req resource.ModifyPlanRequest, diags *diag.Diagnostics,
) {
	was := r.stored(ctx, req, diags)
	if diags.HasError() {
		return
	}
	if err := r.Hosts.CheckDelete(ctx, was); err != nil {
		face.AddError(diags, "Could not remove the state of a host", err)
		return
	}
	announced, err := r.Hosts.Announce(ctx, was, catalog.Host{Name: was.Name})
	face.AddError(diags, "Could not read host", err)
	for _, f := range announced {
		f.Path = nil // the resource has no attributes any more
		face.AddWarning(diags, f)
	}
}
