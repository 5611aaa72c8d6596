package planner

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/elsewhere"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// host is the host that has the instance. For a new instance, it is the one that has the library's pool:
// its answers are those of all hosts where no host is asked.
func (p *planner) host() *fleet.Member {
	if p.on != nil {
		return p.on
	}
	return p.session.Fleet.Home()
}

// read reads the instance, and finds its host. It plans placed_on, and reports that the configuration
// excludes that host. ok is false after an error.
func (p *planner) read(ctx context.Context) (i kind.Instance, ok bool) {
	i, on, err := p.session.Fleet.Read(ctx, p.state.PlacedOn.ValueString(), p.state.ID.ValueString())
	if err != nil {
		elsewhere.AddError(ctx, p.diags, "Could not read instance", err, p.session.Fleet, on, p.private, p.state)
		return i, false
	}
	p.on, p.plan.PlacedOn = on, attribute.OptionalString(on.Name)
	w, known := p.plan.Where(ctx)
	if !known || p.plan.Placement.IsNull() {
		return i, true
	}
	wrong := p.session.Fleet.Check(w)
	if len(wrong) == 0 {
		wrong = p.session.Fleet.Misplaced(p.state.Name.ValueString(), on, w)
	}
	if p.plan.Placement.Equal(p.state.Placement) { // the instance was moved, or the host has other labels
		for _, f := range wrong {
			face.AddWarning(p.diags, f)
		}
		return i, true
	}
	face.AddFindings(p.diags, wrong)
	return i, !p.diags.HasError()
}

// place checks that some host takes a new instance, and plans placed_on if only one can.
func (p *planner) place(ctx context.Context, b kind.Blueprint) {
	w, known := p.plan.Where(ctx)
	if !known {
		return
	}
	if wrong := p.session.Fleet.Check(w); len(wrong) > 0 {
		face.AddFindings(p.diags, wrong)
		return
	}
	only, err := p.session.Fleet.Plan(ctx, p.plan.Name.ValueString(), b, w)
	if err != nil {
		face.AddError(p.diags, "Could not read host", err)
		return
	}
	if only != nil {
		p.plan.PlacedOn = types.StringValue(only.Name)
	}
}

// checkUnplaced reports a placement in a configuration that names no hosts.
func (p *planner) checkUnplaced(ctx context.Context) {
	if w, known := p.plan.Where(ctx); known && !p.plan.Placement.IsNull() && !p.session.Fleet.Named() {
		face.AddFindings(p.diags, p.session.Fleet.Check(w))
	}
}

// warnMisplaced warns of an instance on a host that its placement excludes: it was moved by other means,
// or the provider's hosts have changed.
func warnMisplaced(ctx context.Context, s *face.Session, diags *diag.Diagnostics, state *model.Instance) {
	if !s.Configured() || state.Placement.IsNull() {
		return
	}
	w, _ := state.Where(ctx)
	wrong := s.Fleet.Check(w)
	if on, known := s.Fleet.Member(state.PlacedOn.ValueString()); known && len(wrong) == 0 {
		wrong = s.Fleet.Misplaced(state.Name.ValueString(), on, w)
	}
	for _, f := range wrong {
		face.AddWarning(diags, f)
	}
}
