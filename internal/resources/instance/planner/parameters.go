package planner

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// compareParameters decides whether a change of the parameters requires another instance, because
// parameters work at first boot. It compares values that are not secret with those of the host.
// Secrets it can only compare with those that the user gave before.
func (p *planner) compareParameters(b kind.Blueprint) {
	if p.retells(b) { // comparing the instance shows what changes
		p.plan.EffectiveParameters = types.DynamicUnknown()
		if !p.namesUnknown() {
			p.plan.EffectiveParameters = model.Effective(b.Shown, b.Version.Spec.Parameters)
		}
		return
	}
	if !p.sameParameters(b) {
		p.replace("parameters")
	}
	adopted := p.state.Imported() && p.state.ParametersWOVersion.IsNull()
	if !adopted && !p.plan.ParametersWOVersion.Equal(p.state.ParametersWOVersion) {
		p.replace("parameters_wo_version")
	}
}

// retells reports whether the guest of a blueprint is told everything again at each start. A system
// in a container is told parameters and customization once.
func (p *planner) retells(b kind.Blueprint) bool {
	return p.on != nil && p.on.Reconfigures(b.Type) && !p.asked.Container.Over(b.Version.Spec.Container).System()
}

func (p *planner) sameParameters(b kind.Blueprint) bool {
	declared := b.Version.Spec.Parameters
	switch {
	case model.WholeUnknown(p.plan.Parameters):
		return false
	case model.WholeUnknown(p.secrets):
		// secrets decide which values have their defaults; comparing the written values is nearly
		// as exact
		return p.plan.Parameters.Equal(p.state.Parameters)
	case !model.Effective(b.Shown, declared).Equal(p.state.EffectiveParameters):
		return false
	case p.state.Imported() && (p.adopting || p.state.Parameters.IsNull()): // the secrets that were given are not known
		return true
	}
	before, _ := model.Given(p.state.Parameters, p.secrets)
	return parameter.SameSecrets(declared, before.Parameters, p.asked.Given.Parameters)
}

// warnOfSecrets warns of sensitive values that the state will keep.
func (p *planner) warnOfSecrets(declared map[string]parameter.Parameter) {
	for _, name := range slices.Sorted(maps.Keys(p.asked.Given.Parameters)) {
		if declared[name].Sensitive {
			p.diags.AddAttributeWarning(path.Root("parameters").AtMapKey(name), "Sensitive value stored in state",
				fmt.Sprintf(
					"The template declares the parameter %q as sensitive, but Terraform's state keeps the values of "+
						"parameters. Use parameters_wo, whose values it does not keep.", name))
		}
	}
}

// refuseSecrets refuses secrets that would remain on the host of an instance of a template. The zero
// template is one that is not known yet, or not there any more.
func (p *planner) refuseSecrets(template catalog.Template) {
	if template.Type != "" && !p.plan.WaitFor.IsUnknown() {
		face.AddFindings(p.diags, p.asked.CheckSecrets(p.host().ForgetsSecrets(template.Type)))
	}
}
