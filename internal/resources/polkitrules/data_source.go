// Package polkitrules has the data source novacron_polkit_rules.
package polkitrules

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/polkit"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource renders rules for polkit: the data source novacron_polkit_rules.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource { return &DataSource{face.NewDataSource("polkit_rules")} }

type model struct {
	Users       types.Set    `tfsdk:"users"`
	Groups      types.Set    `tfsdk:"groups"`
	Tenant      types.String `tfsdk:"tenant"`
	Pools       types.Set    `tfsdk:"pools"`
	ReadTenants types.Set    `tfsdk:"read_tenants"`
	MayPublish  types.Bool   `tfsdk:"may_publish"`
	MayRun      types.Bool   `tfsdk:"may_run_containers"`
	FileName    types.String `tfsdk:"file_name"`
	Content     types.String `tfsdk:"content"`
}

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	names := func(says string, each validator.String, more ...validator.Set) schema.SetAttribute {
		return schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: says,
			Validators: append(more, setvalidator.ValueStringsAre(each))}
	}
	some := stringvalidator.LengthAtLeast(1)
	resp.Schema = schema.Schema{
		MarkdownDescription: "Renders rules for polkit that let users of a host do what novacron needs for " +
			"one tenant, through a libvirt that asks polkit (`access_drivers = [ \"polkit\" ]` in libvirtd.conf). " +
			"These users can neither see nor touch objects with another tenant's names. The rules work for " +
			"connections over the host's own socket, and so for `qemu+ssh`; libvirt then refuses all others. " +
			"Rendering asks nothing of the host.\n\n**Limits:** such rules compare names. A tenant that may define a " +
			"domain can give it any file of the host as a disk, and one that may create a volume can lay it over any " +
			"other. A hostile tenant still reaches everything on the host, so tenants that do not trust each other " +
			"need hosts of their own. See the guide *Who enforces what*.\n\nPut each user into the rules of one " +
			"tenant only: if several rules match a user, polkit follows the first.",
		Attributes: map[string]schema.Attribute{
			"users": names("Users of the host who work for the tenant. Set at least one of this and `groups`.", some,
				setvalidator.AtLeastOneOf(path.MatchRoot("users"), path.MatchRoot("groups")),
				setvalidator.SizeAtLeast(1)),
			"groups": names("Groups of the host whose members work for the tenant.", some, setvalidator.SizeAtLeast(1)),
			"tenant": schema.StringAttribute{Optional: true, Computed: true,
				Validators:          []validator.String{face.Valid(naming.ValidateTenant)},
				MarkdownDescription: "The tenant that these users work for. Default: the provider's."},
			"pools": schema.SetAttribute{Optional: true, Computed: true, ElementType: types.StringType,
				Validators: []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(some)},
				MarkdownDescription: "The storage pools of the library and of disks. They must exist, because these " +
					"users cannot create any. Default: those of the provider, `pool` and `storage_tiers`."},
			"read_tenants": names("Tenants whose templates and versions these users may also read, for "+
				"templates that are shared or public. This opens everything that these tenants have in the "+
				"library, shared or not. Default: none.", face.Valid(naming.ValidateTenant)),
			"may_publish": schema.BoolAttribute{Optional: true,
				MarkdownDescription: "Whether these users may also register, change and remove templates and " +
					"versions. All tenants share the images of versions, so a user who may publish can change " +
					"or delete any image. Default: `false`."},
			"may_run_containers": schema.BoolAttribute{Optional: true,
				MarkdownDescription: "Whether these users may also run containers. **A user who may define a " +
					"container can mount any directory of the host into it, as the host's root**, and no rule can " +
					"see that: such a user has the host. Without it, they only see whether a container has a name " +
					"of their tenant. Default: `false`."},
			"file_name": schema.StringAttribute{Computed: true, MarkdownDescription: "Name for the file in " +
				"`/etc/polkit-1/rules.d`."},
			"content": schema.StringAttribute{
				Computed: true, MarkdownDescription: "The rules, in polkit's JavaScript.",
			},
		},
	}
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(d.Require("rendering rules for polkit")...)
	if resp.Diagnostics.HasError() {
		return
	}
	if m.Tenant.IsNull() {
		m.Tenant = types.StringValue(d.Library.Tenant())
	}
	if m.Pools.IsNull() {
		pools, diags := types.SetValueFrom(ctx, types.StringType, d.Fleet.Home().Homes())
		resp.Diagnostics.Append(diags...)
		m.Pools = pools
	}
	rules := polkit.Rules{
		Users:       attribute.Strings(m.Users.Elements()),
		Groups:      attribute.Strings(m.Groups.Elements()),
		Tenant:      m.Tenant.ValueString(),
		Pools:       attribute.Strings(m.Pools.Elements()),
		ReadTenants: attribute.Strings(m.ReadTenants.Elements()),
		Publish:     m.MayPublish.ValueBool(),
		Containers:  m.MayRun.ValueBool(),
	}
	content, err := rules.Render()
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not render rules", err)
		return
	}
	m.FileName, m.Content = types.StringValue(rules.FileName()), types.StringValue(content)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
