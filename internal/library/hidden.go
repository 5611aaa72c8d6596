package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// A state can have an object that its user does not find. The object is then either gone, or exists
// but is hidden from them. To take hidden for gone would lose it: the next plan would create it
// again. Within a tenant both kinds of catalog show every document, so the two can be told apart;
// for another tenant's documents they cannot be, and must not be.

// CheckTemplateGone returns nil if a template that a state has is gone, and a finding if it exists
// but is hidden from the library's user.
func (r *reader) CheckTemplateGone(ctx context.Context, id catalog.TemplateID) error {
	if id.Tenant != r.me.Tenant {
		return r.OtherTenant("template", id)
	}
	rec, err := r.store.Templates().Get(ctx, id.String())
	if err != nil {
		return catalog.IgnoreNotFound(err)
	}
	return r.hidden("template", id, rec.Value, rec.Value.State, rec.Value.Right(r.me))
}

// CheckVersionGone returns nil if a version that a state has is gone, and a finding if it exists
// but is hidden from the library's user.
func (r *reader) CheckVersionGone(ctx context.Context, id catalog.VersionID) error {
	if id.Template.Tenant != r.me.Tenant {
		return r.OtherTenant("version", id)
	}
	rec, err := r.store.Versions().Get(ctx, id.String())
	if err != nil || rec.Value.Claim != nil { // the process that registers it now found it gone
		return catalog.IgnoreNotFound(err)
	}
	template, err := r.store.Templates().Get(ctx, id.Template.String())
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("template %q has been removed while version %q was read: plan again", id.Template, id)
	}
	if err != nil {
		return err
	}
	state := template.Value.State
	if state != catalog.Draft {
		state = rec.Value.State
	}
	return r.hidden("version", id, template.Value, state, template.Value.RightVersion(r.me, rec.Value))
}

// OtherTenant is the finding for what a state has of another tenant, which its user may not see.
func (r *reader) OtherTenant(what string, id fmt.Stringer) error {
	return finding.List{{Path: finding.At("id"), Summary: "Belongs to another tenant", Detail: fmt.Sprintf("The state "+
		"has the %s %q, which the provider's tenant %q cannot see: configure the provider with the tenant that "+
		"created it, or remove it from the state with `terraform state rm`.",
		what, id, r.me.Tenant)}}
}

// hidden is the finding for something that exists but is hidden from the library's user, according
// to their right.
func (r *reader) hidden(
	what string, id fmt.Stringer, t catalog.Template, state catalog.State, right catalog.Right,
) error {
	if right >= catalog.Read {
		return fmt.Errorf("%s %q could not be seen a moment ago, and can be now: its access_control is being "+
			"changed. Plan again", what, id)
	}
	why := fmt.Sprintf("user %q of tenant %q no longer has the right to read template %q. Its owner %q, or a user who "+
		"may write it, can grant the right in access_control: read_users or "+
		"read_groups", r.me.User, r.me.Tenant, t.ID, t.Owner)
	if state == catalog.Draft {
		why = fmt.Sprintf("it has become a draft. Only users who may write template %q see it, and user %q of "+
			"tenant %q may not. Its owner %q, or a user who may write it, can publish it, or grant the right in "+
			"access_control: write_users or write_groups", t.ID, r.me.User, r.me.Tenant, t.Owner)
	}
	return finding.List{{Path: finding.At("id"), Summary: "No permission to read", Detail: fmt.Sprintf("The state has "+
		"the %s %q. It is there, but %s. Nothing was forgotten or changed. To leave it to users who may see "+
		"it, remove it from the state with `terraform state rm`.", what, id, why)}}
}
