package instance

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// compareParameters decides whether the parameters mean another instance: they work at first boot. What all may see is
// compared with what the host has; of secrets there is nothing to compare with but what the user says of them.
func (p *planner) compareParameters(b provision.Blueprint) {
	declared := b.Version.Spec.Parameters
	if p.namesUnknown() || !effective(b.Shown, declared).Equal(p.state.EffectiveParameters) {
		p.replace("parameters")
	} else if before, _ := given(p.state.Parameters, p.secrets); !p.state.Parameters.IsNull() {
		now, _ := given(p.plan.Parameters, p.secrets)
		if !catalog.SameSecrets(declared, before.Parameters, now.Parameters) {
			p.replace("parameters")
		}
	}
	imported := p.state.Provisioning.IsNull() && p.state.ParametersWOVersion.IsNull()
	if !imported && !p.plan.ParametersWOVersion.Equal(p.state.ParametersWOVersion) {
		p.replace("parameters_wo_version")
	}
}

// warnOfSecrets tells of sensitive values that the state will keep.
func (p *planner) warnOfSecrets(declared map[string]catalog.Parameter) {
	g, _ := given(p.plan.Parameters, p.secrets)
	for _, name := range slices.Sorted(maps.Keys(g.Parameters)) {
		if declared[name].Sensitive {
			p.diags.AddAttributeWarning(path.Root("parameters").AtMapKey(name), "Secret is kept in the state", fmt.Sprintf(
				"The template declares the parameter %q as sensitive, and Terraform's state keeps what is in parameters. In parameters_wo it is kept nowhere.", name))
		}
	}
}
