package planner

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// refuseProtected refuses, in the plan already, to remove a protected instance.
func refuseProtected(diags *diag.Diagnostics, state model.Instance) {
	if state.DeletionProtection.ValueBool() {
		diags.AddAttributeError(path.Root("deletion_protection"), "Instance is protected", fmt.Sprintf(
			"Instance %q has deletion_protection, and the plan would destroy or replace it: set it to false and "+
				"apply first.",
			state.Name.ValueString()))
	}
}

// beyond returns findings for what the plan asks for and instances of a template do not have,
// whatever its version is. The zero template has everything.
func (p *planner) beyond(template catalog.Template) finding.List {
	return catalog.Spec{
		Hardware: p.asked.Hardware, Network: p.asked.Network, Storage: p.asked.Storage,
		Containers: catalog.Containers{Container: p.asked.Container},
	}.ValidateFor(template.Type)
}

// namesUnknown reports whether not even the names of all parameters are known yet.
func (p *planner) namesUnknown() bool {
	return model.WholeUnknown(p.plan.Parameters) || model.WholeUnknown(p.secrets)
}

// checkWith checks the plan against the version and the host. ok is false after an error.
func (p *planner) checkWith(ctx context.Context, template catalog.Template, version catalog.Version) (
	kind.Blueprint, bool,
) {
	findings := append(slices.Clone(p.asked.Findings), p.asked.Storage.ValidateDisks()...)
	request := p.asked.Request
	// The plan has decided these since.
	request.Version = p.plan.ResolvedVersion.ValueString()
	request.Strategy = catalog.Strategy(p.plan.Strategy.ValueString())
	request.Seeded, request.Boots = p.seeded, p.boots
	request.Retold = p.state != nil && p.plan.Retold(p.state)
	blueprint, more := p.host().NewBlueprint(request, template, version)
	for _, f := range more {
		at := f.Path[0].Name
		unsure := (at == "storage_profile" || at == "wait_for") && !p.asked.Complete ||
			at == "wait_for" && p.asked.Undecided || at == "power_state" && p.plan.PowerState.IsUnknown()
		if !unsure {
			findings = append(findings, f)
		}
	}
	if p.on == nil {
		p.warnCrowded(ctx)
	}
	places := p.on == nil && p.session.Fleet.Named()
	if p.asked.Complete && !places && !p.moves {
		lacking, err := p.host().CheckHost(ctx, request.Name, blueprint)
		if err != nil {
			face.AddError(p.diags, "Could not read host", err)
		}
		findings = append(findings, lacking...)
	}
	face.AddFindings(p.diags, findings)
	if p.asked.Complete && len(findings) == 0 {
		if places {
			p.place(ctx, blueprint)
		}
		p.checkQuota(ctx, &blueprint)
	}
	p.warnPrivileged(version)
	for _, f := range profile.Overlaps(blueprint.NICs) {
		face.AddWarning(p.diags, f)
	}
	return blueprint, !p.diags.HasError()
}

// warnPrivileged warns of a container whose root is root on the host though only its version says
// so.
func (p *planner) warnPrivileged(version catalog.Version) {
	if p.seeded || p.asked.Undecided || !catalog.GrantsPrivileges(version.Spec.Container, p.asked.Container) {
		return
	}
	face.AddWarning(p.diags, finding.Finding{
		Path: finding.At("container").Name("privileged"), Summary: "Container is privileged",
		Detail: fmt.Sprintf("Version %q makes instance %q privileged: root in it is root on the host. Set "+
			"container.privileged to true if that is meant, or to false.", version.ID, p.plan.Name.ValueString()),
	})
}
