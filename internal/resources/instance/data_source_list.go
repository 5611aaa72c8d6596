package instance

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

var (
	_ datasource.DataSource              = (*ListDataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*ListDataSource)(nil)
)

// ListDataSource is the data source novacron_instances.
type ListDataSource struct{ face.DataSource }

// NewListDataSource creates the data source.
func NewListDataSource() datasource.DataSource {
	return &ListDataSource{face.NewDataSource("instances")}
}

// list is a list of instances, with the filter that chose them.
type list struct {
	TemplateID types.String  `tfsdk:"template_id"`
	Version    types.String  `tfsdk:"version"`
	Status     types.String  `tfsdk:"status"`
	Labels     types.Map     `tfsdk:"labels"`
	Instances  []model.Found `tfsdk:"instances"`
}

// Schema implements datasource.DataSource.
func (d *ListDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	elements := model.FoundAttributes()
	elements["ip_addresses"] = schema.ListAttribute{Computed: true, ElementType: types.StringType,
		MarkdownDescription: "Addresses of the guest, IPv4 first, in the order of its interfaces: from the " +
			"leases of the networks' DHCP servers, otherwise the configured static addresses. Only the data " +
			"source `novacron_instance` asks guests themselves."}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the instances of the provider's tenant on its host by name, including " +
			"those of other configurations.",
		Attributes: map[string]schema.Attribute{
			"template_id": schema.StringAttribute{Optional: true,
				Validators: []validator.String{
					face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err }),
				},
				MarkdownDescription: "Only instances of this template, `tenant/name`."},
			"version": schema.StringAttribute{Optional: true,
				Validators: []validator.String{
					face.Valid(func(s string) error { _, err := catalog.ParseConstraint(s); return err }),
				},
				MarkdownDescription: "Only instances made from these versions: an exact one or a constraint, such as " +
					"`1.1.0` or `< 2.0`."},
			"status": schema.StringAttribute{Optional: true,
				Validators: []validator.String{stringvalidator.OneOf(provision.Statuses()...)},
				MarkdownDescription: "Only instances of this status: `" + strings.Join(provision.Statuses(),
					"`, `") + "`."},
			"labels": schema.MapAttribute{Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Only instances that have all of these labels, with these values."},
			"instances": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The instances, by name.",
				NestedObject: schema.NestedAttributeObject{Attributes: elements},
			},
		},
	}
}

// Read implements datasource.DataSource.
func (d *ListDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m list
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(d.Require("listing instances")...)
	if resp.Diagnostics.HasError() {
		return
	}
	filter := provision.InstanceFilter{
		Template: m.TemplateID.ValueString(), Status: m.Status.ValueString(), Labels: attribute.Labels(m.Labels),
	}
	var err error
	if !m.Version.IsNull() {
		filter.Version, err = catalog.ParseConstraint(m.Version.ValueString())
	}
	var instances []fleet.Placed
	var overlooked []string
	if err == nil {
		instances, overlooked, err = d.Fleet.Instances(ctx, filter)
	}
	if err != nil && d.KeepSilent && host.Unanswered(err) {
		face.AddWarning(&resp.Diagnostics, finding.Finding{Summary: "Host does not answer", Detail: "The list lacks " +
			"the instances of hosts that do not answer. " + finding.Sentence(err)})
		err = nil
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not list instances", err)
		return
	}
	for _, text := range overlooked {
		resp.Diagnostics.AddWarning("Domain was skipped", text)
	}
	m.Instances = make([]model.Found, len(instances))
	for n, i := range instances {
		m.Instances[n], _ = model.Show(i.Instance, i.On.Name, newerOf(ctx, d.Session, i.Instance))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
