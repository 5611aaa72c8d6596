package planner

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// update plans a change of an instance that exists.
func (p *planner) update(ctx context.Context, replaced bool) {
	if replaced {
		return // Terraform asks again, for a new instance
	}
	p.keepFacts()
	p.pin()
	if !p.session.Configured() {
		p.plan.PlacedOn = types.StringUnknown() // the hosts may have other names
		p.offerLater()
		return
	}
	if p.lost(ctx) {
		return
	}
	template, version, found := p.resolve(ctx)
	p.refuseSecrets(template)
	p.offerLater()
	if p.diags.HasError() {
		return
	}
	if !p.plan.Strategy.Equal(p.state.Strategy) {
		p.replace("strategy")
		return
	}
	if !p.plan.ResolvedVersion.Equal(p.state.ResolvedVersion) {
		if p.plan.OnVersionChange.ValueString() == model.Reimage {
			p.reimage(ctx, template, version, found)
		} else {
			p.replace("version")
		}
		return
	}
	instance, ok := p.read(ctx)
	if !ok {
		return
	}
	frozen, kept, err := instance.Facts.FrozenVersion()
	if err != nil {
		face.AddError(p.diags, "Could not compare instance", err)
		return
	}
	if kept {
		version, found = frozen, true
	}
	if !found { // only the written values are left to compare with
		p.compareAsWritten()
		p.checkQuota(ctx, nil)
		p.refuseMove("its version is not in the catalog any more, and it was created before instances kept a copy of " +
			"it")
		return
	}
	p.seeded = true
	if blueprint, ok := p.checkWith(ctx, template, version); ok {
		p.compare(ctx, instance, blueprint)
		p.move(ctx, instance, blueprint)
	}
}

// keepFacts plans the facts that no change in place touches.
func (p *planner) keepFacts() {
	p.plan.ID, p.plan.Tenant, p.plan.DomainName = p.state.ID, p.state.Tenant, p.state.DomainName
	p.plan.Host, p.plan.PlacedOn = p.state.Host, p.state.PlacedOn
	p.plan.ImageDigest, p.plan.MACAddresses = p.state.ImageDigest, p.state.MACAddresses
	p.plan.UpdateAvailable = p.state.UpdateAvailable
	p.plan.Provisioning, p.plan.EffectiveParameters = p.state.Provisioning, p.state.EffectiveParameters
	if p.plan.Strategy.IsUnknown() {
		p.plan.Strategy = p.state.Strategy // the template's default only counts when an instance is created
	}
	p.plan.Health, p.plan.ExitCode, p.plan.Restarts = p.state.Health, p.state.ExitCode, p.state.Restarts
	if p.plan.PowerState.Equal(p.state.PowerState) {
		p.plan.IPAddresses, p.plan.IPAddress, p.plan.Status = p.state.IPAddresses, p.state.IPAddress, p.state.Status
	} else {
		p.plan.ForgetApplication()
	}
}

// offerLater plans update_available. An instance that stays keeps what its refresh has seen. Any other
// gets what the catalog has once it is applied: Terraform plans once more while applying, and by then
// other versions may be there, or gone, or their plans may not be known yet.
func (p *planner) offerLater() {
	if !p.pinned() {
		p.plan.UpdateAvailable = types.StringUnknown()
	}
}

// pin keeps the version that was resolved before, unless the user now asks for something other than
// exactly that version. If the user asks for a version for the first time, as after an import, pin
// keeps the pinned version if the constraint allows it. If the user asks for the same as before,
// pin does not keep a version that the constraint does not allow: the state did not follow a
// reimage that failed at its end.
func (p *planner) pin() {
	pinned := p.state.ResolvedVersion.ValueString()
	keep := p.plan.Version.Equal(p.state.Version) && !p.state.Strayed() ||
		catalog.Exactly(p.plan.Version.ValueString()) == pinned
	if p.state.Version.IsNull() && !p.plan.Version.IsUnknown() {
		keep = catalog.Allows(p.plan.Version.ValueString(), pinned)
	}
	switch {
	case keep:
		p.plan.ResolvedVersion = p.state.ResolvedVersion
	case p.state.Strayed(): // otherwise the framework has done so, because something has changed
		p.plan.ResolvedVersion = types.StringUnknown()
	}
}

// compare decides what the change does, by comparing it with the host's instance.
func (p *planner) compare(ctx context.Context, instance kind.Instance, b kind.Blueprint) {
	if !attribute.Known(ctx, p.plan.Customization) && !p.retells(b) {
		p.replace("customization")
	}
	p.compareParameters(b)
	p.plan.DomainName = types.StringValue(naming.Domain(instance.Facts.Tenant, instance.Facts.Name))
	diff, findings, err := p.on.Compare(ctx, instance, b)
	if err != nil {
		face.AddError(p.diags, "Could not compare instance", err)
		return
	}
	face.AddFindings(p.diags, findings)
	if p.on.Reconfigures(b.Type) {
		p.replaceUndecided()
	}
	for _, at := range diff.Replaces {
		p.replaceAt(at)
	}
	p.refuseOther(diff.Replaces)
	if !p.on.Reconfigures(b.Type) {
		p.compareDevices(ctx, instance, diff.Devices)
	}
	if len(p.replaces) > 0 {
		return
	}
	p.refuseUntold(diff.Devices)
	p.announceDevices(instance, diff.Devices)
	if p.on.Reconfigures(b.Type) {
		diff.Restarts = append(diff.Restarts, p.undecided(ctx, diff.Restarts)...)
	}
	if diff.Restart() && (instance.Running() || instance.Done) && p.plan.PowerState.ValueString() == model.Running {
		p.announceRestart(diff.Restarts)
	}
}

// compareAsWritten decides what a change does if the version is not there to complete it.
func (p *planner) compareAsWritten() {
	for name, same := range map[string]bool{
		"parameters":       p.plan.Parameters.Equal(p.state.Parameters),
		"customization":    p.plan.Customization.Equal(p.state.Customization),
		"hardware_profile": p.plan.HardwareProfile.Equal(p.state.HardwareProfile),
		"network_profile":  p.plan.NetworkProfile.Equal(p.state.NetworkProfile),
		"storage_profile":  p.plan.StorageProfile.Equal(p.state.StorageProfile),
		"container":        p.plan.Container.Equal(p.state.Container),
	} {
		if !same {
			p.replace(name)
		}
	}
}
