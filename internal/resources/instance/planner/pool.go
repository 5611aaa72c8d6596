package planner

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// poolOf is the resource pool that a configuration asks for: the provider's if it names none. While the
// provider's is not known, an instance keeps its own.
func poolOf(s *face.Session, config types.String, state model.Instance) types.String {
	switch {
	case !config.IsNull():
		return config
	case s.Configured():
		return attribute.OptionalString(s.ResourcePool)
	case !state.ID.IsNull():
		return state.ResourcePool
	default:
		return types.StringUnknown()
	}
}

// checkQuota checks that the quota of the resource pool allows the instance, together with what else is
// planned. b is nil if the instance takes what it took before.
func (p *planner) checkQuota(ctx context.Context, b *kind.Blueprint) {
	if p.plan.ResourcePool.IsUnknown() || p.diags.HasError() {
		return
	}
	err := p.session.Fleet.PlanQuota(ctx, p.plan.Name.ValueString(), p.plan.ResourcePool.ValueString(), b)
	face.AddError(p.diags, "Could not read resource pool", err)
}
