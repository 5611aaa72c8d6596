package planner

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// reimage plans that the instance gets the system disk of another version. What cannot change in
// place replaces the instance as usual, except what works at first boot, because the first boot
// happens again.
func (p *planner) reimage(ctx context.Context, template catalog.Template, version catalog.Version, found bool) {
	p.plan.ImageDigest, p.plan.EffectiveParameters = types.StringUnknown(), types.DynamicUnknown()
	p.plan.Provisioning = types.ObjectUnknown(model.ProvisioningTypes)
	p.plan.ForgetGuest()
	if !found {
		if on, known := p.session.Fleet.Member(p.state.PlacedOn.ValueString()); known && !p.stays(ctx, on) {
			return
		}
	}
	if found {
		p.boots = true
		instance, read := p.read(ctx)
		if !read {
			return
		}
		blueprint, ok := p.checkWith(ctx, template, version)
		if !ok {
			return
		}
		p.plan.ImageDigest = types.StringValue(version.Digest)
		if !p.namesUnknown() {
			p.plan.EffectiveParameters = model.Effective(blueprint.Shown, version.Spec.Parameters)
		}
		p.warnOfSecrets(version.Spec.Parameters)
		diff, findings, err := p.on.CompareForReimage(ctx, instance, blueprint)
		if err != nil {
			face.AddError(p.diags, "Could not compare instance", err)
			return
		}
		face.AddFindings(p.diags, findings)
		if len(diff.Replaces) > 0 {
			p.replaceFor(diff.Replaces)
			return
		}
		p.refuseUntold(diff.Devices)
		p.announceDevices(instance, diff.Devices)
	}
	p.announceReimage()
}

// replaceFor replaces an instance that was to get only another system disk, and says why.
func (p *planner) replaceFor(reasons []finding.Path) {
	names := make([]string, len(reasons))
	for n, at := range reasons {
		names[n] = at.String()
	}
	p.replace("version")
	p.diags.AddAttributeWarning(path.Root("version"), "Instance will be replaced",
		fmt.Sprintf("With on_version_change = "+
			"\"reimage\", instance %q would only get the system disk of version %s. But %s would change too, "+
			"which needs another instance: all its disks are lost.",
			p.state.Name.ValueString(), p.plan.ResolvedVersion.ValueString(), strings.Join(names, ", ")))
}

func (p *planner) announceReimage() {
	p.refuseMove("the same change gives it the system disk of another version: apply one after the other")
	name, from := p.state.Name.ValueString(), p.state.ResolvedVersion.ValueString()
	to := p.plan.ResolvedVersion.ValueString()
	if p.plan.ResolvedVersion.IsUnknown() {
		to = "another version"
	}
	if p.state.PowerState.ValueString() == model.Running && !p.plan.AllowRestart.ValueBool() {
		p.diags.AddAttributeError(path.Root("version"), "Change requires a restart", fmt.Sprintf(
			"Another version's system disk needs a restart of instance %q, which allow_restart = false forbids: "+
				"stop the instance first (power_state = \"stopped\"), or allow it.", name))
		return
	}
	order := ""
	id, err := catalog.ParseTemplateID(p.state.TemplateID.ValueString())
	if err == nil && p.session.Library.Plan.Removes(id.Version(from)) {
		order = fmt.Sprintf(" The same apply removes version %s. Terraform would do so before the instance "+
			"has left it, which is refused unless its resource has lifecycle { create_before_destroy = true }.", from)
	}
	p.diags.AddAttributeWarning(path.Root("version"), "System disk will be replaced", fmt.Sprintf("Instance %q moves "+
		"from version %s to %s: applying the plan shuts the guest down and gives it a new system disk. "+
		"Everything on the old one is lost. Its other disks, its UUID and its MAC addresses stay.%s", name, from, to,
		order))
}
