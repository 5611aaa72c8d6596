package instance

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

var _ resource.ResourceWithUpgradeState = (*Resource)(nil)

// UpgradeState implements resource.ResourceWithUpgradeState.
func (r *Resource) UpgradeState(context.Context) map[int64]resource.StateUpgrader {
	upgraders := map[int64]resource.StateUpgrader{}
	for version, upgrade := range map[int64]func(attributes) error{0: upgradeFrom0, 1: upgradeFrom1} {
		upgraders[version] = resource.StateUpgrader{StateUpgrader: func(
			_ context.Context, req resource.UpgradeStateRequest, resp *resource.UpgradeStateResponse,
		) {
			state, err := upgradedBy(upgrade, req.RawState.JSON)
			if err != nil {
				resp.Diagnostics.AddError("Could not upgrade state",
					fmt.Sprintf("Reading the instance's state of schema version %d: %v.", version, err))
				return
			}
			resp.DynamicValue = &tfprotov6.DynamicValue{JSON: state}
		}}
	}
	return upgraders
}

// attributes are those of a state, as they are written: numbers keep their digits.
type attributes map[string]json.RawMessage

func upgradedBy(upgrade func(attributes) error, state []byte) ([]byte, error) {
	var all attributes
	if err := json.Unmarshal(state, &all); err != nil {
		return nil, err
	}
	if err := upgrade(all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// upgradeFrom0 records what on_version_change meant before it existed.
func upgradeFrom0(attributes attributes) error {
	attributes["on_version_change"] = json.RawMessage(`"` + model.Replace + `"`)
	attributes["update_available"] = json.RawMessage("null")
	return upgradeFrom1(attributes)
}

// upgradeFrom1 records on_no_warm, which no instance needed before it existed, and removes the steps
// of provisioning. Terraform itself removes them from a state of the current version.
func upgradeFrom1(attributes attributes) error {
	attributes["on_no_warm"] = json.RawMessage(`"` + kind.NoWarmBoot + `"`)
	var provisioning map[string]json.RawMessage
	err := json.Unmarshal(attributes["provisioning"], &provisioning)
	if err != nil || provisioning == nil {
		return nil //nolint:nilerr // an import has none
	}
	delete(provisioning, "steps")
	attributes["provisioning"], err = json.Marshal(provisioning)
	return err
}
