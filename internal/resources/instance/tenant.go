package instance

import (
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// own makes sure that the instance of a state is the provider's tenant's. Another one's is as good
// as not there; but to forget it would be to lose it, where only the provider's tenant is another.
func (r *Resource) own(tenant, id string) diag.Diagnostics {
	var diags diag.Diagnostics
	if r.Configured() && tenant != r.Library.Tenant() {
		face.AddError(&diags, "Belongs to another tenant", r.Library.OtherTenant("instance", types.StringValue(id)))
	}
	return diags
}

// ownState is own for what a state says of itself.
func (r *Resource) ownState(state *model.Instance) diag.Diagnostics {
	if state.Tenant.IsNull() { // just imported: it was found among the tenant's own
		return nil
	}
	return r.own(state.Tenant.ValueString(), state.ID.ValueString())
}
