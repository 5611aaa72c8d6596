// Package planner plans an instance: which version it gets, what is wrong with the configuration,
// and whether a change is made in place, restarts the guest, reimages the instance or replaces it.
package planner

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// ModifyPlan resolves the version, checks what can be checked, and reports what a change does:
// nothing, a restart, or another instance.
func ModifyPlan(
	ctx context.Context, s *face.Session, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var state, plan model.Instance
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	pool := state.ResourcePool
	if !req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("resource_pool"), &pool)...)
		pool = poolOf(s, pool, state)
	}
	if req.Plan.Raw.Equal(req.State.Raw) && !state.Renamed() && !state.Strayed() && pool.Equal(state.ResourcePool) &&
		!leavesHost(ctx, s, &state) {
		warnMisplaced(ctx, s, &resp.Diagnostics, &state)
		refuseStaying(s, &resp.Diagnostics, &state) // otherwise there is nothing to do, and nothing to find out
		return
	}
	if req.Plan.Raw.IsNull() {
		refuseProtected(&resp.Diagnostics, state)
		removes(s, &state)
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.ResourcePool = pool
	p := &planner{session: s, plan: &plan, diags: &resp.Diagnostics}
	unplanned, diags := model.ReadUnplanned(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	p.secrets, p.asked = unplanned.Secrets, plan.ToRequest(ctx, unplanned)
	if req.State.Raw.IsNull() {
		p.create(ctx)
	} else {
		p.state, p.private = &state, req.Private
		adopting, diags := req.Private.GetKey(ctx, model.ImportedKey)
		p.adopting = len(adopting) > 0
		resp.Diagnostics.Append(diags...)
		// The framework does not report here that the schema replaces for these.
		replaced := !plan.Name.Equal(state.Name) || !plan.TemplateID.Equal(state.TemplateID)
		p.update(ctx, replaced)
		resp.RequiresReplace = append(resp.RequiresReplace, p.replaces...)
		switch {
		case replaced || len(resp.RequiresReplace) > 0:
			protects := state
			if p.gone { // nothing can be applied to it any more
				protects = plan
			}
			refuseProtected(&resp.Diagnostics, protects)
			removes(s, &state)
		case !plan.ResolvedVersion.Equal(state.ResolvedVersion):
			leaves(s, &state)
		default:
			refuseStaying(s, &resp.Diagnostics, &state)
		}
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

// planner plans one instance.
type planner struct {
	session  *face.Session
	plan     *model.Instance
	secrets  types.Dynamic     // parameters_wo, which the plan does not have
	asked    model.Asked       // what the plan asks for
	state    *model.Instance   // nil while creating
	private  face.PrivateState // the state's
	adopting bool              // the state is an import's, see importedKey
	seeded   bool              // what the instance was told at its first boot no longer counts
	boots    bool              // the guest gets another system disk
	on       *fleet.Member     // the host that has the instance; nil while creating
	moves    bool              // the instance is to be moved to another host
	gone     bool              // its host is lost
	diags    *diag.Diagnostics
	replaces path.Paths
}

// create plans a new instance: its version, its effective parameters, and everything that is wrong
// with it.
func (p *planner) create(ctx context.Context) {
	if !p.session.Configured() {
		return
	}
	p.checkUnplaced(ctx)
	tenant := p.session.Library.Tenant()
	p.plan.Tenant = types.StringValue(tenant)
	if !p.plan.Name.IsUnknown() {
		p.plan.DomainName = types.StringValue(naming.Domain(tenant, p.plan.Name.ValueString()))
		p.checkName(ctx)
	}
	template, version, found := p.resolve(ctx)
	p.refuseSecrets(template)
	if !found {
		face.AddFindings(p.diags, p.beyond(template))
		p.placeUnknown(ctx)
		return
	}
	blueprint, ok := p.checkWith(ctx, template, version)
	if !ok {
		return
	}
	p.warnResume(ctx, blueprint)
	p.plan.ImageDigest = types.StringValue(version.Digest)
	p.plan.Strategy = types.StringValue(string(blueprint.Strategy))
	if !p.namesUnknown() {
		p.plan.EffectiveParameters = model.Effective(blueprint.Shown, version.Spec.Parameters)
	}
	p.warnOfSecrets(version.Spec.Parameters)
}
