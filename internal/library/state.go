package library

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
	return catalog.Findings{{Path: catalog.At("state"), Summary: "Cannot become a draft again", Detail: fmt.Sprintf("%s is %s and has instances: %s. A draft "+
		"is for its writers only, and changes with its template. Set state = \"deprecated\" to warn whoever uses it, or \"archived\" to allow no new "+
		"instances; or destroy the instances first.", what, from.OrActive(), l.named(instances))}}
}

// named names instances to the library's user: those of their own tenant, and how many others there are.
func (l *Library) named(instances []made) string {
	var own []string
	for _, i := range instances {
		if i.Tenant == l.me.Tenant {
			own = append(own, i.Tenant+"/"+i.Name)
		}
	}
	slices.Sort(own)
	return andOthers(own, len(instances)-len(own))
}

// andOthers lists names, and says how many there are that belong to other tenants.
func andOthers(names []string, others int) string {
	text := strings.Join(names, ", ")
	switch {
	case others == 0:
		return text
	case text == "":
		return fmt.Sprintf("%d of other tenants", others)
	}
	return fmt.Sprintf("%s, and %d of other tenants", text, others)
}
