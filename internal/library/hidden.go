package library

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// OtherTenant is the finding for what a state has of another tenant, and its user may not see.
func (l *Library) OtherTenant(what string, id fmt.Stringer) error {
	return catalog.Findings{{Path: catalog.At("id"), Summary: "Not of this tenant", Detail: fmt.Sprintf("The state has the %s %q, which is not there for the "+
		"provider's tenant %q: configure the provider with the tenant that made it, or take it out of the state with `terraform state rm`.",
		what, id, l.me.Tenant)}}
}

// othersVolume tells whether a volume is called as another tenant's, of which a machine may be long gone: "nova.disk.TENANT.…".
func (l *Library) othersVolume(name string) bool {
	parts := strings.Split(name, ".")
	return len(parts) > 3 && parts[0] == "nova" && parts[1] != "base" && parts[2] != l.me.Tenant
}

// versionsOn names the versions that use a base, but for those of other tenants and catalogues, which it counts.
func (l *Library) versionsOn(b catalog.Base) []string {
	own := slices.DeleteFunc(slices.Clone(b.Versions), func(id string) bool { return !strings.HasPrefix(id, l.me.Tenant+"/") })
	if others := len(b.Versions) - len(own); others > 0 {
		own = append(own, fmt.Sprintf("%d of other tenants or catalogues", others))
	}
	return own
}
