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
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Power states that a user can ask for.
const (
	Running = "running"
	Stopped = "stopped"
)

// What a change of the version does: see on_version_change.
const (
	Replace = "replace"
	Reimage = "reimage"
)

// schemaVersion is the version of the schema, and so of states. 1 added on_version_change and
// update_available, and 2 added on_no_warm.
const schemaVersion = 2

// hotplug is what devices of running guests have in common.
const hotplug = "\n" +
	"  - A running guest is asked to release a removed device; if it does not, the change fails. The guest restarts " +
	"only if it has no PCI slot left for a new device, which the plan announces. Machines with PCI " +
	"Express start with four spare slots."

// Schema is the schema of the resource.
func Schema(ctx context.Context) schema.Schema {
	return schema.Schema{
		Version: schemaVersion,
		MarkdownDescription: "A virtual machine or a container created from a template version. The provider " +
			"resolves the version once, when it creates the instance or when `version` changes; newer versions " +
			"change nothing by themselves. Parameters take effect at a machine's first boot, so changing their " +
			"values replaces the instance; a container learns them at each start, so it is restarted once. A " +
			"create that fails leaves nothing behind. If only the wait for the guest fails, the instance is kept so " +
			"that you can look into it, and the next apply replaces it.",
		Attributes: attributes(),
		Blocks: map[string]schema.Block{"timeouts": timeouts.Block(ctx, timeouts.Opts{
			Create: true, CreateDescription: "How long creating the instance may take, including a warm snapshot " +
				"that it has to make, and the wait until it is ready, such as `90s` or `10m`. Default: `10m`.",
			Update: true, UpdateDescription: "How long a change may take, including a restart and the wait until " +
				"the instance is ready again. A guest that does not shut down within half of that time is switched " +
				"off. Default: `10m`.",
			Delete: true, DeleteDescription: "How long the guest may take to shut down before it is switched " +
				"off. Apply a change of this value before you destroy the instance. Default: `5m`.",
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
			Validators: []validator.String{face.Valid(naming.ValidateInstanceName)},
			MarkdownDescription: "Name, unique in the tenant: a DNS label. It is the guest's host name unless a " +
				"parameter sets another one. A change replaces the instance.",
		},
		"description": schema.StringAttribute{Optional: true, MarkdownDescription: "What the instance is for."},
		"template_id": schema.StringAttribute{
			Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators: []validator.String{
				face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err }),
			},
			MarkdownDescription: "The template's id, `tenant/name`. A change replaces the instance.",
		},
		"version": schema.StringAttribute{
			Optional: true,
			Validators: []validator.String{
				face.Valid(func(s string) error { _, err := catalog.ParseConstraint(s); return err }),
			},
			MarkdownDescription: "Exact version or constraint, such as `1.1.0` or `~> 1.0`. The provider resolves " +
				"it once, and the instance stays with the result. A change resolves it again; if the result is " +
				"another version, `on_version_change` says what happens to the instance. Default: the newest " +
				"active release.",
		},
		"strategy": schema.StringAttribute{
			Optional: true, Computed: true,
			Validators: []validator.String{stringvalidator.OneOf(strategy.Names()...)},
			MarkdownDescription: "How the system disk is created from the version's image: " +
				attribute.Strategies() + ". A change replaces the instance. Default: the template's " +
				"`default_strategy`.\n" +
				"  - `instantiate` needs a version with `warm`, and the hardware, interfaces and system disk of its " +
				"snapshot; more interfaces and disks are added, and the system disk may be larger. The first " +
				"instance makes a snapshot that is missing. The guide [Instantiating](../guides/instantiating) " +
				"compares the strategies. A container needs no snapshot: it begins with the image at each start, and " +
				"keeps what it writes in memory.",
		},
		"on_no_warm": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(kind.NoWarmBoot),
			Validators: []validator.String{stringvalidator.OneOf(kind.NoWarmBoot, kind.NoWarmFail)},
			MarkdownDescription: "What happens with the strategy `instantiate` if the guest cannot be resumed: the " +
				"version has no warm snapshot, it could not be made, or resuming fails. Default: `boot`.\n" +
				"  - `boot`: the guest boots from the version's image, like that of a linked clone, with a warning.\n" +
				"  - `fail`: there is no instance. Plans report what they can know.",
		},
		"parameters": schema.DynamicAttribute{
			Optional: true,
			MarkdownDescription: "Values of the template's parameters, as an object or a map: `{ hostname = " +
				"\"web-1\" }`. A change of the effective values replaces the instance, or restarts a container once, " +
				"which the plan announces. The state contains the " +
				"values, so use `parameters_wo` for secrets.",
		},
		"parameters_wo": schema.DynamicAttribute{
			Optional: true, WriteOnly: true,
			MarkdownDescription: "Values of secret parameters, in the form of `parameters`. Neither the plan, " +
				"the state nor `effective_parameters` contains them. Once cloud-init is done, they leave the host " +
				"with the cloud-init seed, so `wait_for` of a virtual machine must contain `cloud_init`. A container " +
				"reads them at each start, so they stay on the host in a volume that only root can read. Terraform " +
				"notices a change only by `parameters_wo_version`.",
		},
		"parameters_wo_version": schema.Int64Attribute{
			Optional: true, MarkdownDescription: "Number of the values of `parameters_wo`. Change it together with " +
				"the values; this replaces the instance, or restarts a container once.",
		},
		"customization": customizationAttribute(),
		"container": attribute.ContainerAttribute("Overrides the version's settings of a container, field by field, " +
			"and `env` and `tmpfs` key by key. Not allowed for virtual machines.\n  - A change is made in place, by " +
			"one restart of the container, which the plan announces. A change of `init` or `privileged` replaces the " +
			"instance."),
		"hardware_profile": attribute.HardwareAttribute("Overrides the version's shape of the machine, " +
			"field by field. Sockets, cores and memory change in place; a running guest restarts for that, which the " +
			"plan announces. Any other change replaces the instance."),
		"network_profile": attribute.NetworkAttribute("Overrides the version's network interfaces, interface by " +
			"interface and field by field.\n" +
			"  - Interfaces can be added, removed, and given another network, bridge, tag, filter or type in " +
			"place, in a machine even while the guest runs. A new interface comes after the existing ones.\n" +
			"  - The guest of a machine learned about its interfaces at its first boot. It has to bring up a new " +
			"one, and to renew its lease on another network, by itself.\n" +
			"  - For the same reason, a change of `ip_configuration` or `mac_address`, or a new interface " +
			"with a static address or DNS servers, replaces the instance.\n" +
			"  - A container learns about its interfaces at each start. Any of these changes restarts it once, which " +
			"the plan announces; only another `mac_address` of an interface replaces it." + hotplug),
		"storage_profile": attribute.StorageAttribute("Overrides the version's disks, disk by disk and " +
			"field by field.\n  - Disks grow in place, even while the guest runs. They never shrink.\n" +
			"  - Data disks can be added and removed in place, in a machine even while the guest runs. **A removed " +
			"disk is deleted with its data**, and the plan warns about it; unmount the disk in the guest first. A " +
			"new disk comes after the existing ones.\n" +
			"  - Another `type`, `storage_tier` or `is_boot` of an existing disk replaces the instance, and " +
			"so does any change of the system disk except its size.\n" +
			"  - A container grows its disks while it runs. It gets another `mount_path`, and new disks, by one " +
			"restart, which the plan announces." + hotplug),
		"labels": schema.MapAttribute{
			Optional: true, ElementType: types.StringType, MarkdownDescription: "Labels, for people and filters.",
		},
		"placement":      placementAttribute(),
		"on_host_change": onHostChangeAttribute(),
		"resource_pool":  resourcePoolAttribute(),
		"power_state": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(Running),
			Validators: []validator.String{stringvalidator.OneOf(Running, Stopped)},
			MarkdownDescription: "`running` or `stopped`. A guest that was stopped or paused by other means is " +
				"brought back to this state. Default: `running`.",
		},
		"autostart": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether the instance starts with its host. Default: `false`.",
		},
		"wait_for": schema.SetAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			Default: setdefault.StaticValue(types.SetValueMust(types.StringType,
				[]attr.Value{types.StringValue(kind.WaitIP)})),
			Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(kind.Conditions()...))},
			MarkdownDescription: "What to wait for after a start. Default: `[\"ip\"]`; for a container `healthy` if " +
				"it has a health check, and else `running`, although plans and states show `[\"ip\"]` then, too. " +
				"Written out, `[\"ip\"]` means only that. A first boot also waits for " +
				"the guest's report, on its serial console, about what the template's `cloud_init` and " +
				"`customization` gave it to do; a failure is an error.\n" +
				"  - `ip`: the guest has got an address since the start. A static address counts once the guest's " +
				"agent reports it, or the guest sends packets from its interface.\n" +
				"  - `agent`: the guest agent answers. Not for containers.\n" +
				"  - `cloud_init`: cloud-init is done. This needs the agent. Of containers, only those with `init = " +
				"\"system\"` have it.\n" +
				"  - `running`: the application of a container runs.\n" +
				"  - `healthy`: the health check of a container has succeeded.\n" +
				"  - `exited`: the application of a container has ended with the exit code 0, as a job does.\n" +
				"  - `no_report`: do not wait for the report, as in `[\"ip\", \"no_report\"]`. Use it for images " +
				"that cannot report: Windows with cloudbase-init, FreeBSD (whose serial port is not `/dev/ttyS0`), " +
				"and images whose own lists of cloud-init modules run no scripts per boot. Failures then go " +
				"unnoticed.\n  - `[]` waits for nothing, and failures go unnoticed as well.",
		},
		"on_version_change": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(Replace),
			Validators: []validator.String{stringvalidator.OneOf(Replace, Reimage)},
			MarkdownDescription: "What a change to another version does. Default: `replace`.\n" +
				"  - `replace` creates another instance.\n" +
				"  - `reimage` gives this instance a new system disk, made from that version. It keeps its UUID, " +
				"MAC addresses and other disks. Everything on the old system disk is lost. What takes effect at " +
				"first boot (`parameters`, `customization`, host keys) does so again, including values that change " +
				"in the same apply.",
		},
		"allow_restart": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether a change that needs a restart may restart a running guest. If `false`, " +
				"such a change is an error while planning. Default: `true`.",
		},
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether the provider refuses to destroy or replace the instance. Default: `false`.",
		},
	}
}

// Facts are the attributes that the host reports. ModifyPlan decides which of them a change leaves
// alone.
func Facts() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed: true, MarkdownDescription: "The instance's UUID, which is its domain's.",
		},
		"tenant": schema.StringAttribute{
			Computed: true, MarkdownDescription: "The tenant that the instance belongs to.",
		},
		"domain_name": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the libvirt domain: the " +
			"instance's name in the tenant `default`, otherwise `TENANT.NAME`."},
		"host": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the host that runs the instance."},
		"placed_on": schema.StringAttribute{Computed: true,
			MarkdownDescription: "The host that has the instance, by its name in the provider's `hosts`. Null if the " +
				"provider's configuration names no hosts. While planning a new instance, it is known only if " +
				"`placement` leaves one host."},
		"resolved_version": schema.StringAttribute{Computed: true,
			MarkdownDescription: "The version that the instance was created from."},
		"update_available": schema.StringAttribute{Computed: true,
			MarkdownDescription: "The template's newest active release if it is newer than `resolved_version`, " +
				"whatever `version` allows; otherwise null."},
		"image_digest": schema.StringAttribute{Computed: true,
			MarkdownDescription: "The `digest` of the version that the instance was created from."},
		"effective_parameters": schema.DynamicAttribute{
			// Terraform knows which of the values in parameters are sensitive, and does not tell
			// the provider
			Computed: true, Sensitive: true,
			MarkdownDescription: "The parameters in force as an object, with defaults filled in, each in its " +
				"type. It omits parameters that the template declares as sensitive, and those of `parameters_wo`. " +
				"Values in `parameters` may be sensitive in your configuration, and Terraform does not tell " +
				"providers, so it hides the whole object. To print a value that is not secret, use `nonsensitive`.",
		},
		"ip_addresses": schema.ListAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Addresses of the guest, IPv4 first, in the order of its interfaces. They " +
				"come from the DHCP server's leases, otherwise from the configured static addresses, otherwise " +
				"from the guest agent."},
		"ip_address": schema.StringAttribute{Computed: true,
			MarkdownDescription: "The first of `ip_addresses`, or null if there is none."},
		"mac_addresses": schema.MapAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Ethernet addresses by interface name."},
		"status": schema.StringAttribute{Computed: true,
			MarkdownDescription: "State of the guest as the host sees it: `running`, `shutoff`, `paused`, " +
				"`crashed`, …"},
		"health": schema.StringAttribute{Computed: true,
			MarkdownDescription: "What the health check of a container has shown: `starting`, `healthy` or " +
				"`unhealthy`. Null without a check, and for a virtual machine."},
		"exit_code": schema.Int64Attribute{Computed: true,
			MarkdownDescription: "Exit code of a container's application when it ended last. Null if it has not " +
				"ended since the container was started, and for a virtual machine."},
		"restarts": schema.Int64Attribute{Computed: true,
			MarkdownDescription: "How often a container's application was started again since the container was " +
				"started. Null for a virtual machine."},
		"provisioning": schema.SingleNestedAttribute{
			Computed:            true,
			MarkdownDescription: "How the instance was created. Null after an import.",
			Attributes: map[string]schema.Attribute{
				"request_id": schema.StringAttribute{
					Computed: true, MarkdownDescription: "Id of the request, as in `novacron_provisioning_requests`.",
				},
				"status": schema.StringAttribute{
					Computed: true, MarkdownDescription: "`running`, `completed` or `failed`.",
				},
				"requested_by": schema.StringAttribute{
					Computed: true, MarkdownDescription: "Who asked for the instance.",
				},
				"created_at": schema.StringAttribute{Computed: true,
					MarkdownDescription: "When the instance was requested (RFC 3339, UTC)."},
				"started_at": schema.StringAttribute{
					Computed: true, MarkdownDescription: "When the work began (RFC 3339, UTC).",
				},
				"completed_at": schema.StringAttribute{
					Computed: true, MarkdownDescription: "When the work ended (RFC 3339, UTC).",
				},
				"duration_seconds": schema.Int64Attribute{Computed: true,
					MarkdownDescription: "How long the work took, in whole seconds. The record in " +
						"`novacron_provisioning_requests` says how long each step took."},
				"error": schema.StringAttribute{Computed: true,
					MarkdownDescription: "Why it failed, or null if it did not."},
			},
		},
	}
}
