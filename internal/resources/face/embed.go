package face

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resource is what all resources have in common: the name, and the session from the provider. Embed
// it.
type Resource struct {
	*Session
	name string
}

// NewResource returns a resource with a name without the provider's prefix, such as "template".
func NewResource(name string) Resource { return Resource{name: name} }

// Metadata implements resource.Resource.
func (r *Resource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.name
}

// Configure implements resource.ResourceWithConfigure.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	s, diags := handedOver(req.ProviderData)
	resp.Diagnostics.Append(diags...)
	r.Session = s
}

// DataSource is Resource for data sources.
type DataSource struct {
	*Session
	name string
}

// NewDataSource returns a data source with a name without the provider's prefix, such as
// "templates".
func NewDataSource(name string) DataSource { return DataSource{name: name} }

// Metadata implements datasource.DataSource.
func (d *DataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + d.name
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *DataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	s, diags := handedOver(req.ProviderData)
	resp.Diagnostics.Append(diags...)
	d.Session = s
}
