package planner

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// beside checks that an instance which stays on its host can join the group that the configuration names. It
// warns of one that is in its group already, and together with another one.
func (p *planner) beside(ctx context.Context, on *fleet.Member, w fleet.Where) {
	before, _ := p.state.Where(ctx)
	if w.SameGroup(before) {
		warnTogether(ctx, p.session, p.diags, p.state.Name.ValueString(), on, w)
		return
	}
	err := p.session.Fleet.PlanGroup(ctx, p.plan.Name.ValueString(), on, w)
	face.AddError(p.diags, "Could not read placements", err)
}

// placeUnknown checks what does not depend on the version of a new instance: where it may be, and which hosts
// its group leaves.
func (p *planner) placeUnknown(ctx context.Context) {
	w, ok := p.checkWhere(ctx)
	if !ok {
		return
	}
	err := p.session.Fleet.PlanApart(ctx, p.plan.Name.ValueString(), w)
	face.AddError(p.diags, "Could not read placements", err)
}

// warnTogether warns of an instance that is where its strict group does not allow it.
func warnTogether(
	ctx context.Context, s *face.Session, diags *diag.Diagnostics, name string, on *fleet.Member, w fleet.Where,
) {
	if on == nil {
		return
	}
	wrong, err := s.Fleet.Together(ctx, name, on, w)
	face.AddError(diags, "Could not read placements", err)
	for _, f := range wrong {
		face.AddWarning(diags, f)
	}
}
