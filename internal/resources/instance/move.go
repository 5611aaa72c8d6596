package instance

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// change changes an instance that is on a host, and moves it first if its placement has changed and no
// longer allows that host, or if the plan moves it off a host in maintenance. It returns the host that has
// the instance then.
func (r *Resource) change(
	ctx context.Context, plan, state *model.Instance, on *fleet.Member, i kind.Instance, c provision.Change,
) (kind.Instance, *fleet.Member, error) {
	where, _ := plan.Where(ctx)
	planned := plan.PlacedOn.IsUnknown() || plan.PlacedOn.ValueString() != on.Name
	if !planned && (plan.Placement.IsNull() || plan.Placement.Equal(state.Placement)) {
		changed, err := r.Fleet.Update(ctx, on, i, c, where)
		return changed, on, err
	}
	where, err := r.Fleet.Within(ctx, where)
	if err == nil {
		err = r.Fleet.Check(where).Err()
	}
	if err != nil {
		return i, on, err
	}
	stays := plan.Placement.IsNull() || plan.Placement.Equal(state.Placement) || r.Fleet.Allows(where, on)
	if stays && (!planned || !on.Leaving()) {
		changed, err := r.Fleet.Update(ctx, on, i, c, where)
		return changed, on, err
	}
	if !plan.Moves() || !planned {
		const advice = "The plan did not know that: plan again."
		return i, on, r.Fleet.Misplaced(plan.Name.ValueString(), on, where, advice).Err()
	}
	if c.Blueprint == nil {
		return i, on, finding.List{{Path: finding.At("placement"), Summary: "Instance cannot be moved",
			Detail: fmt.Sprintf("The version of instance %q was removed since it was planned: plan again.",
				plan.Name.ValueString())}}
	}
	moved, has, err := r.Fleet.Move(ctx, on, i, where, c, plan.OnHost() == model.Live)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w. A move copies all disks: timeouts.update may have to be longer", err)
	}
	return moved, has, err
}
