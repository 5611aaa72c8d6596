package template

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource reads one template: the data source novacron_template.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource { return &DataSource{face.NewDataSource("template")} }

// ComputedAttributes returns the attributes of the resource as data sources show them: computed.
func ComputedAttributes() map[string]schema.Attribute { return attribute.Computed(attributes()) }

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	all := ComputedAttributes()
	all["id"] = schema.StringAttribute{
		Optional: true, Computed: true,
		Validators: []validator.String{
			face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err }),
			stringvalidator.ExactlyOneOf(path.MatchRoot("id"), path.MatchRoot("name")),
		},
		MarkdownDescription: "The template's id, `tenant/name`. Either this or `name`.",
	}
	all["name"] = schema.StringAttribute{
		Optional: true, Computed: true, Validators: []validator.String{face.Valid(naming.ValidateTemplateName)},
		MarkdownDescription: "The template's name, in the provider's tenant. Either this or `id`.",
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads a template that the provider's user may read: the tenant's own, one that is " +
			"shared with the tenant, or a public one.",
		Attributes: all,
	}
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m Model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(d.Require("reading a template")...)
	if resp.Diagnostics.HasError() {
		return
	}
	at, id := path.Root("id"), catalog.TemplateID{Tenant: d.Library.Tenant(), Name: m.Name.ValueString()}
	var err error
	if m.ID.IsNull() {
		at = path.Root("name")
	} else {
		id, err = catalog.ParseTemplateID(m.ID.ValueString())
	}
	var t catalog.Template
	if err == nil {
		t, err = d.Library.Template(ctx, id)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		resp.Diagnostics.AddAttributeError(at, "Template not found", d.Library.Missing(id))
		return
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read template", err)
		return
	}
	m.fromTemplate(t, d.Library.Enforcement())
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
