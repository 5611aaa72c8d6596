// Package model is an instance as Terraform has it: the schema of the resource novacron_instance,
// and the conversion between its attributes and the core's requests and instances.
package model

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

// ImportedKey is set in the private state of an imported instance until the first update: until
// then the state has what an import found, not what a configuration says.
const ImportedKey = "imported"

// Instance is an instance as Terraform has it.
type Instance struct {
	Name                types.String   `tfsdk:"name"`
	Description         types.String   `tfsdk:"description"`
	TemplateID          types.String   `tfsdk:"template_id"`
	Version             types.String   `tfsdk:"version"`
	Strategy            types.String   `tfsdk:"strategy"`
	OnNoWarm            types.String   `tfsdk:"on_no_warm"`
	Parameters          types.Dynamic  `tfsdk:"parameters"`
	ParametersWO        types.Dynamic  `tfsdk:"parameters_wo"` // in the configuration only
	ParametersWOVersion types.Int64    `tfsdk:"parameters_wo_version"`
	Customization       types.Object   `tfsdk:"customization"`
	HardwareProfile     types.Object   `tfsdk:"hardware_profile"`
	NetworkProfile      types.Object   `tfsdk:"network_profile"`
	StorageProfile      types.Object   `tfsdk:"storage_profile"`
	Container           types.Object   `tfsdk:"container"`
	Labels              types.Map      `tfsdk:"labels"`
	PowerState          types.String   `tfsdk:"power_state"`
	Autostart           types.Bool     `tfsdk:"autostart"`
	WaitFor             types.Set      `tfsdk:"wait_for"`
	OnVersionChange     types.String   `tfsdk:"on_version_change"`
	AllowRestart        types.Bool     `tfsdk:"allow_restart"`
	DeletionProtection  types.Bool     `tfsdk:"deletion_protection"`
	ID                  types.String   `tfsdk:"id"`
	Tenant              types.String   `tfsdk:"tenant"`
	DomainName          types.String   `tfsdk:"domain_name"`
	Host                types.String   `tfsdk:"host"`
	ResolvedVersion     types.String   `tfsdk:"resolved_version"`
	UpdateAvailable     types.String   `tfsdk:"update_available"`
	ImageDigest         types.String   `tfsdk:"image_digest"`
	EffectiveParameters types.Dynamic  `tfsdk:"effective_parameters"`
	IPAddresses         types.List     `tfsdk:"ip_addresses"`
	IPAddress           types.String   `tfsdk:"ip_address"`
	MACAddresses        types.Map      `tfsdk:"mac_addresses"`
	Status              types.String   `tfsdk:"status"`
	Health              types.String   `tfsdk:"health"`
	ExitCode            types.Int64    `tfsdk:"exit_code"`
	Restarts            types.Int64    `tfsdk:"restarts"`
	Provisioning        types.Object   `tfsdk:"provisioning"`
	Placement           types.Object   `tfsdk:"placement"`
	OnHostChange        types.String   `tfsdk:"on_host_change"`
	PlacedOn            types.String   `tfsdk:"placed_on"`
	ResourcePool        types.String   `tfsdk:"resource_pool"`
	Timeouts            timeouts.Value `tfsdk:"timeouts"`
}

// Asked is what a model asks for. It is read once per call.
type Asked struct {
	kind.Request              // without what is not known yet
	Complete     bool         // nothing is unknown that decides what the instance takes of its host
	Findings     finding.List // values that cannot be read, each at its attribute
}

// Unplanned is what a plan does not have of a configuration.
type Unplanned struct {
	Secrets     types.Dynamic // parameters_wo
	WaitDefault bool          // wait_for is not set
}

// ReadUnplanned reads it from a configuration.
func ReadUnplanned(ctx context.Context, config tfsdk.Config) (u Unplanned, diags diag.Diagnostics) {
	var waitFor types.Set
	diags.Append(config.GetAttribute(ctx, path.Root("parameters_wo"), &u.Secrets)...)
	diags.Append(config.GetAttribute(ctx, path.Root("wait_for"), &waitFor)...)
	u.WaitDefault = waitFor.IsNull()
	return u, diags
}

// ToRequest reads what the model asks for, with what the plan does not have.
func (m *Instance) ToRequest(ctx context.Context, u Unplanned) Asked {
	template, err := catalog.ParseTemplateID(m.TemplateID.ValueString())
	a := Asked{Request: kind.Request{
		Name:        m.Name.ValueString(),
		Description: m.Description.ValueString(),
		Template:    template,
		Version:     m.ResolvedVersion.ValueString(),
		Strategy:    catalog.Strategy(m.Strategy.ValueString()),
		OnNoWarm:    m.OnNoWarm.ValueString(),
		Options:     m.Options(),
	}}
	a.WaitDefault = u.WaitDefault
	var known [4]bool
	a.Hardware, known[0] = attribute.Hardware(m.HardwareProfile)
	a.Network, known[1] = attribute.Network(m.NetworkProfile)
	a.Storage, known[2] = attribute.Storage(m.StorageProfile)
	a.Customization, known[3] = Customization(ctx, m.Customization)
	settings, decided := attribute.Container(m.Container)
	a.Container, a.Undecided = settings, !decided
	a.Given, a.Findings = Given(m.Parameters, u.Secrets)
	if err != nil && !m.TemplateID.IsUnknown() {
		a.Findings.Add(finding.At("template_id"), "Invalid template id", err.Error())
	}
	a.Complete = err == nil && known == [4]bool{true, true, true, true} && attribute.IsolationKnown(m.Container)
	return a
}

// Options are the settings that may change at any time.
func (m *Instance) Options() kind.Options {
	return kind.Options{
		Labels:             attribute.Labels(m.Labels),
		Running:            m.PowerState.ValueString() == Running,
		Autostart:          m.Autostart.ValueBool(),
		DeletionProtection: m.DeletionProtection.ValueBool(),
		WaitFor:            attribute.Strings(m.WaitFor.Elements()),
	}
}

// Computed takes over what only the host knows. on is the host's name among the provider's hosts; "" if
// those have no names.
func (m *Instance) Computed(i kind.Instance, on string) {
	m.PlacedOn = attribute.OptionalString(on)
	m.ID, m.Tenant = types.StringValue(i.UUID), types.StringValue(i.Facts.Tenant)
	m.DomainName = types.StringValue(i.DomainName)
	m.Host, m.Status = types.StringValue(i.Host), types.StringValue(i.State.String())
	m.ResolvedVersion, m.ImageDigest = types.StringValue(i.Facts.Version), types.StringValue(i.Facts.Digest)
	m.Strategy = types.StringValue(string(i.Facts.Strategy))
	m.EffectiveParameters = Effective(metadata.SettingValues(i.Facts.Parameters), nil)
	addresses := make([]attr.Value, len(i.Addresses))
	for n, a := range i.Addresses {
		addresses[n] = types.StringValue(a.String())
	}
	m.IPAddresses, m.IPAddress = types.ListValueMust(types.StringType, addresses), types.StringNull()
	if len(i.Addresses) > 0 {
		m.IPAddress = types.StringValue(i.Addresses[0].String())
	}
	macs := make(map[string]attr.Value, len(i.NICs))
	for name, mac := range i.MACs() {
		macs[name] = types.StringValue(mac)
	}
	m.MACAddresses = types.MapValueMust(types.StringType, macs)
	m.Health, m.ExitCode, m.Restarts = types.StringNull(), types.Int64Null(), types.Int64Null()
	if i.Type == catalog.TypeContainer {
		m.Health, m.Restarts = attribute.OptionalString(i.Health), types.Int64Value(int64(i.Restarts))
		if i.ExitCode != nil {
			m.ExitCode = types.Int64Value(int64(*i.ExitCode))
		}
	}
}

// AsPlanned is Computed, but keeps the planned values.
func (m *Instance) AsPlanned(i kind.Instance, on string) {
	planned := *m
	m.Computed(i, on)
	m.keepPlanned(planned)
}

// keepPlanned keeps the planned values of the guest and of its host. A guest gets and loses addresses,
// and may be moved, at any time, but Terraform accepts only the planned answer; the next refresh shows
// the current one.
func (m *Instance) keepPlanned(planned Instance) {
	if !planned.PlacedOn.IsUnknown() { // it was moved by other means
		m.PlacedOn = planned.PlacedOn
	}
	if !planned.Host.IsUnknown() {
		m.Host = planned.Host
	}
	if !planned.Status.IsUnknown() {
		m.Status = planned.Status
	}
	if !planned.Health.IsUnknown() {
		m.Health, m.ExitCode, m.Restarts = planned.Health, planned.ExitCode, planned.Restarts
	}
	if !planned.IPAddresses.IsUnknown() {
		m.IPAddresses, m.IPAddress = planned.IPAddresses, planned.IPAddress
	}
}

// FromInstance takes over an instance as its host has it. Attributes that the host does not know
// stay as they were.
func (m *Instance) FromInstance(i kind.Instance, on string) {
	m.Computed(i, on)
	m.Name, m.TemplateID = types.StringValue(i.Facts.Name), types.StringValue(i.Facts.Template)
	m.Description = attribute.KeepString(m.Description, i.Description)
	m.Labels = attribute.KeepLabels(m.Labels, metadata.PairMap(i.Facts.Labels))
	m.Autostart = types.BoolValue(i.Autostart)
	m.DeletionProtection = types.BoolValue(i.Facts.Protected)
	// A job that is done is as its user asked, whether it is to run or to be off.
	stays := i.Done && m.PowerState.ValueString() == Stopped
	m.PowerState = types.StringValue(Stopped)
	if i.AsAsked() && !stays {
		m.PowerState = types.StringValue(Running)
	}
	if m.Provisioning.IsNull() {
		m.Provisioning = types.ObjectNull(ProvisioningTypes)
	}
}

// Told are the attributes that FromInstance takes over.
func (m *Instance) Told() map[string]attr.Value {
	return map[string]attr.Value{
		"name":                 m.Name,
		"description":          m.Description,
		"template_id":          m.TemplateID,
		"strategy":             m.Strategy,
		"labels":               m.Labels,
		"power_state":          m.PowerState,
		"autostart":            m.Autostart,
		"deletion_protection":  m.DeletionProtection,
		"id":                   m.ID,
		"tenant":               m.Tenant,
		"domain_name":          m.DomainName,
		"host":                 m.Host,
		"placed_on":            m.PlacedOn,
		"resolved_version":     m.ResolvedVersion,
		"image_digest":         m.ImageDigest,
		"effective_parameters": m.EffectiveParameters,
		"ip_addresses":         m.IPAddresses,
		"ip_address":           m.IPAddress,
		"mac_addresses":        m.MACAddresses,
		"status":               m.Status,
		"health":               m.Health,
		"exit_code":            m.ExitCode,
		"restarts":             m.Restarts,
	}
}

// Imported reports whether the instance was imported: then only its host knows how it was created.
func (m *Instance) Imported() bool { return m.Provisioning.IsNull() }

// ForgetGuest marks what is known of the guest as unknown, because the guest is about to start
// again.
func (m *Instance) ForgetGuest() {
	m.IPAddresses, m.IPAddress = types.ListUnknown(types.StringType), types.StringUnknown()
	m.Status = types.StringUnknown()
	m.ForgetApplication()
}

// ForgetApplication marks what is known of a container's application as unknown. A machine has none.
func (m *Instance) ForgetApplication() {
	if !m.Restarts.IsNull() {
		m.Health, m.ExitCode, m.Restarts = types.StringUnknown(), types.Int64Unknown(), types.Int64Unknown()
	}
}

// Renamed reports whether the domain's name differs from the instance's.
func (m *Instance) Renamed() bool {
	return !m.DomainName.IsNull() &&
		m.DomainName.ValueString() != naming.Domain(m.Tenant.ValueString(), m.Name.ValueString())
}

// Strayed reports whether the instance has a version that the state's version does not allow. A
// reimage that fails after the instance has the new disk leaves the state as it was, and a later
// read finds the new version.
func (m *Instance) Strayed() bool {
	return !m.Version.IsNull() && !m.ResolvedVersion.IsNull() &&
		!catalog.Allows(m.Version.ValueString(), m.ResolvedVersion.ValueString())
}

// ProvisioningTypes are the types of the attribute provisioning.
var ProvisioningTypes = map[string]attr.Type{
	"request_id": types.StringType, "status": types.StringType, "requested_by": types.StringType,
	"created_at": types.StringType, "started_at": types.StringType, "completed_at": types.StringType,
	"duration_seconds": types.Int64Type, "error": types.StringType,
}

// Provisioning writes how an instance was created. It leaves out the steps, which the record of the
// request has: Terraform handles every value of a state a dozen times in each plan, and those of the
// steps took an eighth of a plan with nothing to do.
func Provisioning(r provision.Record) types.Object {
	completed, duration := types.StringNull(), types.Int64Null()
	if !r.CompletedAt.IsZero() {
		completed = types.StringValue(r.CompletedAt.Format(time.RFC3339))
		// Whole: Terraform compares and writes numbers as text, which takes it long for fractions
		// of 512 bits.
		duration = types.Int64Value(int64(r.CompletedAt.Sub(r.StartedAt).Round(time.Second) / time.Second))
	}
	return types.ObjectValueMust(ProvisioningTypes, map[string]attr.Value{
		"request_id":       types.StringValue(r.RequestID),
		"status":           types.StringValue(r.Status),
		"requested_by":     types.StringValue(r.RequestedBy),
		"created_at":       types.StringValue(r.CreatedAt.Format(time.RFC3339)),
		"started_at":       types.StringValue(r.StartedAt.Format(time.RFC3339)),
		"completed_at":     completed,
		"duration_seconds": duration,
		"error":            attribute.OptionalString(r.Error),
	})
}
