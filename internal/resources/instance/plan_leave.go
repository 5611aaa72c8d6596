package instance

import (
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/client"
)

// leaves notes that the plan takes the instance off its version.
func (r *Resource) leaves(state *Model) {
	if r.client.Online() {
		r.client.Library.Leaves(state.ID.ValueString())
	}
}

// refuseStaying refuses that a linked clone stays on a version that the same plan takes away.
func (r *Resource) refuseStaying(diags *diag.Diagnostics, state *Model) {
	id, err := catalog.ParseTemplateID(state.TemplateID.ValueString())
	if err != nil || !r.client.Online() {
		return
	}
	client.AddError(diags, "Version is removed under its clone", r.client.Library.StaysOn(id.Version(state.ResolvedVersion.ValueString()),
		state.Tenant.ValueString()+"/"+state.Name.ValueString(), catalog.Strategy(state.Strategy.ValueString())))
}
