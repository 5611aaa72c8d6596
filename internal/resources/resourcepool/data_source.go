package resourcepool

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource shows what a tenant can take of a resource pool: the data source novacron_resource_pool.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource { return &DataSource{face.NewDataSource("resource_pool")} }

// view is a resource pool as the data source shows it.
type view struct {
	Name        types.String        `tfsdk:"name"`
	Description types.String        `tfsdk:"description"`
	Policy      types.String        `tfsdk:"policy"`
	Limits      types.Object        `tfsdk:"limits"`
	Used        types.Object        `tfsdk:"used"`
	Available   types.Object        `tfsdk:"available"`
	Hosts       map[string]hostView `tfsdk:"hosts"`
}

// hostView is a host of a resource pool.
type hostView struct {
	VCPUs   *allotment   `tfsdk:"vcpus"`
	Memory  *allotment   `tfsdk:"memory_mb"`
	Refusal types.String `tfsdk:"refusal"`
}

// allotment is how much of something a host may give to domains, and how much it has given.
type allotment struct {
	Capacity types.Int64 `tfsdk:"capacity"`
	Allotted types.Int64 `tfsdk:"allotted"`
}

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	number := func(says string) schema.Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: says}
	}
	figures := func(says, each string) schema.Attribute {
		all := map[string]schema.Attribute{
			"vcpus":     number("vCPUs" + each),
			"memory_mb": number("Memory in MiB" + each),
			"disk_gb":   number("Disks in GiB" + each),
			"instances": number("Number of instances" + each),
		}
		return schema.SingleNestedAttribute{Computed: true, MarkdownDescription: says, Attributes: all}
	}
	allotted := func(of string) schema.Attribute {
		return schema.SingleNestedAttribute{
			Computed: true, MarkdownDescription: of + " of the host. Null if it could not be asked.",
			Attributes: map[string]schema.Attribute{
				"capacity": number("What its domains may have together, by `overcommit` and `reserved` of the " +
					"provider's `hosts`."),
				"allotted": number("What they have, running or not, including those that novacron did not define."),
			},
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Shows a resource pool as the provider's tenant can use it: its quota, what its " +
			"instances take of that, and which hosts have room. See the guide [Several hosts](../guides/hosts).",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required: true, Validators: []validator.String{face.Valid(naming.ValidateResourcePool)},
				MarkdownDescription: "The pool's name. The tenant needs a quota in it.",
			},
			"description": schema.StringAttribute{Computed: true, MarkdownDescription: "What the pool is for."},
			"policy": schema.StringAttribute{
				Computed: true, MarkdownDescription: "How a host is chosen: `spread` or `pack`.",
			},
			"limits":    figures("The quota of the tenant.", ". Null for no limit."),
			"used":      figures("What the tenant's instances in the pool take, running or not.", "."),
			"available": figures("What is left of the quota. A host needs room, too.", ". Null for no limit."),
			"hosts": schema.MapNestedAttribute{
				Computed: true,
				MarkdownDescription: "The pool's hosts by name, with those that the pool names and the provider does " +
					"not have.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"vcpus": allotted("vCPUs"), "memory_mb": allotted("Memory in MiB"),
					"refusal": schema.StringAttribute{
						Computed: true,
						MarkdownDescription: "Why no instance can be created there now: it has no room for the " +
							"smallest one, its `novacron_host` says that it takes none, it does not answer, or the " +
							"provider does not have it. Null if one can.",
					},
				}},
			},
		},
	}
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var name types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("name"), &name)...)
	resp.Diagnostics.Append(d.Require("reading a resource pool")...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !d.Fleet.Named() {
		resp.Diagnostics.AddError("No hosts to choose from", "The provider's configuration names no hosts, so it has "+
			"no resource pools: configure hosts.")
		return
	}
	pool, err := d.Fleet.Pool(ctx, name.ValueString())
	if none, is := errors.AsType[*catalog.NoQuotaError](err); is {
		resp.Diagnostics.AddAttributeError(path.Root("name"), "Resource pool not found", finding.Sentence(none))
		return
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read resource pool", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, show(pool))...)
}

func show(p fleet.Pool) view {
	v := view{
		Name:        types.StringValue(p.Name),
		Description: attribute.OptionalString(p.Description),
		Policy:      policyOf(p.ResourcePool),
		Limits:      quotaObject(p.Quota),
		Used: quotaObject(catalog.Quota{
			VCPUs: &p.Used.VCPUs, MemoryMB: &p.Used.MemoryMB, DiskGB: &p.Used.DiskGB, Instances: &p.Used.Instances,
		}),
		Available: quotaObject(p.Quota.Left(p.Used)),
		Hosts:     map[string]hostView{},
	}
	for _, h := range p.Hosts {
		has := hostView{Refusal: attribute.OptionalString(h.Refusal)}
		if h.Room != nil {
			has.VCPUs, has.Memory = allottedOf(h.Room.VCPUs), allottedOf(h.Room.MemoryMB)
		}
		v.Hosts[h.Name] = has
	}
	return v
}

func allottedOf(f provision.Figure) *allotment {
	return &allotment{Capacity: types.Int64Value(f.Capacity), Allotted: types.Int64Value(f.Allotted)}
}
