package library

import (
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
)

// CheckState returns a finding if a template, or the named version of it, cannot go from one state
// to another: back to a draft while there are instances of it, which would lose it. It asks the
// hosts only if that is in question.
func (l *Library) CheckState(ctx context.Context, id catalog.TemplateID, version string, from, to catalog.State) error {
	if !catalog.Unpublishes(from, to) {
		return nil
	}
	if err := l.home.Open(ctx); err != nil {
		return err
	}
	instances, unknown, err := l.instancesOf(ctx, id)
	if err != nil {
		return err
	}
	return l.mayDraft(id, version, from, instances, unknown)
}

// mayDraft returns a finding if a template, or a version of it, has instances, or may have some
// among the domains that their hosts cannot describe.
func (l *Library) mayDraft(
	id catalog.TemplateID, version string, from catalog.State, instances []usage.Instance, unknown []string,
) error {
	what := fmt.Sprintf("Template %q", id)
	if version != "" {
		what = fmt.Sprintf("Version %q", id.Version(version))
		instances = slices.DeleteFunc(instances, func(i usage.Instance) bool { return i.Version != version })
	}
	if len(instances) == 0 && len(unknown) > 0 {
		return finding.List{{Path: finding.At("state"), Summary: "State cannot return to draft",
			Detail: fmt.Sprintf("%s "+
				"may have instances: the host cannot describe %s. See with virsh dumpxml what is wrong with it, "+
				"and repair or remove it; or leave state as it is.", what, unknown[0])}}
	}
	if len(instances) == 0 {
		return nil
	}
	return finding.List{{Path: finding.At("state"), Summary: "State cannot return to draft",
		Detail: fmt.Sprintf("%s is "+
			"%s and has instances: %s. Only its writers see a draft, and it changes with its template. Set state = "+
			"\"deprecated\" to warn its users, or \"archived\" to allow no new "+
			"instances; or destroy the instances first.", what, from.OrActive(), l.home.Usage().Named(instances))}}
}
