// Package planner plans an instance: which version it gets, what is wrong with the configuration,
// and whether a change is made in place, restarts the guest, reimages the instance or replaces it.
package planner

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// ModifyPlan resolves the version, checks what can be checked, and reports what a change does:
// nothing, a restart, or another instance.
func ModifyPlan(
	ctx context.Context, s *face.Session, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var state, plan model.Instance
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	pool := state.ResourcePool
	if !req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("resource_pool"), &pool)...)
		pool = poolOf(s, pool, state)
	}
	if req.Plan.Raw.Equal(req.State.Raw) && !state.Renamed() && !state.Strayed() && pool.Equal(state.ResourcePool) &&
		!leavesHost(ctx, s, &state) {
		warnMisplaced(ctx, s, &resp.Diagnostics, &state)
		refuseStaying(s, &resp.Diagnostics, &state) // otherwise there is nothing to do, and nothing to find out
		return
	}
	if req.Plan.Raw.IsNull() {
		refuseProtected(&resp.Diagnostics, state)
		removes(s, &state)
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.ResourcePool = pool
	p := &planner{session: s, plan: &plan, diags: &resp.Diagnostics}
	unplanned, diags := model.ReadUnplanned(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	p.secrets, p.asked = unplanned.Secrets, plan.ToRequest(ctx, unplanned)
	if req.State.Raw.IsNull() {
		p.create(ctx)
	} else {
		p.state, p.private = &state, req.Private
		adopting, diags := req.Private.GetKey(ctx, model.ImportedKey)
		p.adopting = len(adopting) > 0
		resp.Diagnostics.Append(diags...)
		// The framework does not report here that the schema replaces for these.
		replaced := !plan.Name.Equal(state.Name) || !plan.TemplateID.Equal(state.TemplateID)
		p.update(ctx, replaced)
		resp.RequiresReplace = append(resp.RequiresReplace, p.replaces...)
		switch {
		case replaced || len(resp.RequiresReplace) > 0:
			protects := state
			if p.gone { // nothing can be applied to it any more
				protects = plan
			}
			refuseProtected(&resp.Diagnostics, protects)
			removes(s, &state)
		case !plan.ResolvedVersion.Equal(state.ResolvedVersion):
			leaves(s, &state)
		default:
			refuseStaying(s, &resp.Diagnostics, &state)
		}
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

// refuseProtected refuses, in the plan already, to remove a protected instance.
func refuseProtected(diags *diag.Diagnostics, state model.Instance) {
	if state.DeletionProtection.ValueBool() {
		diags.AddAttributeError(path.Root("deletion_protection"), "Instance is protected", fmt.Sprintf(
			"Instance %q has deletion_protection, and the plan would destroy or replace it: set it to false and "+
				"apply first.",
			state.Name.ValueString()))
	}
}

// planner plans one instance.
type planner struct {
	session  *face.Session
	plan     *model.Instance
	secrets  types.Dynamic     // parameters_wo, which the plan does not have
	asked    model.Asked       // what the plan asks for
	state    *model.Instance   // nil while creating
	private  face.PrivateState // the state's
	adopting bool              // the state is an import's, see importedKey
	seeded   bool              // what the instance was told at its first boot no longer counts
	boots    bool              // the guest gets another system disk
	on       *fleet.Member     // the host that has the instance; nil while creating
	moves    bool              // the instance is to be moved to another host
	gone     bool              // its host is lost
	diags    *diag.Diagnostics
	replaces path.Paths
}

// create plans a new instance: its version, its effective parameters, and everything that is wrong
// with it.
func (p *planner) create(ctx context.Context) {
	if !p.session.Configured() {
		return
	}
	p.checkUnplaced(ctx)
	tenant := p.session.Library.Tenant()
	p.plan.Tenant = types.StringValue(tenant)
	if !p.plan.Name.IsUnknown() {
		p.plan.DomainName = types.StringValue(naming.Domain(tenant, p.plan.Name.ValueString()))
		p.checkName(ctx)
	}
	template, version, found := p.resolve(ctx)
	p.refuseSecrets(template)
	if !found {
		face.AddFindings(p.diags, p.beyond(template))
		p.placeUnknown(ctx)
		return
	}
	blueprint, ok := p.checkWith(ctx, template, version)
	if !ok {
		return
	}
	p.warnResume(ctx, blueprint)
	p.plan.ImageDigest = types.StringValue(version.Digest)
	p.plan.Strategy = types.StringValue(string(blueprint.Strategy))
	if !p.namesUnknown() {
		p.plan.EffectiveParameters = model.Effective(blueprint.Shown, version.Spec.Parameters)
	}
	p.warnOfSecrets(version.Spec.Parameters)
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

func (p *planner) replace(attribute string) { p.replaces = append(p.replaces, path.Root(attribute)) }
