// Package cataloginfo has the data source novacron_catalog.
package cataloginfo

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource shows the catalog of a library: the data source novacron_catalog.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource { return &DataSource{face.NewDataSource("catalog")} }

type model struct {
	Kind           types.String `tfsdk:"kind"`
	Enforcement    types.String `tfsdk:"enforcement"`
	Tenant         types.String `tfsdk:"tenant"`
	User           types.String `tfsdk:"user"`
	TemplateCount  types.Int64  `tfsdk:"template_count"`
	VersionCount   types.Int64  `tfsdk:"version_count"`
	ImageCount     types.Int64  `tfsdk:"image_count"`
	ImageBytes     types.Int64  `tfsdk:"image_bytes"`
	Pool           types.String `tfsdk:"pool"`
	CapacityBytes  types.Int64  `tfsdk:"capacity_bytes"`
	AvailableBytes types.Int64  `tfsdk:"available_bytes"`

	StoredImageCount types.Int64 `tfsdk:"stored_image_count"`
	StoredImageBytes types.Int64 `tfsdk:"stored_image_bytes"`
	UnusedImageCount types.Int64 `tfsdk:"unused_image_count"`
	UnusedImageBytes types.Int64 `tfsdk:"unused_image_bytes"`
	StrayVolumes     types.List  `tfsdk:"stray_volumes"`
	VolumeCount      types.Int64 `tfsdk:"volume_count"`
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
		MarkdownDescription: "Shows where the library's catalog is, who enforces its rules, what the " +
			"provider's tenant has in it, and how much of the pool its images take. Of other tenants, it counts " +
			"nothing but the images that the pool holds.",
		Attributes: map[string]schema.Attribute{
			"kind": text("Where the catalog is: `pool` for documents in the storage pool, `postgres` for a database."),
			"enforcement": text("Who enforces tenants, owners and access control. `advisory`: this provider " +
				"alone, which only guards against mistakes. `server`: the catalog's server. Neither says anything " +
				"about the host: see the guide *Who enforces what*."),
			"tenant":         text("The tenant that the provider works for."),
			"user":           text("The user that the provider works for."),
			"template_count": number("How many templates the tenant has."),
			"version_count":  number("How many versions these have."),
			"image_count":    number("How many images these versions use. Versions of the same image share it."),
			"image_bytes": number("Size of the files of these images, in bytes. Others may use some of " +
				"them as well."),
			"pool":            text("The storage pool of images and, unless configured otherwise, of disks."),
			"capacity_bytes":  number("Size of the pool, in bytes."),
			"available_bytes": number("Free space in the pool, in bytes."),
			"stored_image_count": number("How many images the pool holds, of all tenants and catalogs that share " +
				"it, including those that are being sent or are unused."),
			"stored_image_bytes": number("Space that these take up in the pool, in bytes. Holes take up none."),
			"unused_image_count": number("How many of them neither a version nor the disk of an instance " +
				"needs. An image normally goes with its last version. It stays if a disk needed it then, or a run " +
				"was interrupted. The provider removes it once it has been unused for an hour, when it next " +
				"registers or removes something."),
			"unused_image_bytes": number("Space that these take up in the pool, in bytes."),
			"stray_volumes": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Volumes in the pool that have the name of an image (`nova.base.…`) or of a " +
					"part of a warm snapshot (`nova.warm.…`), but that no document in the catalog mentions " +
					"and no process has written to for an hour. An " +
					"interrupted run may have left them. The provider never removes them: another tenant, " +
					"whose documents you cannot see, may be about to use one. Remove a volume with `virsh " +
					"vol-delete` once you are sure that no tenant needs it."},
			"volume_count": number("How many volumes of any kind the pool has, as far as the host shows " +
				"them: images, documents, disks and others. libvirt lists no more than 16384."),
		},
	}
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	resp.Diagnostics.Append(d.Require("reading the catalog")...)
	if resp.Diagnostics.HasError() {
		return
	}
	l := d.Library
	c, err := l.Summary(ctx)
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read catalog", err)
		return
	}
	for _, u := range c.Pool.Undescribed {
		resp.Diagnostics.AddWarning("Volume is not counted", "The host lists a volume but cannot describe it, "+
			"so it is not among the images: "+u+".")
	}
	strays, diags := types.ListValueFrom(ctx, types.StringType, append([]string{}, c.Pool.Strays...))
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, model{
		Kind:             types.StringValue(c.Kind),
		Enforcement:      types.StringValue(c.Enforcement),
		Tenant:           types.StringValue(l.Tenant()),
		User:             types.StringValue(l.User()),
		TemplateCount:    types.Int64Value(int64(c.Templates)),
		VersionCount:     types.Int64Value(int64(c.Versions)),
		ImageCount:       types.Int64Value(int64(c.Images)),
		ImageBytes:       types.Int64Value(c.ImageBytes),
		Pool:             types.StringValue(l.Pool()),
		CapacityBytes:    types.Int64Value(int64(c.Pool.Capacity)),
		AvailableBytes:   types.Int64Value(int64(c.Pool.Available)),
		StoredImageCount: types.Int64Value(int64(c.Pool.Images)),
		StoredImageBytes: types.Int64Value(c.Pool.ImageBytes),
		UnusedImageCount: types.Int64Value(int64(c.Pool.Unused)),
		UnusedImageBytes: types.Int64Value(c.Pool.UnusedBytes),
		StrayVolumes:     strays,
		VolumeCount:      types.Int64Value(int64(c.Pool.Volumes)),
	})...)
}
