package resourcepool

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// Schema implements resource.Resource.
func (r *Resource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A resource pool: some of the provider's `hosts`, and how much of them each tenant may " +
			"take. Instances use it by `resource_pool`, and while there are any, it cannot be destroyed. It belongs " +
			"to the administrator of the catalog: with PostgreSQL, the provider needs `admin_dsn` of " +
			"`catalog.postgres`. See the guide [Several hosts](../guides/hosts).",
		Attributes: attributes(),
	}
}

func attributes() map[string]schema.Attribute {
	figure := func(says string) schema.Attribute {
		return schema.Int64Attribute{
			Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
			MarkdownDescription: says + " Default: no limit.",
		}
	}
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			MarkdownDescription: "The pool's name, which is known once the pool exists.",
		},
		"name": schema.StringAttribute{
			Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators: []validator.String{face.Valid(naming.ValidateResourcePool)},
			MarkdownDescription: "Name, unique in the catalog: lower-case letters, digits, underscores and hyphens, " +
				"starting with a letter or digit, at most 63 characters. A change replaces the pool.",
		},
		"description": schema.StringAttribute{Optional: true, MarkdownDescription: "What the pool is for."},
		"hosts": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "The hosts of the pool, by their names in the provider's `hosts`. Either this or " +
				"`match`.",
		},
		"match": schema.MapAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Labels of hosts, such as `{ zone = \"a\" }`: the pool has the hosts that have all " +
				"of them. Either this or `hosts`.",
		},
		"policy": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(catalog.Spread)),
			Validators: []validator.String{stringvalidator.OneOf(catalog.PlacementPolicies()...)},
			MarkdownDescription: "How a host is chosen for an instance whose `placement` has no `policy`: `spread` " +
				"takes the host that has the largest share of its memory and vCPUs left, and `pack` the one that has " +
				"the smallest share left that is enough. Default: `spread`.",
		},
		"tenants": schema.MapNestedAttribute{
			Optional: true,
			MarkdownDescription: "What each tenant may take of the pool, by the tenant's name. Any other tenant may " +
				"not use it, and does not learn that it exists.\n" +
				"  - Instances count whether they run or not, with what their configuration gives them.\n" +
				"  - A quota may be reduced below what its tenant takes. What is there stays, and can shrink.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"vcpus":     figure("vCPUs."),
				"memory_mb": figure("Memory in MiB."),
				"disk_gb": figure("Disks in GiB, by the sizes that guests see. Those of an instance are rounded up " +
					"together."),
				"instances": figure("Number of instances."),
			}},
		},
	}
}
