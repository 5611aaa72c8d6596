package model

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/boolvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
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
	Group   types.String `tfsdk:"group"`
	Apart   types.String `tfsdk:"apart"`
	Strict  types.Bool   `tfsdk:"strict"`
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
		Group: p.Group.ValueString(), Apart: p.Apart.ValueString(), Strict: p.Strict.ValueBool(),
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

// What a change of placement does that excludes the instance's host: see on_host_change. Replace is the
// same as for a change of the version.
const (
	Move  = "move"
	Live  = "live"
	Error = "error"
)

// onHostChangeAttribute is the schema of on_host_change. It has no default, which every state would have to
// get.
func onHostChangeAttribute() schema.Attribute {
	return schema.StringAttribute{
		Optional: true, Validators: []validator.String{stringvalidator.OneOf(Move, Live, Replace, Error)},
		MarkdownDescription: "What a change of `placement` does that excludes the instance's host, and what a plan " +
			"does once that host is in maintenance by a `novacron_host`. Default: `move`.\n" +
			"  - `move` shuts the guest down, copies the instance to a host that is allowed and has room, and starts " +
			"it there. It keeps its UUID, MAC addresses and disks. The plan announces it, and refuses it for an " +
			"instance that runs with `allow_restart = false`, and for one that cannot be moved. Copying takes as " +
			"long as the disks are large: see `timeouts`.\n" +
			"  - `live` is `move` while the guest runs: the hosts send each other its memory and disks. It needs " +
			"`peer` of the host that it goes to: see the guide [Several hosts](../guides/hosts). The plan refuses it " +
			"for a guest that cannot be moved so, with the reason. A guest that is off, or is to be, is moved as by " +
			"`move`.\n" +
			"  - `replace` creates another instance. All disks are lost.\n" +
			"  - `error` refuses the change while planning. An instance on a lost host is not replaced then.",
	}
}

// OnHost is on_host_change, with its default.
func (m *Instance) OnHost() string { return cmp.Or(m.OnHostChange.ValueString(), Move) }

// Moves reports whether the instance is to be moved, in either way.
func (m *Instance) Moves() bool { return m.OnHost() == Move || m.OnHost() == Live }

// placementAttribute is the schema of placement.
func placementAttribute() schema.Attribute {
	some, group := stringvalidator.LengthAtLeast(1), path.MatchRelative().AtParent().AtName("group")
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Which of the provider's `hosts` may have the instance. Default: all of them. The " +
			"create takes the best one that has what the instance needs and room for it.\n" +
			"  - A host counts everything that is defined there, running or not, including what novacron did " +
			"not define.\n" +
			"  - An instance stays on its host as long as that is allowed. What a change of `placement` that " +
			"excludes it does is up to `on_host_change`, and so is what happens once its host is in maintenance.\n" +
			"  - An instance that was moved by other means is found on its new host, and the plan is empty if that " +
			"host is allowed. If it is not, because of such a move or because the labels of the host have changed, " +
			"the plan only warns.",
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
			"group": schema.StringAttribute{
				Optional: true, Validators: []validator.String{face.Valid(naming.ValidateGroup)},
				MarkdownDescription: "Keeps the instance apart from the other instances of the tenant that have the " +
					"same `group`. A new instance goes to a host that has the fewest of them, before `policy` " +
					"counts. A change is made in place.",
			},
			"apart": schema.StringAttribute{
				Optional: true,
				Validators: []validator.String{
					stringvalidator.LengthBetween(1, 255), stringvalidator.AlsoRequires(group),
				},
				MarkdownDescription: "What the group is kept apart by: `host`, or the key of a label of the " +
					"provider's `hosts`, such as `zone`. All instances of a group should say the same. Default: " +
					"`host`.",
			},
			"strict": schema.BoolAttribute{
				Optional: true, Validators: []validator.Bool{boolvalidator.AlsoRequires(group)},
				MarkdownDescription: "Whether the instance must be apart from all other instances of the group that " +
					"are `strict`, too. Then the plan or the apply fails rather than bring two of them together, " +
					"whatever runs at the same time, and a host without the label takes none. Otherwise they are " +
					"kept apart as far as there are hosts. Default: `false`.",
			},
		},
	}
}
