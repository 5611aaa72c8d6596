// Package provisioningrequests has the data source novacron_provisioning_requests.
package provisioningrequests

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
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

// DataSource lists requests for instances: the data source novacron_provisioning_requests.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource {
	return &DataSource{face.NewDataSource("provisioning_requests")}
}

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	filter := func(says string, validators ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Validators: validators, MarkdownDescription: says}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the requests for instances of the provider's tenant and their results: " +
			"each create and each reimage, newest first. Records outlive their instances; the provider's " +
			"`request_retention` says for how long.\n\n" +
			"The provider writes a record when the work is over. If the work takes long, because it waits for a " +
			"guest, copies an image or replaces one, the provider also writes one before the first step. Mistakes " +
			"that Terraform refuses before there is anything to do, such as invalid parameters, are no requests. If " +
			"the catalog cannot be written, the instance is created anyway, and Terraform warns that there is no " +
			"record.\n\n" +
			"An apply that was killed appears as `failed`: at once on the machine that it ran on, elsewhere once " +
			"the time that its `timeouts` allow has passed. If it had no record yet, it appears once another apply " +
			"creates an instance of that name.",
		Attributes: map[string]schema.Attribute{
			"tenant": filter("Only requests of this tenant. Other tenants than the provider's own have none to "+
				"show. Default: the provider's tenant.",
				face.Valid(naming.ValidateTenant)),
			"template_id": filter("Only requests for instances of this template, `tenant/name`.",
				face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err })),
			"instance_name": filter("Only requests for instances of this name, whether they exist or not.",
				face.Valid(naming.ValidateInstanceName)),
			"status": filter("Only requests of this status: `pending`, `running`, `completed`, `failed` or "+
				"`cancelled`.",
				stringvalidator.OneOf(catalog.RequestStatuses()...)),
			"limit": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(1)},
				MarkdownDescription: "Maximum number of requests to list, newest first. Default: all."},
			"requests": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The requests, newest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: entryAttributes()},
			},
		},
	}
}

func entryAttributes() map[string]schema.Attribute {
	text := func(says string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: says}
	}
	number := func(says string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: says}
	}
	return map[string]schema.Attribute{
		"request_id":    text("Id of the request, as in `provisioning` of the instance."),
		"tenant":        text("The tenant that asked."),
		"action":        text("`create` or `reimage`."),
		"instance_name": text("Name of the instance."),
		"instance_id": text("UUID of the instance that existed at the end; null if none was created, or " +
			"while the work goes on."),
		"template_id":      text("The template's id, `tenant/name`."),
		"resolved_version": text("The version that the instance was to be made from."),
		"strategy":         text(attribute.StrategyNames() + "; null if the work ended before that was decided."),
		"uri":              text("libvirt URI of the host, without user names and options."),
		"requested_by":     text("Who asked."),
		"status":           text("`pending`, `running`, `completed`, `failed` or `cancelled`."),
		"error":            text("Why it failed or was cancelled; null if it was not."),
		"created_at":       text("When the instance was requested (RFC 3339, UTC)."),
		"started_at":       text("When the work began (RFC 3339, UTC); null if it has not begun."),
		"completed_at": text("When the work ended, in whatever way (RFC 3339, UTC); null if it has not ended, or " +
			"nothing saw its end."),
		"duration_seconds": number("How long the work took, in whole seconds; null without `completed_at`."),
		"steps": schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: "The steps, in order; if one failed, it is the last. Empty until " +
				"the work is over.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name": text("Name of the step."), "duration_ms": number("How long it took, in milliseconds."),
			}},
		},
	}
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(d.Require("listing provisioning requests")...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.Requests = []entry{}
	if m.Tenant.IsNull() || m.Tenant.ValueString() == d.Library.Tenant() {
		requests, err := d.Library.Requests.List(ctx, m.filter())
		if err != nil {
			face.AddError(&resp.Diagnostics, "Could not read requests", err)
			return
		}
		for _, r := range requests {
			m.Requests = append(m.Requests, fromRequest(r))
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
