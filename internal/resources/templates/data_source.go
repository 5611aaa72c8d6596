// Package templates has the data source novacron_templates.
package templates

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/template"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource searches for templates: the data source novacron_templates.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource { return &DataSource{face.NewDataSource("templates")} }

// model is a search and its results.
type model struct {
	Type       types.String     `tfsdk:"type"`
	State      types.String     `tfsdk:"state"`
	Labels     types.Map        `tfsdk:"labels"`
	Text       types.String     `tfsdk:"text"`
	Visibility types.String     `tfsdk:"visibility"`
	Owner      types.String     `tfsdk:"owner"`
	Templates  []template.Model `tfsdk:"templates"`
}

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	filter := func(says string, valid ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Validators: valid, MarkdownDescription: says}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the templates that the provider's user may read: the tenant's own, " +
			"those that are shared with the tenant, and public ones. Templates have to match all given attributes; " +
			"without any, all templates are listed.",
		Attributes: map[string]schema.Attribute{
			"type": filter("What instances are: `vm` or `container`.", stringvalidator.OneOf(catalog.Types()...)),
			"state": filter("`draft`, `active`, `deprecated` or `archived`.",
				stringvalidator.OneOf(catalog.States()...)),
			"labels": schema.MapAttribute{
				Optional: true, ElementType: types.StringType, Validators: []validator.Map{mapvalidator.NoNullValues()},
				MarkdownDescription: "Labels that a template must have, all of them, with these values.",
			},
			"text": filter("Text in a template's name, display name or description, ignoring case."),
			"visibility": filter("How the templates are visible: `own` (those of the provider's tenant), "+
				"`shared` (those of other tenants that name the tenant in their access_control) or `public` (those "+
				"with is_public, including the tenant's own).",
				stringvalidator.OneOf(catalog.Visibilities()...)),
			"owner": filter("The user who registered the templates.", stringvalidator.LengthAtLeast(1)),
			"templates": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The templates, ordered by id. They have the attributes of `novacron_template`.",
				NestedObject:        schema.NestedAttributeObject{Attributes: template.ComputedAttributes()},
			},
		},
	}
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(d.Require("listing templates")...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := d.Library.Search(ctx, catalog.Filter{
		Type:       m.Type.ValueString(),
		State:      catalog.State(m.State.ValueString()),
		Labels:     attribute.Labels(m.Labels),
		Text:       m.Text.ValueString(),
		Visibility: catalog.Visibility(m.Visibility.ValueString()),
		Owner:      m.Owner.ValueString(),
	})
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read templates", err)
		return
	}
	m.Templates = make([]template.Model, len(found))
	for i, t := range found {
		m.Templates[i] = template.Of(t, d.Library.Enforcement())
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
