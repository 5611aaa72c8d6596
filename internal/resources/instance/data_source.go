package instance

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource is the data source novacron_instance.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource { return &DataSource{face.NewDataSource("instance")} }

// single is what the data source shows.
type single struct {
	model.Found
	EffectiveParameters types.Dynamic `tfsdk:"effective_parameters"`
}

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	all := model.FoundAttributes()
	all["id"] = schema.StringAttribute{
		Optional: true, Computed: true,
		Validators: []validator.String{
			stringvalidator.ExactlyOneOf(path.MatchRoot("id"), path.MatchRoot("name")),
		},
		MarkdownDescription: "The instance's UUID. Either this or `name`.",
	}
	all["name"] = schema.StringAttribute{
		Optional: true, Computed: true, Validators: []validator.String{face.Valid(naming.ValidateInstanceName)},
		MarkdownDescription: "The instance's name. Either this or `id`.",
	}
	all["effective_parameters"] = attribute.Computed(model.Facts())["effective_parameters"]
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads an instance of the provider's tenant as its host has it, including " +
			"instances of other configurations.",
		Attributes: all,
	}
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m single
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("id"), &m.ID)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("name"), &m.Name)...)
	resp.Diagnostics.Append(d.Require("reading an instance")...)
	if resp.Diagnostics.HasError() {
		return
	}
	tenant := d.Library.Tenant()
	at, asked := path.Root("name"), m.Name.ValueString()
	var i kind.Instance
	var on *fleet.Member
	var err error
	if m.ID.IsNull() {
		i, on, err = d.Fleet.Find(ctx, tenant, asked)
	} else {
		at, asked = path.Root("id"), m.ID.ValueString()
		i, on, err = d.Fleet.Own(ctx, asked)
	}
	if errors.Is(err, provision.ErrNotFound) {
		resp.Diagnostics.AddAttributeError(at, "Instance not found",
			finding.Sentence(fmt.Errorf("%s instance %q of the tenant %s. If the same configuration creates the "+
				"instance, refer to it by novacron_instance.NAME.id", d.Fleet.None(), asked, tenant)))
		return
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read instance", err)
		return
	}
	m.Found, m.EffectiveParameters = model.Show(i, on.Name, newerOf(ctx, d.Session, i))
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
