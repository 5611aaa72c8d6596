package host

import (
	"cmp"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

// policy is the state or configuration of the resource.
type policy struct {
	ID          types.String `tfsdk:"id"`
	Name        types.String `tfsdk:"name"`
	State       types.String `tfsdk:"state"`
	Description types.String `tfsdk:"description"`
}

// toHost is what the policy says, without what is not known yet.
func (p *policy) toHost() catalog.Host {
	return catalog.Host{
		Name: p.Name.ValueString(), State: catalog.HostState(p.State.ValueString()),
		Description: p.Description.ValueString(),
	}
}

// fromHost takes over what the catalog says.
func (p *policy) fromHost(h catalog.Host) {
	p.ID, p.Name = types.StringValue(h.Name), types.StringValue(h.Name)
	p.State = stateOf(h)
	p.Description = attribute.KeepString(p.Description, h.Description)
}

// stateOf is the state of a host, with its default.
func stateOf(h catalog.Host) types.String {
	return types.StringValue(string(cmp.Or(h.State, catalog.HostActive)))
}
