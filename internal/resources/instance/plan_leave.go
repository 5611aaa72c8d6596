package instance

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

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

// checkName finds that the name of a new instance is taken: by another domain of the host for certain, which is an error. An
// instance of the tenant may be one that the same plan destroys, as where its resource was given another name.
func (p *planner) checkName(ctx context.Context) {
	name := p.plan.Name.ValueString()
	uuid, err := p.client.Provisioner.CheckName(ctx, name)
	client.AddError(p.diags, "Could not read host", err)
	if uuid != "" && !p.client.Library.InstanceInPlan(uuid) {
		id := p.client.Library.Tenant() + "/" + name
		p.diags.AddAttributeWarning(path.Root("name"), "Instance name already in use", fmt.Sprintf("The host has an instance %q already (%s). Unless the "+
			"same plan destroys it, applying is refused: choose another name, take it over with `terraform import`, id %q, or, where this "+
			"configuration had it under another address, say so in a moved block.", id, uuid, id))
	}
}
