package templateversion

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. It opens the image, so that a wrong one is
// reported before anything is created. It decides whether a new source means a new image, and
// whether an unchanged source still has the same image.
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
		if plan.Warm.IsNull() {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("warm_snapshot"),
				types.ObjectNull(snapshotTypes))...)
		}
		r.planCreate(ctx, &plan, &resp.Diagnostics)
		return
	}
	r.own(&state)
	replaced := !plan.alike(&state.Facts)
	from, known := plan.source()
	before, _ := state.source()
	check := &imageCheck{
		version: &state, replaced: replaced, library: r.library(), notes: resp.Private, diags: &resp.Diagnostics,
	}
	check.image, check.form = r.imageOf(ctx, &state)
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
	changes := !req.Plan.Raw.Equal(req.State.Raw)
	state.WarmSnapshot = r.draftsSnapshot(ctx, &state, &resp.Diagnostics)
	planSnapshot(&plan, &state, changes, &resp.Diagnostics)
	if id, err := catalog.ParseVersionID(state.ID.ValueString()); err == nil && plan.WarmSnapshot.IsUnknown() &&
		r.Configured() {
		r.Library.Plan.WillRemake(id)
	}
	if !plan.WarmSnapshot.Equal(state.WarmSnapshot) {
		if !changes {
			r.checkWrite(ctx, &resp.Diagnostics, &state)
		}
		changes = true
	}
	if changes {
		plan.PlanPublished(state.Lifecycle)
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("published_at"), plan.PublishedAt)...)
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("warm_snapshot"), plan.WarmSnapshot)...)
		r.planSettings(ctx, &plan, &state, &resp.Diagnostics)
	}
}

// refuseProtected refuses a plan that would remove a protected version.
func refuseProtected(diags *diag.Diagnostics, state *Model) {
	if state.DeletionProtection.ValueBool() {
		diags.AddAttributeError(path.Root("deletion_protection"), "Version is protected", fmt.Sprintf(
			"Version %q has deletion_protection, and the plan would destroy or replace it: set it to false and "+
				"apply first.", state.ID.ValueString()))
	}
}

// warnOfNumber warns that the plan replaces a version by one with the same number, which an apply
// with create_before_destroy refuses. Terraform does not tell the provider whether a resource has
// create_before_destroy.
func warnOfNumber(diags *diag.Diagnostics, plan, state *Model) {
	if !plan.Version.Equal(state.Version) || !plan.TemplateID.Equal(state.TemplateID) {
		return
	}
	diags.AddAttributeWarning(path.Root("version"), "Version keeps its number",
		fmt.Sprintf("The plan replaces version "+
			"%q by another one of the same number: Terraform removes it, and registers it again. With "+
			"create_before_destroy, the new one would be registered before the old one is removed, and applying is "+
			"refused. Raise the number, so that both can exist.", state.ID.ValueString()))
}

// planRemoval warns of instances that need the image of a version that is to be removed. It also
// registers the removal, so that the plans of instances that come later refuse to stay on the
// version.
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

// own records that Terraform's state has the version. If Terraform replaces the version, it plans a
// second time, for the new version, and that plan must not fail because the old one still exists.
// If the version is tainted, Terraform makes only the second plan. Therefore Read records it as
// well.
func (r *Resource) own(state *Model) {
	if id, err := catalog.ParseVersionID(state.ID.ValueString()); err == nil && r.Configured() {
		r.Library.Plan.StateHas(id)
	}
}

// planCreate checks a version that is to be created, and registers it so that instances planned
// later can rely on it.
func (r *Resource) planCreate(ctx context.Context, plan *Model, diags *diag.Diagnostics) {
	virtualSize := int64(0)
	form, formKnown := r.form(ctx, plan)
	plan.checkForm(form, diags)
	if from, known := plan.source(); known {
		virtualSize = r.probe(ctx, from, form, formKnown, plan.ParentVersion.IsNull(), diags)
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
			diags.AddAttributeError(path.Root("template_id"), "No permission to register version",
				finding.Sentence(fmt.Errorf("registering version %q: %w", id, refused)))
			return
		}
	}
	if err != nil {
		face.AddError(diags, "Could not read template", err)
		return
	}
	face.AddUnsure(diags, "Could not read template", r.Library.CheckNewVersion(ctx, id))
	face.AddWarning(diags, r.Library.Crowded())
	r.checkParent(plan, id, versions, diags)
	if !plan.Spec.Known() {
		return
	}
	spec := plan.Spec.Core().Over(template.Spec)
	face.AddFindings(diags, spec.ValidateWhole(template.Type))
	if virtualSize > 0 && len(spec.Storage.Validate()) == 0 {
		face.AddFindings(diags, spec.CheckImage(template.Type, virtualSize))
	}
	if !diags.HasError() {
		r.checkWarm(plan, template, catalog.Version{ID: id, Spec: spec, VirtualSize: virtualSize}, diags)
	}
}

// checkWarm checks the snapshot that a version is planned to have. v is the version as planned, but
// for warm.
func (r *Resource) checkWarm(plan *Model, template catalog.Template, v catalog.Version, diags *diag.Diagnostics) {
	warm, known := attribute.Warm(plan.Warm)
	if known && len(warm.Validate()) == 0 { // otherwise ValidateConfig says so
		v.Warm = warm
		face.AddFindings(diags, r.Fleet.Home().CheckWarm(template, v))
	}
}

// probe looks at an image and returns its virtual size in bytes, or 0 if that is not known. whole
// says that the whole image is to be stored, not only its differences from a parent. formKnown is false
// while the template is not known.
func (r *Resource) probe(
	ctx context.Context, from source.Source, form catalog.Form, formKnown, whole bool, diags *diag.Diagnostics,
) int64 {
	if err := from.Validate(); err != nil {
		face.AddError(diags, "Invalid image source", err)
		return 0
	}
	found, err := r.examine(ctx, from, form, formKnown)
	if err != nil {
		face.AddError(diags, "Could not use image", unusable(err))
		return 0
	}
	if found.Wait != nil { // an earlier step of the same apply may change that
		diags.AddAttributeWarning(path.Root("source"), "Image not available yet", found.Wait.Error())
	}
	if whole && r.Configured() {
		face.AddError(diags, "Could not use image", r.Library.Images.Pool().CheckCapacity(ctx, from, found.Size))
	}
	return found.VirtualSize
}

// library returns the library, or nil while it cannot be asked.
func (r *Resource) library() *library.Library {
	if !r.Configured() {
		return nil
	}
	return r.Library
}
