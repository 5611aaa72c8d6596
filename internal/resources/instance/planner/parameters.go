package planner

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// compareParameters decides whether the parameters mean another instance: they work at first boot.
// What all may see is compared with what the host has; of secrets there is nothing to compare with
// but what the user says of them.
func (p *planner) compareParameters(b kind.Blueprint) {
	if !p.sameParameters(b) {
		p.replace("parameters")
	}
	adopted := p.state.Imported() && p.state.ParametersWOVersion.IsNull()
	if !adopted && !p.plan.ParametersWOVersion.Equal(p.state.ParametersWOVersion) {
		p.replace("parameters_wo_version")
	}
}

func (p *planner) sameParameters(b kind.Blueprint) bool {
	declared := b.Version.Spec.Parameters
	switch {
	case model.WholeUnknown(p.plan.Parameters):
		return false
	case model.WholeUnknown(p.secrets): // which decide what is left to defaults; what is written tells nearly as well
		return p.plan.Parameters.Equal(p.state.Parameters)
	case !model.Effective(b.Shown, declared).Equal(p.state.EffectiveParameters):
		return false
	case p.state.Imported() && (p.adopting || p.state.Parameters.IsNull()): // what secrets were given is not known
		return true
	}
	before, _ := model.Given(p.state.Parameters, p.secrets)
	return parameter.SameSecrets(declared, before.Parameters, p.asked.Given.Parameters)
}

// warnOfSecrets tells of sensitive values that the state will keep.
func (p *planner) warnOfSecrets(declared map[string]parameter.Parameter) {
	for _, name := range slices.Sorted(maps.Keys(p.asked.Given.Parameters)) {
		if declared[name].Sensitive {
			p.diags.AddAttributeWarning(path.Root("parameters").AtMapKey(name), "Sensitive value stored in state", fmt.Sprintf(
				"The template declares the parameter %q as sensitive, but Terraform's state keeps the values of parameters. Use "+
					"parameters_wo, whose values it does not keep.", name))
		}
	}
}
