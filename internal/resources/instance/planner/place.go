package planner

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
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

// read reads the instance, and finds its host. It decides what happens if the configuration excludes that
// host. ok is false after an error.
func (p *planner) read(ctx context.Context) (i kind.Instance, ok bool) {
	i, on, err := p.session.Fleet.Read(ctx, p.state.PlacedOn.ValueString(), p.state.ID.ValueString())
	if err != nil {
		elsewhere.AddError(ctx, p.diags, "Could not read instance", err, p.session.Fleet, on, p.private, p.state)
		return i, false
	}
	p.on, p.plan.PlacedOn = on, attribute.OptionalString(on.Name)
	return i, p.stays(ctx, on)
}

// misplaced returns why the instance may not be on a host, with advice.
func misplaced(
	ctx context.Context, s *face.Session, diags *diag.Diagnostics, name string, on *fleet.Member, w fleet.Where,
	advice string,
) finding.List {
	w, err := s.Fleet.Within(ctx, w)
	if wrong, refused := errors.AsType[finding.List](err); refused {
		return wrong
	}
	if err != nil {
		face.AddError(diags, "Could not read resource pool", err)
		return nil
	}
	if wrong := s.Fleet.Check(w); len(wrong) > 0 || on == nil {
		return wrong
	}
	return s.Fleet.Misplaced(name, on, w, advice)
}

// checkWhere checks that some host may have a new instance. ok is false after an error, and if that is not
// known yet.
func (p *planner) checkWhere(ctx context.Context) (w fleet.Where, ok bool) {
	w, known := p.plan.Where(ctx)
	if !known || !p.session.Fleet.Named() {
		return w, false
	}
	w, err := p.session.Fleet.Within(ctx, w)
	if err == nil {
		err = p.session.Fleet.Check(w).Err()
	}
	face.AddError(p.diags, "Could not read resource pool", err)
	return w, err == nil
}

// place checks that some host takes a new instance, and plans placed_on if only one can.
func (p *planner) place(ctx context.Context, b kind.Blueprint) {
	w, ok := p.checkWhere(ctx)
	if !ok {
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

// warnCrowded warns if a new instance adds volumes to a pool that has nearly as many as can be listed.
func (p *planner) warnCrowded(ctx context.Context) {
	w, known := p.plan.Where(ctx)
	if !known {
		return
	}
	allowed, _ := p.session.Fleet.Allowed(w)
	for _, m := range allowed {
		face.AddWarning(p.diags, m.Crowded())
	}
}

// checkUnplaced reports a placement or a resource pool in a configuration that names no hosts.
func (p *planner) checkUnplaced(ctx context.Context) {
	w, known := p.plan.Where(ctx)
	if known && (!p.plan.Placement.IsNull() || w.Pool != "") && !p.session.Fleet.Named() {
		face.AddFindings(p.diags, p.session.Fleet.Check(w))
	}
}

// warnMisplaced warns of an instance on a host that its placement or its pool excludes: it was moved by
// other means, or the provider's hosts or the pool have changed.
func warnMisplaced(ctx context.Context, s *face.Session, diags *diag.Diagnostics, state *model.Instance) {
	if !s.Configured() || state.Placement.IsNull() && state.ResourcePool.IsNull() {
		return
	}
	w, _ := state.Where(ctx)
	on, _ := s.Fleet.Member(state.PlacedOn.ValueString())
	for _, f := range misplaced(ctx, s, diags, state.Name.ValueString(), on, w, fleet.StaysThere) {
		face.AddWarning(diags, f)
	}
	warnTogether(ctx, s, diags, state.Name.ValueString(), on, w)
}
