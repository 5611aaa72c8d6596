package host

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// Schema implements resource.Resource.
func (r *Resource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "What the administrator of the catalog says of one of the provider's `hosts`, to all " +
			"configurations that share the catalog: whether it takes new instances, is to be emptied, or is lost. A " +
			"host without this resource is active, and so is one whose resource was destroyed. With PostgreSQL, the " +
			"provider needs `admin_dsn` of `catalog.postgres`. See the guide [Several hosts](../guides/hosts).",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
				MarkdownDescription: "The host's name.",
			},
			"name": schema.StringAttribute{
				Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:          []validator.String{face.Valid(naming.ValidateHost)},
				MarkdownDescription: "The host's name among the provider's `hosts`. A change replaces the resource.",
			},
			"state": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(string(catalog.HostActive)),
				Validators: []validator.String{stringvalidator.OneOf(catalog.HostStates()...)},
				MarkdownDescription: "What the host is for. Default: `active`.\n" +
					"  - `active`: it has instances and takes more.\n" +
					"  - `draining`: it takes no new instance, and none moves there. What is there stays, and can be " +
					"changed.\n" +
					"  - `maintenance`: as `draining`, and the next plan of each configuration moves the instances " +
					"that it has there to other hosts, by their `on_host_change`. Nothing moves without an apply.\n" +
					"  - `lost`: a person's word that the machine is off for good. It must not answer. Nothing asks " +
					"it any more, and the next plan of each configuration replaces the instances that it has there. " +
					"The data of their disks is lost. The home of the catalog cannot be lost. Another state is only " +
					"possible once the host answers again.",
			},
			"description": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Why, such as `new disks until Friday`. Plans of all tenants show it.",
			},
		},
	}
}
