package instance

import (
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// own checks that the instance of a state belongs to the provider's tenant. Another tenant's
// instance is as good as missing, but forgetting it would lose it if only the provider's tenant has
// changed.
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
