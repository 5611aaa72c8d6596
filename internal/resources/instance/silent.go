package instance

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// warnSilent reports that an instance stays in the state as it is, because its host does not answer.
func warnSilent(diags *diag.Diagnostics, state *model.Instance, err error) {
	diags.AddWarning("Host does not answer", fmt.Sprintf("Instance %q stays in the state as it "+
		"was, by unreachable_hosts = \"keep\". What has become of it is not known, and a change of it will fail. %s "+
		"If the machine is off for good, its administrator says so by a novacron_host with state = \"lost\".",
		state.Name.ValueString(), finding.Sentence(err)))
}
