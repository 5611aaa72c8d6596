package library

import (
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// CheckState finds that a template, or the version of it that is named, cannot go from one state to another: back to a
// draft while there are instances of it, which it would be taken away from. It asks the host only where that is in question.
func (l *Library) CheckState(ctx context.Context, id catalog.TemplateID, version string, from, to catalog.State) error {
	if !catalog.Unpublishes(from, to) {
		return nil
	}
	if err := l.open(ctx); err != nil {
		return err
	}
	instances, err := l.instancesOf(ctx, id)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("Template %q", id)
	if version != "" {
		what = fmt.Sprintf("Version %q", id.Version(version))
		instances = slices.DeleteFunc(instances, func(i made) bool { return i.Version != version })
	}
	if len(instances) == 0 {
		return nil
	}
	return catalog.Findings{{Path: catalog.At("state"), Summary: "State cannot return to draft", Detail: fmt.Sprintf("%s is %s and has instances: %s. A draft "+
		"is for its writers only, and changes with its template. Set state = \"deprecated\" to warn whoever uses it, or \"archived\" to allow no new "+
		"instances; or destroy the instances first.", what, from.OrActive(), l.named(instances))}}
}
