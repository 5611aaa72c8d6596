package template

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Schema implements resource.Resource.
func (r *Resource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A template: a name, the shape of a machine, and the parameters that its users " +
			"may set. Its images are `novacron_template_version` resources. Changing a template affects its future " +
			"versions; existing ones keep what was in force when they were registered.",
		Attributes: attributes(),
	}
}

func attributes() map[string]schema.Attribute {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	all := map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed: true, PlanModifiers: keep, MarkdownDescription: "The template's id, `tenant/name`.",
		},
		"name": schema.StringAttribute{
			Required: true, PlanModifiers: replace,
			Validators: []validator.String{face.Valid(naming.ValidateTemplateName)},
			MarkdownDescription: "Name, unique in the tenant: lower-case letters, digits, dots, underscores and " +
				"hyphens, starting with a letter or digit, at most 63 characters. A change replaces the template.",
		},
		"display_name": schema.StringAttribute{Optional: true, MarkdownDescription: "Name for people."},
		"description":  schema.StringAttribute{Optional: true, MarkdownDescription: "What the template is for."},
		"type": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(catalog.TypeVM), PlanModifiers: replace,
			Validators: []validator.String{stringvalidator.OneOf(catalog.Types()...)},
			MarkdownDescription: "Kind of the instances: `vm`, or `container` for containers that the host's LXC " +
				"driver runs. A change replaces the template. Default: `vm`.",
		},
		"labels": schema.MapAttribute{
			Optional: true, ElementType: types.StringType, MarkdownDescription: "Labels, for people and filters.",
		},
		"default_strategy": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(strategy.Default().Name())),
			Validators: []validator.String{stringvalidator.OneOf(strategy.Names()...)},
			MarkdownDescription: fmt.Sprintf("How instances get their system disk from the version's image "+
				"unless they say otherwise: %s. Default: `%s`.", attribute.Strategies(), strategy.Default().Name()),
		},
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether the provider refuses to destroy or replace the template. Default: `false`.",
		},
		"is_public": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether every tenant may read and use the template and its versions. " +
				"Default: `false`.",
		},
		"access_control": attribute.AccessAttribute(),
		"enforcement": schema.StringAttribute{
			Computed: true, PlanModifiers: keep,
			MarkdownDescription: "Who enforces tenancy, state and `access_control`. `advisory`: this provider " +
				"alone, which guards against mistakes but not against users who can write to the pool by other " +
				"means. `server`: the server that holds the catalog.",
		},
		"hardware_profile": attribute.HardwareAttribute("Shape of the instances. Versions and instances may " +
			"override it."),
		"network_profile": attribute.NetworkAttribute("Network interfaces. Versions and instances may override them."),
		"storage_profile": attribute.StorageAttribute("Disks. Versions and instances may override them."),
		"parameters": attribute.ParametersAttribute("Parameters that an instance may or must set, by name: " +
			"lower-case letters, digits and underscores, starting with a letter."),
		"cloud_init": attribute.CloudInitAttribute("What guests get at first boot. Versions may override it; " +
			"instances add to it by `customization`. Containers have it only with `container.init = \"system\"`."),
		"container": attribute.ContainerAttribute("How containers run the image. Versions may override it as a " +
			"whole, and instances field by field. Not allowed for virtual machines."),
		"tenant": schema.StringAttribute{
			Computed: true, PlanModifiers: keep, MarkdownDescription: "The tenant that the template belongs to.",
		},
		"owner": schema.StringAttribute{
			Computed: true, PlanModifiers: keep, MarkdownDescription: "The user who registered the template.",
		},
		"created_at": schema.StringAttribute{
			Computed: true, PlanModifiers: keep,
			MarkdownDescription: "When the template was registered (RFC 3339, UTC).",
		},
		"updated_at": schema.StringAttribute{
			Computed: true, MarkdownDescription: "When the template was last changed (RFC 3339, UTC).",
		},
	}
	maps.Copy(all, attribute.LifecycleAttributes("template"))
	return all
}
