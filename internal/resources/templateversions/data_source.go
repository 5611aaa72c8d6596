// Package templateversions has the data source novacron_template_versions.
package templateversions

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	resource "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource lists the versions of a template: the data source novacron_template_versions.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource {
	return &DataSource{face.NewDataSource("template_versions")}
}

// model is the history of one template.
type model struct {
	TemplateID types.String `tfsdk:"template_id"`
	Versions   []entry      `tfsdk:"versions"`
}

// entry is one version in a history.
type entry struct {
	ID                 types.String `tfsdk:"id"`
	Version            types.String `tfsdk:"version"`
	Description        types.String `tfsdk:"description"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	attribute.Lifecycle
	Digest           types.String `tfsdk:"digest"`
	Format           types.String `tfsdk:"format"`
	VirtualSizeBytes types.Int64  `tfsdk:"virtual_size_bytes"`
	StoredSizeBytes  types.Int64  `tfsdk:"stored_size_bytes"`
	OCIDigest        types.String `tfsdk:"oci_digest"`
	Architecture     types.String `tfsdk:"architecture"`
	ParentVersion    types.String `tfsdk:"parent_version"`
	Warm             types.Object `tfsdk:"warm"`
	CreatedAt        types.String `tfsdk:"created_at"`
	CreatedBy        types.String `tfsdk:"created_by"`
	InstanceCount    types.Int64  `tfsdk:"instance_count"`
}

func fromVersion(v catalog.Version, instances int) entry {
	e := entry{
		ID: types.StringValue(v.ID.String()), Version: types.StringValue(v.ID.Version),
		Description: attribute.OptionalString(v.Description), DeletionProtection: types.BoolValue(v.DeletionProtection),
		Digest: types.StringValue(v.Digest), Format: types.StringValue(v.Format),
		VirtualSizeBytes: types.Int64Value(v.VirtualSize), StoredSizeBytes: types.Int64Value(v.StoredSize),
		ParentVersion: attribute.OptionalString(v.Parent), Warm: attribute.WarmObject(v.Warm),
		CreatedAt: types.StringValue(v.CreatedAt.Format(time.RFC3339)), CreatedBy: types.StringValue(v.CreatedBy),
		InstanceCount: types.Int64Value(int64(instances)),
	}
	e.Lifecycle.Refresh(v.Lifecycle)
	var root attribute.RootImage
	root.Refresh(v.Root)
	e.OCIDigest, e.Architecture = root.OCIDigest, root.Architecture
	return e
}

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(says string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: says}
	}
	number := func(says string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: says}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The history of a template: all its versions that the provider's user may see, " +
			"and how many instances were created from each.",
		Attributes: map[string]schema.Attribute{
			"template_id": schema.StringAttribute{
				Required: true,
				Validators: []validator.String{
					face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err }),
				},
				MarkdownDescription: "The template's id, `tenant/name`.",
			},
			"versions": schema.ListNestedAttribute{
				Computed: true,
				MarkdownDescription: "The versions, newest first by the rules of semantic versions; empty for a " +
					"template that has none yet.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":          text("The version's id, `tenant/name@1.1.0`."),
					"version":     text("Semantic version."),
					"description": text("What is new, or null."),
					"deletion_protection": schema.BoolAttribute{
						Computed: true, MarkdownDescription: "Whether the version refuses to be destroyed or replaced.",
					},
					"state":               text("`draft`, `active`, `deprecated` or `archived`."),
					"deprecation_message": text("Why the version is deprecated or archived, or null."),
					"published_at": text("When the version first became active (RFC 3339, UTC); null if " +
						"it never was."),
					"digest":             text("Identifies the image; see `novacron_template_version`."),
					"format":             text("Format of the stored image: `qcow2` or `raw`."),
					"virtual_size_bytes": number("Size of the disk that a guest sees, in bytes."),
					"stored_size_bytes": number("Size of the stored image, in bytes. Versions of the same " +
						"image share it."),
					"oci_digest": text("Digest of the manifest of the OCI image that was registered; null for the " +
						"disk of a virtual machine, and for an image that came without a manifest."),
					"architecture":   text("Processors that a container's image is for: `amd64` or `arm64`, or null."),
					"parent_version": text("The version that the image was compared with, or null."),
					"warm":           warm(),
					"created_at":     text("When the version was registered (RFC 3339, UTC)."),
					"created_by":     text("The user who registered the version."),
					"instance_count": number("How many instances on the provider's host were created from the " +
						"version, by any strategy. For a template of the provider's tenant, this counts instances of " +
						"all tenants, otherwise only those of the provider's tenant. While any of them needs the " +
						"version's image, the version cannot be destroyed."),
				}},
			},
		},
	}
}

func warm() schema.Attribute {
	all := attribute.Computed(map[string]resource.Attribute{"warm": attribute.WarmAttribute()})
	a, _ := all["warm"].(schema.SingleNestedAttribute)
	a.MarkdownDescription = "The warm snapshot that the version asks for, or null. Whether it has one is in " +
		"`warm_snapshot` of `novacron_template_version`."
	return a
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("template_id"), &m.TemplateID)...)
	resp.Diagnostics.Append(d.Require("reading the versions of a template")...)
	if resp.Diagnostics.HasError() {
		return
	}
	id, err := catalog.ParseTemplateID(m.TemplateID.ValueString())
	if err == nil {
		m.Versions, err = d.history(ctx, id)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		resp.Diagnostics.AddAttributeError(path.Root("template_id"), "Template not found", d.Library.Missing(id))
		return
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read versions", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (d *DataSource) history(ctx context.Context, id catalog.TemplateID) ([]entry, error) {
	versions, err := d.Library.Versions(ctx, id)
	if err != nil {
		return nil, err
	}
	counts, err := d.Library.InstanceCounts(ctx, id)
	if err != nil {
		return nil, err
	}
	history := make([]entry, len(versions))
	for i, v := range versions {
		history[i] = fromVersion(v, counts[v.ID.Version])
	}
	return history, nil
}
