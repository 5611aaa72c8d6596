package planner

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// leavesHost reports whether the instance of a state has to leave its host, by what the administrator says of
// the host. If that cannot be read, it stays: nothing else of it is planned.
func leavesHost(ctx context.Context, s *face.Session, state *model.Instance) bool {
	if !s.Configured() || s.Fleet.Know(ctx) != nil {
		return false
	}
	on, known := s.Fleet.Member(state.PlacedOn.ValueString())
	return known && on.Leaving()
}

// empties plans that the instance leaves its host, which is in maintenance. ok is false after an error.
func (p *planner) empties(on *fleet.Member) (ok bool) {
	name := p.state.Name.ValueString()
	switch p.plan.OnHost() {
	case model.Move, model.Live:
		p.moves = true
	case model.Error:
		face.AddFindings(p.diags, finding.List{{Path: finding.At("on_host_change"), Summary: "Host is to be emptied",
			Detail: fmt.Sprintf("Instance %q is on host %s, which is %s, and on_host_change = \"error\" does not let "+
				"it leave. Set it to \"move\" or \"live\", which move the instance, or to \"replace\", which loses "+
				"its disks.", name, on.Name, on.State())}})
		return false
	default:
		p.replacedElsewhere()
		p.diags.AddAttributeWarning(path.Root("placed_on"), "Instance will be replaced", fmt.Sprintf("Instance %q is "+
			"on host %s, which is %s. By on_host_change = \"replace\", applying the plan creates another one on "+
			"another host. The data of its disks is lost.", name, on.Name, on.State()))
	}
	return true
}

// lost reports whether the instance is on a lost host. Then it plans that another one takes its place.
func (p *planner) lost(ctx context.Context) bool {
	if !p.session.Fleet.Named() {
		return false
	}
	if err := p.session.Fleet.Know(ctx); err != nil {
		face.AddError(p.diags, "Could not read the states of hosts", err)
		return true
	}
	on, known := p.session.Fleet.Member(p.state.PlacedOn.ValueString())
	if !known || !on.Lost() {
		return false
	}
	_, _, err := p.session.Fleet.Read(ctx, on.Name, p.state.ID.ValueString())
	if _, lost := errors.AsType[*fleet.LostError](err); !lost {
		return false // it is elsewhere, or reading it once more reports what is wrong
	}
	name := p.state.Name.ValueString()
	if p.plan.OnHost() == model.Error {
		face.AddFindings(p.diags, finding.List{{Path: finding.At("on_host_change"), Summary: "Host is lost",
			Detail: fmt.Sprintf("Instance %q was on host %s, which is %s, and on_host_change = \"error\" does not let "+
				"another one take its place. Set it to \"replace\" for that. The data of its disks is lost.", name,
				on.Name, on.State())}})
		return true
	}
	p.gone = true
	p.replacedElsewhere()
	p.diags.AddAttributeWarning(path.Root("placed_on"), "Instance will be replaced", fmt.Sprintf("Instance %q was on "+
		"host %s, which is %s. Applying the plan creates another one on another host. The data of its local disks is "+
		"lost.", name, on.Name, on.State()))
	return true
}

// replacedElsewhere plans that another instance on another host takes the place of this one.
func (p *planner) replacedElsewhere() {
	p.plan.PlacedOn = types.StringUnknown()
	p.replace("placed_on")
}
