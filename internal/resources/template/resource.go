// Package template has the resource and the data source novacron_template.
package template

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
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

// Resource manages templates: the resource novacron_template.
type Resource struct{ face.Resource }

// New creates the resource.
func New() resource.Resource { return &Resource{face.NewResource("template")} }

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *Resource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config Model
	face.WarnEmpty(&resp.Diagnostics, req.Config.Raw)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		access, _ := attribute.Access(config.AccessControl)
		findings := append(config.Spec.Validate(), config.Spec.ValidateWhole(config.kind())...)
		findings = append(findings, face.FindNUL(req.Config.Raw)...)
		face.AddFindings(&resp.Diagnostics, append(append(findings, config.Lifecycle.Validate()...),
			access.Validate("")...))
	}
}

// Create implements resource.Resource.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan Model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.Require("registering a template")...)
	if resp.Diagnostics.HasError() {
		return
	}
	t := catalog.Template{ID: catalog.TemplateID{Name: plan.Name.ValueString()}, Type: plan.Type.ValueString()}
	plan.writeTo(&t)
	created, err := r.Library.CreateTemplate(ctx, t)
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not create template", err)
		return
	}
	plan.computed(created, r.Library.Enforcement())
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identityOf(created.ID))...)
	r.NotePool(ctx, resp.Private, &resp.Diagnostics)
}

// Read implements resource.Resource.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state Model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	id, err := state.id()
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read template", err)
		return
	}
	// Set the identity in any case. The state may be older than identities, and the framework
	// demands an identity even for a resource that is gone.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identityOf(id))...)
	if !r.Configured() {
		return
	}
	r.own(state)
	t, err := r.Library.Template(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		if err = r.Library.CheckTemplateGone(ctx, id); err == nil {
			resp.Diagnostics.Append(r.MissingFromPool(ctx, req.Private, "Template", id.String(), face.UnlessApplied)...)
			if !resp.Diagnostics.HasError() {
				resp.State.RemoveResource(ctx)
			}
			return
		}
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read template", err)
		return
	}
	state.fromTemplate(t, r.Library.Enforcement())
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	r.NotePool(ctx, resp.Private, &resp.Diagnostics)
}

// Update implements resource.Resource.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan Model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.Require("changing a template")...)
	if resp.Diagnostics.HasError() {
		return
	}
	id, err := plan.id()
	if err == nil {
		var t catalog.Template
		if t, err = r.Library.UpdateTemplate(ctx, id, plan.writeTo); err == nil {
			plan.computed(t, r.Library.Enforcement())
			resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
			resp.Diagnostics.Append(resp.Identity.Set(ctx, identityOf(id))...)
			return
		}
	}
	face.AddError(&resp.Diagnostics, "Could not update template", err)
}

// Delete implements resource.Resource.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state Model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(r.Require("removing a template")...)
	if resp.Diagnostics.HasError() {
		return
	}
	id, err := state.id()
	if err == nil {
		resp.Diagnostics.Append(r.DeletedFromPool(ctx, req.Private, "Template", id.String(), func() bool {
			_, err := r.Library.Template(ctx, id)
			return errors.Is(err, catalog.ErrNotFound)
		})...)
		if resp.Diagnostics.HasError() {
			return
		}
		err = r.Library.DeleteTemplate(ctx, id)
	}
	face.AddError(&resp.Diagnostics, "Could not delete template", err)
}
