package planner

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// replaceAt replaces the instance for the attribute that cannot change in place. Terraform only
// looks at what the user has changed: it ignores attributes that are as they were, and accepts none
// that neither the plan nor the state has.
func (p *planner) replaceAt(at finding.Path) {
	if at[0].Name == "parameters" {
		name := "parameters"
		if p.plan.Parameters.Equal(p.state.Parameters) { // it is a secret
			name = "parameters_wo_version"
		}
		p.replace(name)
		return
	}
	planned, prior := leaf(p.plan, at), leaf(p.state, at)
	if planned == nil && prior == nil || planned != nil && prior != nil && planned.Equal(prior) {
		return
	}
	p.replaces = append(p.replaces, face.Path(at))
}

// replaceUndecided replaces a container if what only another instance can have is not known yet.
func (p *planner) replaceUndecided() {
	at := finding.At("container")
	if p.plan.Container.IsUnknown() {
		p.replace("container")
		return
	}
	for _, at := range []finding.Path{at.Name("init"), at.Name("privileged")} {
		if v := leaf(p.plan, at); v != nil && v.IsUnknown() {
			p.replaceAt(at)
		}
	}
}

// refuseOther refuses a container that is another one than its configuration says, where nothing
// that the user has changed replaces it, as after an import.
func (p *planner) refuseOther(replaces []finding.Path) {
	for _, at := range replaces {
		if at[0].Name == "container" && len(p.replaces) == 0 {
			face.AddFindings(p.diags, finding.List{{
				Path: at, Summary: "Container was created differently",
				Detail: fmt.Sprintf("Instance %[1]q was created with another %[2]s than its configuration and its "+
					"version say, and only another instance can have that: write the %[2]s that it was created with, "+
					"or replace it by `terraform apply -replace=ADDRESS`.", p.state.Name.ValueString(), at),
			}})
		}
	}
}

// leaf is the attribute of a profile, the customization or the container that a path leads to; nil
// if it does not exist or is null.
func leaf(m *model.Instance, at finding.Path) attr.Value {
	var v attr.Value = map[string]types.Object{
		"hardware_profile": m.HardwareProfile, "network_profile": m.NetworkProfile, "storage_profile": m.StorageProfile,
		"customization": m.Customization, "container": m.Container,
	}[at[0].Name]
	for _, step := range at[1:] {
		switch within := v.(type) {
		case types.Object:
			v = within.Attributes()[step.Name]
		case types.Map:
			v = within.Elements()[step.Name]
		}
		if v == nil {
			return nil
		}
	}
	if v.IsNull() {
		return nil
	}
	return v
}
