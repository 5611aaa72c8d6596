package planner

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

func (p *planner) replace(attribute string) { p.replaces = append(p.replaces, path.Root(attribute)) }

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

// undecided are the restarts that a container may need because something of what it is told is not
// known yet, besides those that are certain.
func (p *planner) undecided(ctx context.Context, certain []kind.Restart) (more []kind.Restart) {
	for _, told := range []struct {
		name  string
		value attr.Value
	}{
		{"container", p.plan.Container}, {"parameters", p.plan.Parameters}, {"customization", p.plan.Customization},
	} {
		is := func(r kind.Restart) bool { return r.At[0].Name == told.name }
		if !attribute.Known(ctx, told.value) && !slices.ContainsFunc(certain, is) {
			more = append(more, kind.Restart{
				At:  finding.At(told.name),
				Why: "Values of it are not known yet; if they turn out to be as they were, nothing restarts.",
			})
		}
	}
	return more
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
