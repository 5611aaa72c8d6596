package planner

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// warnResume warns of an instance that is to be resumed and cannot be, or that asks for what only a
// boot does. It refuses an instance that is not to boot instead. Each host has a snapshot of its own, so
// only a plan that knows the host knows whether the instance can be resumed.
func (p *planner) warnResume(ctx context.Context, b kind.Blueprint) {
	on, known := p.session.Fleet.Member(p.plan.PlacedOn.ValueString())
	if !known {
		on = p.host()
	}
	var warning finding.Finding
	var fails bool
	var err error
	if known || b.Version.Warm == nil { // no host has a snapshot of such a version
		warning, fails, err = on.WarnResume(ctx, p.asked.Request, b)
	}
	switch {
	case err != nil:
		face.AddError(p.diags, "Could not read warm snapshot", err)
	case fails:
		face.AddFindings(p.diags, finding.List{warning})
	default:
		face.AddWarning(p.diags, warning)
	}
	for _, f := range on.NeedsBoot(b) {
		face.AddWarning(p.diags, f)
	}
}
