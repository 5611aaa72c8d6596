package library

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Forget is for a template that a state has, and the library's user does not find: nil where it is gone, else the finding
// that says why it is not to be forgotten. Of other tenants' nothing is told.
func (l *Library) Forget(ctx context.Context, id catalog.TemplateID) error {
	if id.Tenant != l.me.Tenant {
		return l.OtherTenant("template", id)
	}
	_, err := l.store.Templates().Get(ctx, id.String())
	return l.hidden("template", id, err)
}

// ForgetVersion is Forget for a version.
func (l *Library) ForgetVersion(ctx context.Context, id catalog.VersionID) error {
	if id.Template.Tenant != l.me.Tenant {
		return l.OtherTenant("version", id)
	}
	rec, err := l.store.Versions().Get(ctx, id.String())
	if err == nil && rec.Value.Coming != nil { // somebody makes it anew
		return nil
	}
	return l.hidden("version", id, err)
}

// hidden is the finding for what is there, by the outcome of reading it, and not to be seen by the library's user.
func (l *Library) hidden(what string, id fmt.Stringer, err error) error {
	if err != nil {
		return gone(err)
	}
	return catalog.Findings{{Path: catalog.At("id"), Summary: "Not visible to this user", Detail: fmt.Sprintf("The state has the %s %q, which is there, but "+
		"user %q of tenant %q may not see it: its owner, or whoever may write it, can let them by access_control. Or configure the provider with a user "+
		"who may, or take it out of the state with `terraform state rm`.", what, id, l.me.User, l.me.Tenant)}}
}

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

// usersOf names the versions that use a base, but for those of other tenants and catalogues, which it counts.
func (l *Library) usersOf(b catalog.Base) []string {
	own := slices.DeleteFunc(slices.Clone(b.Versions), func(id string) bool { return !strings.HasPrefix(id, l.me.Tenant+"/") })
	if others := len(b.Versions) - len(own); others > 0 {
		own = append(own, fmt.Sprintf("%d of other tenants or catalogues", others))
	}
	return own
}
