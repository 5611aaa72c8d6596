package instance

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

var _ resource.ResourceWithUpgradeState = (*Resource)(nil)

// UpgradeState implements resource.ResourceWithUpgradeState.
func (r *Resource) UpgradeState(context.Context) map[int64]resource.StateUpgrader {
	from0 := func(_ context.Context, req resource.UpgradeStateRequest, resp *resource.UpgradeStateResponse) {
		upgraded, err := upgradeFrom0(req.RawState.JSON)
		if err != nil {
			resp.Diagnostics.AddError("Could not upgrade state",
				fmt.Sprintf("Reading the instance's state of schema version 0: %v.", err))
			return
		}
		resp.DynamicValue = &tfprotov6.DynamicValue{JSON: upgraded}
	}
	return map[int64]resource.StateUpgrader{0: {StateUpgrader: from0}}
}

// upgradeFrom0 records in a state what on_version_change meant before it existed, and removes the
// steps of provisioning. Terraform itself removes them from a state of the current version.
func upgradeFrom0(state []byte) ([]byte, error) {
	var attributes map[string]json.RawMessage // keeps numbers as they are written
	if err := json.Unmarshal(state, &attributes); err != nil {
		return nil, err
	}
	attributes["on_version_change"] = json.RawMessage(`"` + model.Replace + `"`)
	attributes["update_available"] = json.RawMessage("null")
	var provisioning map[string]json.RawMessage
	if err := json.Unmarshal(attributes["provisioning"], &provisioning); err == nil && provisioning != nil {
		delete(provisioning, "steps")
		if attributes["provisioning"], err = json.Marshal(provisioning); err != nil {
			return nil, err
		}
	}
	return json.Marshal(attributes)
}
