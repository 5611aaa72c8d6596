package instance

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/elsewhere"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// reimage gives an instance the system disk of another version, and applies the plan's other
// changes.
func (r *Resource) reimage(
	ctx context.Context, placed string, plan model.Instance, unplanned model.Unplanned,
	private face.PrivateState, resp *resource.UpdateResponse,
) {
	request, err := r.request(ctx, &plan, unplanned)
	if err != nil {
		face.AddTimedError(ctx, &resp.Diagnostics, "Could not update instance", err)
		return
	}
	where, _ := plan.Where(ctx)
	i, record, on, err := r.Fleet.Reimage(ctx, placed, plan.ID.ValueString(), request, where)
	face.WarnUnrecorded(&resp.Diagnostics, record)
	if err != nil {
		elsewhere.AddError(ctx, &resp.Diagnostics, "Could not update instance", err, r.Fleet, on, private, &plan)
		return
	}
	planned := plan.EffectiveParameters
	plan.AsPlanned(i, on.Name)
	plan.EffectiveParameters = model.WithNames(plan.EffectiveParameters, planned)
	plan.UpdateAvailable = newerOf(ctx, r.Session, i)
	plan.Provisioning = model.Provisioning(record)
	r.changed(ctx, on, plan, resp)
}
