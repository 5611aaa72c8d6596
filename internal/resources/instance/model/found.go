package model

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

// Found is an instance as data sources show it: what its host reports, in the resource's terms.
type Found struct {
	ID                 types.String `tfsdk:"id"`
	Name               types.String `tfsdk:"name"`
	Tenant             types.String `tfsdk:"tenant"`
	Description        types.String `tfsdk:"description"`
	TemplateID         types.String `tfsdk:"template_id"`
	ResolvedVersion    types.String `tfsdk:"resolved_version"`
	UpdateAvailable    types.String `tfsdk:"update_available"`
	ImageDigest        types.String `tfsdk:"image_digest"`
	Strategy           types.String `tfsdk:"strategy"`
	Labels             types.Map    `tfsdk:"labels"`
	PowerState         types.String `tfsdk:"power_state"`
	Autostart          types.Bool   `tfsdk:"autostart"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	DomainName         types.String `tfsdk:"domain_name"`
	Host               types.String `tfsdk:"host"`
	PlacedOn           types.String `tfsdk:"placed_on"`
	Status             types.String `tfsdk:"status"`
	Health             types.String `tfsdk:"health"`
	ExitCode           types.Int64  `tfsdk:"exit_code"`
	Restarts           types.Int64  `tfsdk:"restarts"`
	IPAddresses        types.List   `tfsdk:"ip_addresses"`
	IPAddress          types.String `tfsdk:"ip_address"`
	MACAddresses       types.Map    `tfsdk:"mac_addresses"`
	RequestID          types.String `tfsdk:"request_id"`
}

// FoundAttributes are the attributes of Found, as the resource describes them.
func FoundAttributes() map[string]schema.Attribute {
	all := attribute.Computed(attributes(), "version", "parameters", "parameters_wo", "parameters_wo_version",
		"container", "customization", "hardware_profile", "network_profile", "storage_profile",
		"wait_for", "on_version_change",
		"on_no_warm", "placement", "on_host_change", "resource_pool", "allow_restart", "provisioning",
		"effective_parameters")
	for name, says := range map[string]string{
		"name":        "Name, unique in the tenant.",
		"template_id": "The template's id, `tenant/name`.",
		"strategy": "How the system disk was created from the version's image: " +
			attribute.StrategyNames() + ".",
		"power_state": "`running`, or `stopped` in any other state of the guest; see `status`.",
		"request_id": "Id of the request that created the instance, or reimaged it last, as in " +
			"`novacron_provisioning_requests`.",
	} {
		all[name] = schema.StringAttribute{Computed: true, MarkdownDescription: says}
	}
	all["autostart"] = schema.BoolAttribute{
		Computed: true, MarkdownDescription: "Whether the instance starts with its host.",
	}
	all["deletion_protection"] = schema.BoolAttribute{
		Computed: true, MarkdownDescription: "Whether the instance refuses to be destroyed or replaced.",
	}
	return all
}

// Show takes over an instance as its host has it. effective are its parameters.
func Show(i kind.Instance, on string, newer types.String) (f Found, effective types.Dynamic) {
	m := Instance{Labels: types.MapNull(types.StringType)}
	m.FromInstance(i, on)
	return Found{
		ID:                 m.ID,
		Name:               m.Name,
		Tenant:             m.Tenant,
		Description:        m.Description,
		TemplateID:         m.TemplateID,
		ResolvedVersion:    m.ResolvedVersion,
		UpdateAvailable:    newer,
		ImageDigest:        m.ImageDigest,
		Strategy:           m.Strategy,
		Labels:             m.Labels,
		PowerState:         m.PowerState,
		Autostart:          m.Autostart,
		DeletionProtection: m.DeletionProtection,
		DomainName:         m.DomainName,
		Host:               m.Host,
		PlacedOn:           m.PlacedOn,
		Status:             m.Status,
		Health:             m.Health,
		ExitCode:           m.ExitCode,
		Restarts:           m.Restarts,
		IPAddresses:        m.IPAddresses,
		IPAddress:          m.IPAddress,
		MACAddresses:       m.MACAddresses,
		RequestID:          attribute.OptionalString(i.Facts.Provision.Request),
	}, m.EffectiveParameters
}
