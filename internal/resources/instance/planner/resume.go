package planner

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// warnResume warns of an instance that is to be resumed and cannot be, or that asks for what only a
// boot does. It refuses an instance that is not to boot instead.
func (p *planner) warnResume(ctx context.Context, b kind.Blueprint) {
	warning, fails, err := p.host().WarnResume(ctx, p.asked.Request, b)
	switch {
	case err != nil:
		face.AddError(p.diags, "Could not read warm snapshot", err)
	case fails:
		face.AddFindings(p.diags, finding.List{warning})
	default:
		face.AddWarning(p.diags, warning)
	}
	for _, f := range p.host().NeedsBoot(b) {
		face.AddWarning(p.diags, f)
	}
}
