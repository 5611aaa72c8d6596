package template

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. It reports changes that are not allowed.
// It also registers what the template will be, so that versions and instances planned after it can
// rely on that.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, state Model
	if !req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
		r.checkTenants(plan, &resp.Diagnostics)
	}
	if req.State.Raw.IsNull() {
		r.checkNew(ctx, &resp.Diagnostics, plan)
		return
	}
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.own(state)
	changed := !req.Plan.Raw.Equal(req.State.Raw)
	if changed {
		r.checkWrite(ctx, &resp.Diagnostics, state)
	}
	// The schema replaces the template if one of these changes, and the framework does not say so
	// here.
	if req.Plan.Raw.IsNull() || !plan.Name.Equal(state.Name) || !plan.Type.Equal(state.Type) {
		if state.DeletionProtection.ValueBool() {
			resp.Diagnostics.AddAttributeError(path.Root("deletion_protection"), "Template is protected", fmt.Sprintf(
				"Template %q has deletion_protection, and the plan would destroy or replace it: set it to false and "+
					"apply first.", state.ID.ValueString()))
		}
		return
	}
	if changed {
		plan.PlanPublished(state.Lifecycle)
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("published_at"), plan.PublishedAt)...)
		if state.Enforcement.IsNull() { // the state is older than the attribute
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("enforcement"), types.StringUnknown())...)
		}
	}
	id, err := plan.id()
	if !r.Configured() || resp.Diagnostics.HasError() || err != nil {
		return
	}
	r.checkState(ctx, &resp.Diagnostics, id, plan, state)
	if _, known := attribute.Access(plan.AccessControl); !known || !plan.Spec.Known() || plan.State.IsUnknown() ||
		plan.IsPublic.IsUnknown() {
		return
	}
	t := catalog.Template{ID: id, Type: plan.Type.ValueString()}
	plan.writeTo(&t)
	r.Library.Plan.WillChange(t)
}

// checkNew reports why a template cannot be created: its pool does not exist, or its name is taken.
func (r *Resource) checkNew(ctx context.Context, diags *diag.Diagnostics, plan Model) {
	if !r.Configured() || diags.HasError() || plan.Name.IsUnknown() {
		return
	}
	id := catalog.TemplateID{Tenant: r.Library.Tenant(), Name: plan.Name.ValueString()}
	face.AddUnsure(diags, "Could not create template", r.Library.CheckNewTemplate(ctx, id))
}

// own records that Terraform's state has the template. If Terraform replaces it, Terraform plans a
// new one beside it.
func (r *Resource) own(state Model) {
	if id, err := state.id(); err == nil && r.Configured() {
		r.Library.Plan.StateHasTemplate(id)
	}
}

// checkTenants reports that a template is shared with its own tenant.
func (r *Resource) checkTenants(plan Model, diags *diag.Diagnostics) {
	if !r.Configured() || diags.HasError() {
		return
	}
	access, _ := attribute.Access(plan.AccessControl)
	face.AddFindings(diags, access.Validate(r.Library.Tenant()))
}

// checkWrite reports that the user may see the template, but may not change it.
func (r *Resource) checkWrite(ctx context.Context, diags *diag.Diagnostics, state Model) {
	id, err := state.id()
	if !r.Configured() || err != nil {
		return
	}
	t, _, err := r.Library.Planned(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) { // Read reports this
		return
	}
	if err == nil {
		err = r.Library.MayWrite(t)
	}
	if err != nil {
		face.AddError(diags, "No permission to change template", fmt.Errorf("changing or removing template %q: %w",
			id, err))
	}
}

// checkState reports that the template cannot change to the planned state.
func (r *Resource) checkState(ctx context.Context, diags *diag.Diagnostics, id catalog.TemplateID, plan, state Model) {
	if plan.State.IsUnknown() {
		return
	}
	err := r.Library.CheckState(ctx, id, "", state.Lifecycle.Core().State, plan.Lifecycle.Core().State)
	face.AddError(diags, "Could not read host", err)
}
