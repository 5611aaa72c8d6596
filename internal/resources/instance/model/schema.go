package model

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/profile"
)

// Power states that a user asks for.
const (
	Running = "running"
	Stopped = "stopped"
)

// What another version means: see on_version_change.
const (
	Replace = "replace"
	Reimage = "reimage"
)

// schemaVersion is the version of the schema, and so of states. 1 added on_version_change and
// update_available.
const schemaVersion = 1

// hotplug is what devices of running guests have in common.
const hotplug = " A running guest is asked to let go of what is taken out, and one that does not is an error. It is restarted only where it " +
	"has no PCI slot left for a new device, which the plan announces. Machines of PCI Express start with four spare ones."

// Schema is the schema of the resource.
func Schema(ctx context.Context) schema.Schema {
	return schema.Schema{
		Version: schemaVersion,
		MarkdownDescription: "A virtual machine made from a template version. The version is resolved once, when the instance is made or its " +
			"`version` changes; newer ones move nothing by themselves. Parameters work at first boot, so a change of their values replaces " +
			"the instance. A create that fails leaves nothing behind; one that only fails to become ready is kept for you to look into, " +
			"and replaced by the next apply.",
		Attributes: attributes(),
		Blocks: map[string]schema.Block{"timeouts": timeouts.Block(ctx, timeouts.Opts{
			Create: true, CreateDescription: "How long making the instance may take, with its becoming ready, such as `90s` or `10m`. Default: `10m`.",
			Update: true, UpdateDescription: "How long a change may take, with a restart and with becoming ready again. " +
				"A guest that does not shut down in half of it is switched off. Default: `10m`.",
			Delete: true, DeleteDescription: "How long the guest may take to shut down before it is switched off. " +
				"It has to be applied before the destroy that it shall work on. Default: `5m`.",
		})},
	}
}

func attributes() map[string]schema.Attribute {
	all := settings()
	maps.Copy(all, Facts())
	return all
}

// settings are the attributes that a user sets.
func settings() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators: []validator.String{face.Valid(catalog.ValidateInstanceName)},
			MarkdownDescription: "Name, unique in the tenant: a DNS label. It is the guest's host name unless a parameter says otherwise. A " +
				"change replaces the instance.",
		},
		"description": schema.StringAttribute{Optional: true, MarkdownDescription: "What the instance is for."},
		"template_id": schema.StringAttribute{
			Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators:          []validator.String{face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err })},
			MarkdownDescription: "The template's id, `tenant/name`. A change replaces the instance.",
		},
		"version": schema.StringAttribute{
			Optional:   true,
			Validators: []validator.String{face.Valid(func(s string) error { _, err := catalog.ParseConstraint(s); return err })},
			MarkdownDescription: "Exact version or constraint, such as `1.1.0` or `~> 1.0`. Default: the newest active release. It is resolved once, and then " +
				"the instance stays with that version. A change resolves it again; where that means another version, `on_version_change` " +
				"says what becomes of the instance.",
		},
		"strategy": schema.StringAttribute{
			Optional: true, Computed: true,
			Validators: []validator.String{stringvalidator.OneOf(catalog.Strategies()...)},
			MarkdownDescription: "How the system disk comes from the version's image: `linked_clone` (instant, shares it) or `clone` (a copy of " +
				"its own). A change replaces the instance. Default: the template's `default_strategy`.",
		},
		"parameters": schema.DynamicAttribute{
			Optional: true,
			MarkdownDescription: "Values of the template's parameters, as an object or a map: `{ hostname = \"web-1\" }`. A change of the effective " +
				"values replaces the instance. They are kept in the state: secrets belong in `parameters_wo`.",
		},
		"parameters_wo": schema.DynamicAttribute{
			Optional: true, WriteOnly: true,
			MarkdownDescription: "Values of parameters that are secrets, in the form of `parameters`. They are in neither the plan nor the state, " +
				"nor in `effective_parameters`, and leave the host with the cloud-init seed once cloud-init is done, so `wait_for` must " +
				"contain `cloud_init`. A change is seen by `parameters_wo_version` only.",
		},
		"parameters_wo_version": schema.Int64Attribute{
			Optional: true, MarkdownDescription: "Number of the values of `parameters_wo`: change it when they change, which replaces the instance.",
		},
		"customization": customizationAttribute(),
		"hardware_profile": profile.HardwareAttribute("Overrides the version's shape of the machine, field by field. Sockets, cores and memory " +
			"change in place; a running guest is restarted for it, which the plan announces. Any other change replaces the instance."),
		"network_profile": profile.NetworkAttribute("Overrides the version's network interfaces, interface by interface and field by field. " +
			"Interfaces come and go, and get another network, bridge, tag, filter or type, in place, also while the guest runs. What the " +
			"guest makes of it is its own: it was told of its interfaces at its first boot, so it has to bring up a new one, and to renew its " +
			"lease on another network, by itself. For the same reason a change of `ip_configuration` or `mac_address`, and a new interface " +
			"with a static address or DNS servers, replaces the instance. A new interface comes after those that are there." + hotplug),
		"storage_profile": profile.StorageAttribute("Overrides the version's disks, disk by disk and field by field. Disks grow in place, also " +
			"while the guest runs; they never shrink. Data disks come and go in place, also while the guest runs: **one that is taken out is " +
			"deleted with its data**, of which the plan warns; unmount it in the guest first. A new one comes after those that are there. Another `type`, " +
			"`storage_tier` or `is_boot` of a disk that is there, and any change of the system disk but its size, replaces the instance." + hotplug),
		"labels": schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Labels, for people and filters."},
		"power_state": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(Running),
			Validators:          []validator.String{stringvalidator.OneOf(Running, Stopped)},
			MarkdownDescription: "`running` or `stopped`. A guest that was stopped or paused otherwise is brought back. Default: `running`.",
		},
		"autostart": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether the instance starts with its host. Default: `false`.",
		},
		"wait_for": schema.SetAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			Default:    setdefault.StaticValue(types.SetValueMust(types.StringType, []attr.Value{types.StringValue(provision.WaitIP)})),
			Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(provision.Conditions()...))},
			MarkdownDescription: "What to wait for after a start: `ip` (an address is known that the guest has got since; of an interface with a static " +
				"one, that the guest's agent tells it or the guest sends from there), `agent` (the guest agent answers), `cloud_init` " +
				"(cloud-init is done; needs the agent). A first boot also waits for the guest's report, on its serial console, of what the template's " +
				"`cloud_init` and `customization` gave it to do, and what failed there is an error. `no_report` leaves the report out, as in `[\"ip\", \"no_report\"]`: for " +
				"images that cannot report, such as Windows with cloudbase-init, FreeBSD, whose serial port is not `/dev/ttyS0`, and those whose " +
				"own lists of cloud-init's modules run no scripts per boot. `[]` waits for nothing. With either, nothing is " +
				"told of what failed. Default: `[\"ip\"]`.",
		},
		"on_version_change": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(Replace),
			Validators: []validator.String{stringvalidator.OneOf(Replace, Reimage)},
			MarkdownDescription: "What another version means. `replace`: another instance. `reimage`: the same one with a new system disk, made " +
				"from that version. It keeps its UUID, MAC addresses and other disks; all that is on the old system disk is lost, and what works at " +
				"first boot (`parameters`, `customization`, host keys) works again, also with values that change in the same apply. Default: `replace`.",
		},
		"allow_restart": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether a change that needs a restart of a running guest may restart it. Where `false`, such a change is an error " +
				"while planning. Default: `true`.",
		},
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Refuse to destroy or replace the instance while `true`. Default: `false`.",
		},
	}
}

// Facts are the attributes that the host tells. Which of them a change leaves alone is decided by ModifyPlan.
func Facts() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id":               schema.StringAttribute{Computed: true, MarkdownDescription: "The instance's UUID, which is its domain's."},
		"tenant":           schema.StringAttribute{Computed: true, MarkdownDescription: "The tenant that the instance belongs to."},
		"domain_name":      schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the libvirt domain: the instance's name in the tenant `default`, else `TENANT.NAME`."},
		"host":             schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the host that runs the instance."},
		"resolved_version": schema.StringAttribute{Computed: true, MarkdownDescription: "The version that the instance was made from."},
		"update_available": schema.StringAttribute{Computed: true, MarkdownDescription: "The template's newest active release, where that is newer than " +
			"`resolved_version`, whatever `version` allows; else null."},
		"image_digest": schema.StringAttribute{Computed: true, MarkdownDescription: "`sha256:…` of the image that the instance was made from."},
		"effective_parameters": schema.DynamicAttribute{
			Computed: true, Sensitive: true, // Terraform knows which of the values in parameters are sensitive, and does not say
			MarkdownDescription: "The parameters in force, defaults filled in, each in its type, as an object. Parameters that the template declares as " +
				"sensitive and those of `parameters_wo` are left out. The values in `parameters` may be sensitive in your configuration, which a provider is " +
				"not told, so Terraform shows none of these; to print one that is no secret, use `nonsensitive`.",
		},
		"ip_addresses": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Addresses of the guest, IPv4 " +
			"first, in the order of its interfaces: from the DHCP server's leases, else static ones as they are configured, else from the guest agent."},
		"ip_address":    schema.StringAttribute{Computed: true, MarkdownDescription: "The first of `ip_addresses`; null while there is none."},
		"mac_addresses": schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Ethernet addresses by the names of the interfaces."},
		"status": schema.StringAttribute{Computed: true, MarkdownDescription: "What the guest does as the host sees it: `running`, `shutoff`, " +
			"`paused`, `crashed`, …"},
		"provisioning": schema.SingleNestedAttribute{
			Computed:            true,
			MarkdownDescription: "How the instance was made. Null after an import.",
			Attributes: map[string]schema.Attribute{
				"request_id":       schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the request, as in `novacron_provisioning_requests`."},
				"status":           schema.StringAttribute{Computed: true, MarkdownDescription: "`running`, `completed` or `failed`."},
				"requested_by":     schema.StringAttribute{Computed: true, MarkdownDescription: "Who asked for the instance."},
				"created_at":       schema.StringAttribute{Computed: true, MarkdownDescription: "When it was asked for (RFC 3339, UTC)."},
				"started_at":       schema.StringAttribute{Computed: true, MarkdownDescription: "When the work began (RFC 3339, UTC)."},
				"completed_at":     schema.StringAttribute{Computed: true, MarkdownDescription: "When the work ended (RFC 3339, UTC)."},
				"duration_seconds": schema.Int64Attribute{Computed: true, MarkdownDescription: "How long the work took, in whole seconds; `steps` tell more exactly."},
				"error":            schema.StringAttribute{Computed: true, MarkdownDescription: "Why it failed; null where it did not."},
				"steps": schema.ListNestedAttribute{
					Computed:            true,
					MarkdownDescription: "The steps, in order.",
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"name":        schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the step."},
						"duration_ms": schema.Int64Attribute{Computed: true, MarkdownDescription: "How long it took, in milliseconds."},
					}},
				},
			},
		},
	}
}
