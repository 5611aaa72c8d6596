package templateversion

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource finds one version of a template: the data source novacron_template_version.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource {
	return &DataSource{face.NewDataSource("template_version")}
}

// dataModel is a version constraint and the version that it resolves to.
type dataModel struct {
	Facts
	Constraint types.String `tfsdk:"constraint"`
}

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	all := attribute.Computed(attributes(), "source", "verify")
	all["template_id"] = schema.StringAttribute{
		Required: true,
		Validators: []validator.String{
			face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err }),
		},
		MarkdownDescription: "The template's id, `tenant/name`.",
	}
	all["constraint"] = schema.StringAttribute{
		Optional: true,
		Validators: []validator.String{
			face.Valid(func(s string) error { _, err := catalog.ParseConstraint(s); return err }),
		},
		MarkdownDescription: "Exact version or constraint, such as `1.1.0`, `~> 1.0` or `>= 1.0, < 2.0`. Default: " +
			"the newest active release.",
	}
	all["version"] = schema.StringAttribute{Computed: true, MarkdownDescription: "The version that was found."}
	for _, name := range []string{"hardware_profile", "network_profile", "storage_profile", "parameters", "container"} {
		all[name] = frozen(all[name])
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Finds the newest active version of a template that a constraint allows, or " +
			"else the newest deprecated one. It finds drafts and archived versions only if the constraint names " +
			"them exactly.",
		Attributes: all,
	}
}

// frozen returns the schema of a profile with the data source's description.
func frozen(a schema.Attribute) schema.Attribute {
	const text = "In force for the version: its own, or the template's when the version was registered."
	switch a := a.(type) {
	case schema.SingleNestedAttribute:
		a.MarkdownDescription = text
		return a
	case schema.MapNestedAttribute:
		a.MarkdownDescription = text
		return a
	}
	return a
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m dataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(d.Require("reading a template version")...)
	if resp.Diagnostics.HasError() {
		return
	}
	id, err := catalog.ParseTemplateID(m.TemplateID.ValueString())
	if err == nil {
		err = d.find(ctx, id, &m, &resp.Diagnostics)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		resp.Diagnostics.AddAttributeError(path.Root("template_id"), "Template not found", d.Library.Missing(id))
		return
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read version", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (d *DataSource) find(
	ctx context.Context, id catalog.TemplateID, m *dataModel, diags *diag.Diagnostics,
) error {
	versions, err := d.Library.Versions(ctx, id)
	if err != nil {
		return err
	}
	newest, err := library.Pick(id, versions, nil, m.Constraint.ValueString())
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.ID.Version == newest {
			location, err := d.Library.Images.Location(ctx, v)
			m.fromVersion(v, v.Spec, location)
			m.WarmSnapshot = readSnapshot(ctx, d.Session, v, types.ObjectNull(snapshotTypes), diags)
			return err
		}
	}
	return nil
}
