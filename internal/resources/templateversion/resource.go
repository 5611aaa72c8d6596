// Package templateversion has the resource and the data source novacron_template_version.
package templateversion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

var (
	_ resource.Resource                   = (*Resource)(nil)
	_ resource.ResourceWithConfigure      = (*Resource)(nil)
	_ resource.ResourceWithIdentity       = (*Resource)(nil)
	_ resource.ResourceWithImportState    = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*Resource)(nil)
)

// Time limits of operations without a timeouts block.
const (
	createTimeout = 30 * time.Minute
	updateTimeout = 30 * time.Minute
	deleteTimeout = 5 * time.Minute
)

// Resource manages versions of templates: the resource novacron_template_version.
type Resource struct{ face.Resource }

// New creates the resource.
func New() resource.Resource { return &Resource{face.NewResource("template_version")} }

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *Resource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config Model
	face.WarnEmpty(&resp.Diagnostics, req.Config.Raw)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	face.AddFindings(&resp.Diagnostics, append(config.Spec.Validate(), config.Lifecycle.Validate()...))
	warm, _ := attribute.Warm(config.Warm) // unknown leaves count as unset
	face.AddFindings(&resp.Diagnostics, warm.Validate())
	face.AddFindings(&resp.Diagnostics, face.FindNUL(req.Config.Raw))
	config.validateParent(&resp.Diagnostics)
	if source, known := config.source(); known {
		face.AddError(&resp.Diagnostics, "Invalid image source", source.Validate())
	}
}

// Create implements resource.Resource.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config Model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(r.Require("registering a template version")...)
	timeout, diags := plan.Timeouts.Create(ctx, createTimeout)
	resp.Diagnostics.Append(diags...)
	id, ok := plan.plannedID()
	if !ok {
		resp.Diagnostics.AddAttributeError(path.Root("template_id"), "Invalid template id",
			fmt.Sprintf("%q is not a template id: write it as tenant/name.", plan.TemplateID.ValueString()))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	from := plan.sourceWith(config)
	seen := r.stampFor(ctx, &plan, from)
	v, err := r.Library.RegisterVersion(ctx, library.VersionRequest{
		ID:              id,
		VersionSettings: plan.settings(),
		Source:          from,
		Spec:            plan.Spec.Core(),
		Parent:          plan.ParentVersion.ValueString(),
		VerifyFull:      plan.Verify.ValueString() == verifyFull,
		Progress:        progress(ctx, id),
	})
	if err != nil {
		face.AddTimedError(ctx, &resp.Diagnostics, "Could not register version", err)
		return
	}
	location, err := r.Library.Images.Location(ctx, v)
	plan.computed(v, location)
	plan.WarmSnapshot = types.ObjectNull(snapshotTypes)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identityOf(id))...)
	r.NotePool(ctx, resp.Private, &resp.Diagnostics)
	noteRegistered(ctx, seen, from, v, resp.Private)
	face.AddError(&resp.Diagnostics, "Could not read image of registered version", err)
	if v.Warm != nil {
		made := r.makeSnapshot(ctx, v, &resp.Diagnostics)
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("warm_snapshot"), made)...)
	}
}

// Read implements resource.Resource.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state Model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	id, err := catalog.ParseVersionID(state.ID.ValueString())
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read version", err)
		return
	}
	// Set the identity in any case. The state may be older than identities, and the framework
	// demands an identity even for a resource that is gone.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identityOf(id))...)
	if !r.Configured() {
		return
	}
	r.Library.Plan.StateHas(id)
	v, err := r.Library.PlannedVersion(ctx, id) // reads all versions of the template at once
	if errors.Is(err, catalog.ErrNotFound) {
		if err = r.Library.CheckVersionGone(ctx, id); err == nil {
			resp.Diagnostics.Append(r.MissingFromPool(ctx, req.Private, "Version", id.String(), face.UnlessApplied)...)
			if !resp.Diagnostics.HasError() {
				resp.State.RemoveResource(ctx)
			}
			return
		}
	}
	var location string
	if err == nil {
		location, err = r.Library.Images.Location(ctx, v)
	}
	if errors.Is(err, imagestore.ErrNoImage) {
		// An error would keep Terraform from destroying or replacing the version.
		resp.Diagnostics.AddWarning("Image is missing",
			fmt.Sprintf("The image of version %q is not in the pool %q. Either "+
				"it was removed from there, or the provider is now configured for another host or pool than the "+
				"version was registered with. Nothing can be created from the version here: register it again with "+
				"`terraform apply -replace=ADDRESS`, or destroy it.", id, r.Library.Pool()))
		location, err = state.StorageLocation.ValueString(), nil
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read version", err)
		return
	}
	state.fromVersion(v, v.Overrides, location)
	state.WarmSnapshot = readSnapshot(ctx, r.Session, v, state.WarmSnapshot, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	r.NotePool(ctx, resp.Private, &resp.Diagnostics)
	from, _ := state.source()
	form := catalog.FormDisk
	if v.Root != nil {
		form = catalog.FormRoot
	}
	// Terraform keeps these notes after a refresh, but not after a plan with nothing to do. The
	// plan reports what is wrong with the source.
	if as, err := r.Library.Images.For(ctx, form, from); err == nil {
		if watched, is := as.(source.Watched); is {
			_, _ = look(ctx, watched, v.ImageID(), resp.Private)
		}
	}
}

// Update implements resource.Resource. It changes the version's settings, where the same image
// comes from, and how it is verified. It makes the warm snapshot if the plan says so.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state Model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(r.Require("changing a template version")...)
	timeout, diags := plan.Timeouts.Update(ctx, updateTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	id, err := catalog.ParseVersionID(plan.ID.ValueString())
	if err == nil && plan.Verify.ValueString() == verifyFull && !plan.Verify.Equal(state.Verify) {
		err = r.Library.VerifyVersion(ctx, id)
	}
	var v catalog.Version
	if err == nil {
		v, err = r.Library.UpdateVersion(ctx, id, plan.settings())
		plan.Published(v.Lifecycle)
	}
	if err != nil {
		face.AddTimedError(ctx, &resp.Diagnostics, "Could not update version", err)
		return
	}
	if plan.WarmSnapshot.IsUnknown() || v.Warm == nil && !state.Warm.IsNull() {
		plan.WarmSnapshot = r.makeSnapshot(ctx, v, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identityOf(id))...)
}

// Delete implements resource.Resource.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state Model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(r.Require("removing a template version")...)
	timeout, diags := state.Timeouts.Delete(ctx, deleteTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	id, err := catalog.ParseVersionID(state.ID.ValueString())
	if err == nil {
		resp.Diagnostics.Append(r.DeletedFromPool(ctx, req.Private, "Version", id.String(), func() bool {
			_, err := r.Library.PlannedVersion(ctx, id)
			return errors.Is(err, catalog.ErrNotFound)
		})...)
		if resp.Diagnostics.HasError() {
			return
		}
		err = r.Library.RemoveVersion(ctx, id, func(overlooked string) {
			resp.Diagnostics.AddWarning("Could not inspect the whole host", overlooked)
		})
	}
	face.AddTimedError(ctx, &resp.Diagnostics, "Could not delete version", err)
}
