package model

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// placementModel is placement as Terraform has it.
type placementModel struct {
	Hosts   types.Set    `tfsdk:"hosts"`
	Require types.Map    `tfsdk:"require"`
	Policy  types.String `tfsdk:"policy"`
}

// Where reads a placement and the resource pool. known is false if a part of it is not known yet.
func (m *Instance) Where(ctx context.Context) (w fleet.Where, known bool) {
	w.Pool = m.ResourcePool.ValueString()
	if m.ResourcePool.IsUnknown() || m.Placement.IsNull() || m.Placement.IsUnknown() {
		return w, m.Placement.IsNull() && !m.ResourcePool.IsUnknown()
	}
	p, ok := as[placementModel](ctx, m.Placement)
	if !ok || !attribute.Known(ctx, m.Placement) {
		return w, false
	}
	return fleet.Where{
		Hosts: attribute.Strings(p.Hosts.Elements()), Require: attribute.Labels(p.Require),
		Policy: catalog.PlacementPolicy(p.Policy.ValueString()), Pool: w.Pool,
	}, true
}

// resourcePoolAttribute is the schema of resource_pool.
func resourcePoolAttribute() schema.Attribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Validators: []validator.String{face.Valid(naming.ValidateResourcePool)},
		MarkdownDescription: "The `novacron_resource_pool` that the instance counts against. It may only be on the " +
			"hosts of that pool, as far as `placement` allows them. Default: `resource_pool` of the provider, or " +
			"else null.\n  - Plans and applies fail if the tenant's quota is too small. A plan counts all that it " +
			"creates and grows.\n  - A change is made in place. The instance's host has to be in the new pool.",
	}
}

// placementAttribute is the schema of placement.
func placementAttribute() schema.Attribute {
	some := stringvalidator.LengthAtLeast(1)
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Which of the provider's `hosts` may have the instance. Default: all of them. The " +
			"create takes the best one that has what the instance needs and room for it.\n" +
			"  - A host counts everything that is defined there, running or not, whoever defined it.\n" +
			"  - An instance stays on its host, and a change that excludes that host is an error while planning: " +
			"nothing moves instances. One that was moved by other means is found on its new host, and the plan is " +
			"empty if that host is allowed.",
		Attributes: map[string]schema.Attribute{
			"hosts": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				Validators:          []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(some)},
				MarkdownDescription: "Names of hosts. Default: all.",
			},
			"require": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				Validators:          []validator.Map{mapvalidator.SizeAtLeast(1), mapvalidator.KeysAre(some)},
				MarkdownDescription: "Labels that the host must have, with these values, such as `{ zone = \"a\" }`.",
			},
			"policy": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.OneOf(catalog.PlacementPolicies()...)},
				MarkdownDescription: "`spread` takes the host that has the largest share of its memory and vCPUs " +
					"left, and `pack` the one that has the smallest share left that is enough. Default: `spread`.",
			},
		},
	}
}
