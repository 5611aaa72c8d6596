package planner

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// stays decides what happens if the configuration excludes the host that has the instance: a warning if it
// did so before, what on_host_change says if placement has changed, and an error if only the resource pool
// has. ok is false after an error.
func (p *planner) stays(ctx context.Context, on *fleet.Member) (ok bool) {
	if on.Leaving() {
		return p.empties(on)
	}
	w, known := p.plan.Where(ctx)
	if !known || p.plan.Placement.IsNull() && w.Pool == "" {
		return true
	}
	changed, advice := !p.plan.Placement.Equal(p.state.Placement), fleet.StaysThere
	if changed {
		advice = "Allow that host, or set on_host_change to \"move\" or \"live\", which move the instance, or " +
			"to \"replace\", which loses its disks."
	}
	wrong := misplaced(ctx, p.session, p.diags, p.state.Name.ValueString(), on, w, advice)
	switch {
	case len(wrong) == 0:
		p.beside(ctx, on, w)
	case !changed && p.plan.ResourcePool.Equal(p.state.ResourcePool):
		for _, f := range wrong {
			face.AddWarning(p.diags, f)
		}
		return true
	case changed && p.plan.OnHost() != model.Error && p.goes(ctx, w):
		p.moves = p.plan.Moves()
		if !p.moves {
			p.replace("placement")
		}
		return true
	}
	face.AddFindings(p.diags, wrong)
	return !p.diags.HasError()
}

// goes reports whether the instance may be on any host.
func (p *planner) goes(ctx context.Context, w fleet.Where) bool {
	w, err := p.session.Fleet.Within(ctx, w)
	return err == nil && len(p.session.Fleet.Check(w)) == 0
}

// refuseMove refuses to move the instance, if the plan is to move it.
func (p *planner) refuseMove(why string) {
	if p.moves && len(p.replaces) == 0 {
		p.diags.AddAttributeError(path.Root("placement"), "Instance cannot be moved", fmt.Sprintf(
			"Instance %q cannot be moved to another host: %s.", p.state.Name.ValueString(), why))
	}
}

// move plans that the instance is moved to another host before it is changed in other ways.
func (p *planner) move(ctx context.Context, i kind.Instance, b kind.Blueprint) {
	if !p.moves || len(p.replaces) > 0 || p.diags.HasError() {
		return
	}
	w, ok := p.checkWhere(ctx)
	if !ok {
		return
	}
	name, stays := p.state.Name.ValueString(), p.plan.PowerState.ValueString() == model.Running
	live := p.plan.OnHost() == model.Live && i.Running() && stays
	if i.Running() && stays && !live && !p.plan.AllowRestart.ValueBool() {
		face.AddFindings(p.diags, fleet.RefuseRestart(name))
		return
	}
	p.plan.Host, p.plan.PlacedOn = types.StringUnknown(), types.StringUnknown()
	if stays {
		p.plan.ForgetGuest()
	}
	var course fleet.Course
	if p.asked.Complete {
		var err error
		if course, err = p.session.Fleet.PlanMove(ctx, p.on, i, b, w, live); err != nil {
			face.AddError(p.diags, "Could not read host", err)
			return
		}
	}
	if course.Only != nil {
		p.plan.PlacedOn = types.StringValue(course.Only.Name)
	}
	course.Live = live
	p.announceMove(i, stays, course)
}

func (p *planner) announceMove(i kind.Instance, stays bool, c fleet.Course) {
	to := "another host"
	switch {
	case len(c.To) == 1:
		to = "host " + c.To[0]
	case len(c.To) > 1:
		to = "one of the hosts " + strings.Join(c.To, ", ")
	}
	copies := fmt.Sprintf("it copies at least %d MiB of disks", (c.Bytes+1<<20-1)>>20)
	if len(c.To) > 0 && c.Bytes == 0 {
		copies = "it copies no disks to a host that shares their storage pool"
	}
	how, guest := "", "The guest is off."
	switch {
	case c.Live:
		how, guest = " while it runs", "The guest runs on meanwhile."
	case i.Running() && stays:
		guest = "The guest is shut down for as long as that takes, and then started there."
	case i.Running():
		guest = "The guest is shut down."
	case stays:
		guest = "The guest is started there."
	}
	at, why := "placement", "placement does not allow"
	if p.on.Leaving() {
		at, why = "placed_on", "is "+p.on.State().String()
	}
	p.diags.AddAttributeWarning(path.Root(at), "Instance will be moved", fmt.Sprintf("Instance %q is on host "+
		"%s, which %s. Applying the plan moves it to %s%s: %s. %s Its disks, UUID and MAC addresses stay.",
		p.state.Name.ValueString(), p.on.Name, why, to, how, copies, guest))
}
