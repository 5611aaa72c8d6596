package templateversion

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// ModifyPlan implements resource.ResourceWithModifyPlan: it opens the image, so that a wrong one is
// found before anything is made, and decides whether another source means another image, and the
// same one still the same image.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, state Model
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if !req.State.Raw.IsNull() && !req.Plan.Raw.Equal(req.State.Raw) {
		r.checkWrite(ctx, &resp.Diagnostics, &state)
	}
	if req.Plan.Raw.IsNull() {
		r.own(&state)
		refuseProtected(&resp.Diagnostics, &state)
		r.planRemoval(ctx, &resp.Diagnostics, &state)
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.State.Raw.IsNull() {
		r.planCreate(ctx, &plan, &resp.Diagnostics)
		return
	}
	r.own(&state)
	replaced := !plan.alike(&state.Facts)
	from, known := plan.source()
	before, _ := state.source()
	check := &imageCheck{version: &state, library: r.library(), notes: resp.Private, diags: &resp.Diagnostics}
	switch {
	case state.Source.IsNull() || !known || !from.Same(before):
		if !known || !check.same(ctx, from) {
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root("source"))
			replaced = true
		}
	case plan.Version.Equal(state.Version) && plan.TemplateID.Equal(state.TemplateID): // otherwise it is a new version
		check.unchanged(ctx, from)
	}
	if replaced {
		refuseProtected(&resp.Diagnostics, &state)
		r.planRemoval(ctx, &resp.Diagnostics, &state)
		warnOfNumber(&resp.Diagnostics, &plan, &state)
		return
	}
	if !req.Plan.Raw.Equal(req.State.Raw) {
		plan.PlanPublished(state.Lifecycle)
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("published_at"), plan.PublishedAt)...)
		r.planState(ctx, &plan, &state, &resp.Diagnostics)
	}
}

// refuseProtected refuses, in the plan already, to remove a protected version.
func refuseProtected(diags *diag.Diagnostics, state *Model) {
	if state.DeletionProtection.ValueBool() {
		diags.AddAttributeError(path.Root("deletion_protection"), "Version is protected", fmt.Sprintf(
			"Version %q has deletion_protection, and the plan would destroy or replace it: set it to false and apply first.", state.ID.ValueString()))
	}
}

// warnOfNumber warns that a version is replaced by one of the same number, which
// create_before_destroy would refuse while applying. Terraform does not tell a provider whether a
// resource has that.
func warnOfNumber(diags *diag.Diagnostics, plan, state *Model) {
	if !plan.Version.Equal(state.Version) || !plan.TemplateID.Equal(state.TemplateID) {
		return
	}
	diags.AddAttributeWarning(path.Root("version"), "Version keeps its number", fmt.Sprintf("The plan replaces version "+
		"%q by another one of the same number: Terraform removes it, and registers it again. With create_before_destroy, "+
		"the new one would be registered before the old one is removed, and applying is refused. Raise the number, so that "+
		"both can exist.", state.ID.ValueString()))
}

// planRemoval warns already while planning of linked clones that a version may go under, and lets
// the plans of instances that come after it know that it goes: these refuse what stays.
func (r *Resource) planRemoval(ctx context.Context, diags *diag.Diagnostics, state *Model) {
	id, err := catalog.ParseVersionID(state.ID.ValueString())
	if err != nil || !r.Configured() || diags.HasError() {
		return
	}
	unsure, err := r.Library.ExpectRemoval(ctx, id)
	face.AddError(diags, "Could not read host", err)
	if len(unsure) > 0 {
		diags.AddAttributeWarning(path.Root("version"), "Version may be in use", library.Unsure(id, unsure))
	}
}

// own records that the version of a state is Terraform's own. If Terraform replaces it, it asks a
// second time, for a new version, which must not be refused because the old one still exists.
// Terraform asks only once if the version is tainted, and not at all before that if nothing else
// changes: so a read records it as well.
func (r *Resource) own(state *Model) {
	if id, err := catalog.ParseVersionID(state.ID.ValueString()); err == nil && r.Configured() {
		r.Library.Plan.StateHas(id)
	}
}

// planCreate checks a version that is to be created, and lets instances planned after it count on
// it.
func (r *Resource) planCreate(ctx context.Context, plan *Model, diags *diag.Diagnostics) {
	virtualSize := int64(0)
	if from, known := plan.source(); known {
		virtualSize = r.probe(ctx, from, plan.ParentVersion.IsNull(), diags)
	}
	id, known := plan.plannedID()
	if !known || !r.Configured() {
		return
	}
	r.Library.Plan.WillCreate(id, plan.Lifecycle.Core())
	template, versions, err := r.Library.Planned(ctx, id.Template)
	if errors.Is(err, catalog.ErrNotFound) {
		face.AddFindings(diags, r.Library.NoSuchTemplate(id.Template))
		return
	}
	if err == nil {
		if refused := r.Library.MayWrite(template); refused != nil {
			diags.AddAttributeError(path.Root("template_id"), "No permission to register version", finding.Sentence(fmt.Errorf("registering version %q: %w", id, refused)))
			return
		}
	}
	if err != nil {
		face.AddError(diags, "Could not read template", err)
		return
	}
	face.AddUnsure(diags, "Could not read template", r.Library.CheckNewVersion(ctx, id))
	r.checkParent(plan, id, versions, diags)
	if !plan.Spec.Known() {
		return
	}
	spec := plan.Spec.Core().Over(template.Spec)
	face.AddFindings(diags, spec.ValidateWhole())
	if virtualSize > 0 && len(spec.Storage.Validate()) == 0 {
		face.AddFindings(diags, spec.Storage.CheckImage(virtualSize))
	}
}

// probe looks at an image and returns its virtual size in bytes, or 0 if it is not known. Whole
// says that all of it is to be stored.
func (r *Resource) probe(ctx context.Context, from source.Source, whole bool, diags *diag.Diagnostics) int64 {
	if err := from.Validate(); err != nil {
		face.AddError(diags, "Invalid image source", err)
		return 0
	}
	examine := source.Examine
	if r.Configured() {
		examine = r.Library.Images.Probe
	}
	found, err := examine(ctx, from)
	if err != nil {
		face.AddError(diags, "Could not use image", unusable(err))
		return 0
	}
	if found.Wait != nil { // an earlier step of the apply may correct that
		diags.AddAttributeWarning(path.Root("source"), "Image not available yet", found.Wait.Error())
	}
	if whole && r.Configured() {
		face.AddError(diags, "Could not use image", r.Library.Images.Pool().CheckCapacity(ctx, from, found.Size))
	}
	return found.VirtualSize
}

// library is nil while it cannot be asked.
func (r *Resource) library() *library.Library {
	if !r.Configured() {
		return nil
	}
	return r.Library
}
