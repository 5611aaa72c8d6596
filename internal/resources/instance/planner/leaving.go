package planner

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// leaves records that the plan takes the instance off its version.
func leaves(s *face.Session, state *model.Instance) {
	if s.Configured() {
		s.Library.Plan.WillLeave(state.ID.ValueString())
	}
}

// removes records that the plan removes the instance.
func removes(s *face.Session, state *model.Instance) {
	if s.Configured() {
		s.Library.Plan.WillGo(state.ID.ValueString())
	}
}

// refuseStaying refuses to let an instance that needs its version's image stay on a version that
// the same plan removes.
func refuseStaying(s *face.Session, diags *diag.Diagnostics, state *model.Instance) {
	id, err := catalog.ParseTemplateID(state.TemplateID.ValueString())
	if err != nil || !s.Configured() {
		return
	}
	face.AddError(diags, "Version is removed under its instance", s.Library.Plan.StaysOn(
		id.Version(state.ResolvedVersion.ValueString()),
		state.Tenant.ValueString()+"/"+state.Name.ValueString(), catalog.Strategy(state.Strategy.ValueString())))
}

// checkName reports that the name of a new instance is taken. If another domain of the host has it,
// that is certain, and an error. An instance of the tenant may be removed before the plan is
// applied, for example by another configuration of the provider.
func (p *planner) checkName(ctx context.Context) {
	face.AddUnsure(p.diags, "Could not read host", p.session.Fleet.CheckName(ctx, p.plan.Name.ValueString()))
}
