// Package instance is the resource novacron_instance.
package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/elsewhere"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/planner"
)

var (
	_ resource.Resource                   = (*Resource)(nil)
	_ resource.ResourceWithConfigure      = (*Resource)(nil)
	_ resource.ResourceWithIdentity       = (*Resource)(nil)
	_ resource.ResourceWithImportState    = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*Resource)(nil)
)

// How long operations may take if the timeouts block does not say.
const (
	createTimeout = 10 * time.Minute
	updateTimeout = 10 * time.Minute
	deleteTimeout = 5 * time.Minute
	// removalTime is what switching a guest off and removing what belongs to it may take, after its
	// delete timeout.
	removalTime = 2 * time.Minute
)

// Resource is novacron_instance.
type Resource struct{ face.Resource }

// New creates the resource.
func New() resource.Resource { return &Resource{face.NewResource("instance")} }

// Schema implements resource.Resource.
func (r *Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = model.Schema(ctx)
}

// ModifyPlan implements resource.ResourceWithModifyPlan.
func (r *Resource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	planner.ModifyPlan(ctx, r.Session, req, resp)
}

// ValidateConfig implements resource.ResourceWithValidateConfig. Profiles that override a version
// may be incomplete by themselves, so it only finds fields that are wrong regardless of the
// version.
func (r *Resource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	face.WarnEmpty(&resp.Diagnostics, req.Config.Raw)
	// only the needed attributes; reading all takes the framework as long as the other half of a
	// plan
	var config model.Instance
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("parameters"), &config.Parameters)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("parameters_wo"), &config.ParametersWO)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("customization"), &config.Customization)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("hardware_profile"), &config.HardwareProfile)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("network_profile"), &config.NetworkProfile)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("container"), &config.Container)...)
	if resp.Diagnostics.HasError() {
		return
	}
	_, findings := model.Given(config.Parameters, config.ParametersWO)
	hardware, _ := attribute.Hardware(config.HardwareProfile)
	network, _ := attribute.Network(config.NetworkProfile)
	asked, _ := model.Customization(ctx, config.Customization)
	settings, _ := attribute.Container(config.Container)
	findings = append(findings, hardware.Validate()...)
	findings = append(findings, asked.Validate("")...)
	findings = append(findings, settings.Validate()...)
	if settings != nil { // only templates of containers take them
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("storage_profile"), &config.StorageProfile)...)
		storage, _ := attribute.Storage(config.StorageProfile)
		spec := catalog.Spec{Hardware: hardware, Network: network, Storage: storage}
		findings = append(findings, spec.ValidateFor(catalog.TypeContainer)...)
	}
	face.AddFindings(&resp.Diagnostics, append(findings, network.Validate()...))
}

// Create implements resource.Resource.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model.Instance
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(r.Require("creating an instance")...)
	timeout, diags := plan.Timeouts.Create(ctx, createTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	unplanned, diags := model.ReadUnplanned(ctx, req.Config)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	request, err := r.request(ctx, &plan, unplanned)
	if err != nil {
		face.AddTimedError(ctx, &resp.Diagnostics, "Could not create instance", err)
		return
	}
	planned := plan.EffectiveParameters
	save := func(i kind.Instance, record provision.Record, on *fleet.Member) {
		plan.Computed(i, on.Name)
		plan.EffectiveParameters = model.WithNames(plan.EffectiveParameters, planned)
		plan.UpdateAvailable = newerOf(ctx, r.Session, i)
		plan.Provisioning = model.Provisioning(record)
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		resp.Diagnostics.Append(resp.Identity.Set(ctx, identity{plan.ID})...)
		face.NoteHost(ctx, on.Here, resp.Private, &resp.Diagnostics)
	}
	where, _ := plan.Where(ctx)
	instance, record, on, err := r.Fleet.Create(ctx, request, where, save)
	face.WarnUnrecorded(&resp.Diagnostics, record)
	if instance.UUID == "" { // nothing is left of the instance
		resp.State.RemoveResource(ctx)
		face.AddTimedError(ctx, &resp.Diagnostics, "Could not create instance", err)
		return
	}
	save(instance, record, on)
	warnBooted(&resp.Diagnostics, request.Name, record)
	if err != nil {
		face.AddTimedError(ctx, &resp.Diagnostics, "Instance did not become ready",
			fmt.Errorf("%w\n\nThe instance is kept "+
				"so that you can look into it, and the next apply replaces it", err))
	}
}

// request is what the plan asks for. Values that were not known while planning are filled in or
// refused.
func (r *Resource) request(ctx context.Context, plan *model.Instance, unplanned model.Unplanned) (
	kind.Request, error,
) {
	asked := plan.ToRequest(ctx, unplanned)
	if err := asked.Findings.Err(); err != nil {
		return kind.Request{}, err
	}
	template, err := r.Library.Template(ctx, asked.Template)
	if errors.Is(err, catalog.ErrNotFound) {
		return kind.Request{}, r.Library.NoSuchTemplate(asked.Template)
	}
	if err == nil { // a plan may not have known the template, or wait_for
		err = asked.CheckSecrets(r.Fleet.Home().ForgetsSecrets(template.Type)).Err()
	}
	if err != nil {
		return kind.Request{}, err
	}
	if plan.ResolvedVersion.IsUnknown() {
		version, err := r.Library.Resolve(ctx, asked.Template, plan.Version.ValueString())
		if err != nil {
			return kind.Request{}, err
		}
		asked.Version = version
	}
	return asked.Request, nil
}

// Read implements resource.Resource.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model.Instance
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Always: the state may be from a time before identities, and the framework demands an identity
	// even of a resource that is gone.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identity{state.ID})...)
	if !r.Configured() {
		return
	}
	i, on, err := r.refresh(ctx, state.PlacedOn.ValueString(), state.ID.ValueString())
	container := !state.Restarts.IsNull() && !state.Restarts.IsUnknown()
	if errors.Is(err, provision.ErrNotFound) && (!container || !provision.Undriven(err)) {
		resp.Diagnostics.Append(elsewhere.Missing(ctx, r.Fleet, on, req.Private, &state)...)
		if !resp.Diagnostics.HasError() {
			resp.State.RemoveResource(ctx)
		}
		return
	}
	if _, lost := errors.AsType[*fleet.LostError](err); lost && !state.Name.IsNull() {
		// It stays in the state until a plan replaces it. A move may have ended on the lost host.
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("placed_on"), on.Name)...)
		return
	}
	if r.KeepSilent && host.Unanswered(err) && !state.Name.IsNull() {
		warnSilent(&resp.Diagnostics, &state, err)
		return
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read instance", err)
		return
	}
	if foreign := r.own(i.Facts.Tenant, i.UUID); foreign.HasError() {
		resp.Diagnostics.Append(foreign...)
		return
	}
	if note, _ := req.Private.GetKey(ctx, face.HostKey); !elsewhere.Noted(note, i) {
		face.NoteHost(ctx, on.Here, resp.Private, &resp.Diagnostics)
	}
	if state.Name.IsNull() { // just imported
		if resp.Diagnostics.Append(r.adopt(ctx, on, i, &state)...); resp.Diagnostics.HasError() {
			return
		}
	}
	state.FromInstance(i, on.Name)
	state.ResourcePool = r.poolOf(ctx, i, state.ResourcePool)
	if o, err := offered(ctx, r.Session, i); err == nil {
		state.UpdateAvailable = o.newer
		resp.Diagnostics.Append(o.warnings...)
	} else { // an instance can be read or destroyed without its library
		tflog.Warn(ctx, "reading the versions of an instance's template",
			map[string]any{"template": i.Facts.Template, "error": err.Error()})
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
	if i.Drifted() {
		r.show(ctx, on, i, state, resp)
	}
}

// Update implements resource.Resource.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state model.Instance
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(r.Require("changing an instance")...)
	timeout, diags := plan.Timeouts.Update(ctx, updateTimeout)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(r.ownState(&state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	unplanned, diags := model.ReadUnplanned(ctx, req.Config)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	if !plan.ResolvedVersion.Equal(state.ResolvedVersion) {
		r.reimage(ctx, state.PlacedOn.ValueString(), plan, unplanned, req.Private, resp)
		return
	}
	asked := plan.ToRequest(ctx, unplanned)
	if face.AddFindings(&resp.Diagnostics, asked.Findings); resp.Diagnostics.HasError() {
		return
	}
	asked.Retold = plan.Retold(&state)
	change := provision.Change{
		Description: plan.Description.ValueString(), AllowRestart: plan.AllowRestart.ValueBool(),
		Options: asked.Options,
	}
	existing, on, err := r.Fleet.Read(ctx, state.PlacedOn.ValueString(), plan.ID.ValueString())
	var blueprint kind.Blueprint
	if err == nil {
		blueprint, err = on.BlueprintOf(ctx, existing, asked.Request)
	}
	switch {
	case err == nil:
		change.Blueprint = &blueprint
	case !errors.Is(err, catalog.ErrNotFound): // a full clone outlives its version
		elsewhere.AddError(ctx, &resp.Diagnostics, "Could not update instance", err, r.Fleet, on, req.Private, &state)
		return
	}
	i, on, err := r.change(ctx, &plan, &state, on, existing, change)
	if err != nil {
		if on.Name != "" { // a move that has failed at its end
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("placed_on"), on.Name)...)
		}
		elsewhere.AddError(ctx, &resp.Diagnostics, "Could not update instance", err, r.Fleet, on, req.Private, &state)
		return
	}
	planned := plan.EffectiveParameters
	plan.AsPlanned(i, on.Name)
	plan.EffectiveParameters = model.WithNames(plan.EffectiveParameters, planned)
	r.changed(ctx, on, plan, resp)
}

// changed returns a changed instance to Terraform, and clears the mark of an import.
func (r *Resource) changed(
	ctx context.Context, on *fleet.Member, m model.Instance, resp *resource.UpdateResponse,
) {
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identity{m.ID})...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, model.ImportedKey, nil)...)
	face.NoteHost(ctx, on.Here, resp.Private, &resp.Diagnostics)
}

// Delete implements resource.Resource.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model.Instance
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(r.Require("removing an instance")...)
	timeout, diags := state.Timeouts.Delete(ctx, deleteTimeout)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(r.ownState(&state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// The timeout is for the guest alone. What follows once it is off has its own time, however
	// short the guest's is.
	ctx, cancel := context.WithTimeout(ctx, timeout+removalTime)
	defer cancel()
	note, _ := face.HostOf(ctx, req.Private)
	err := r.Fleet.Delete(ctx, state.PlacedOn.ValueString(), timeout, state.ID.ValueString(),
		state.Tenant.ValueString(), state.Name.ValueString(), note)
	if moved, ok := errors.AsType[*hostid.MovedError](err); ok {
		elsewhere.LeftBehind(&resp.Diagnostics, moved, &state, face.Forgotten)
		return
	}
	face.AddTimedError(ctx, &resp.Diagnostics, "Could not delete instance", err)
}
