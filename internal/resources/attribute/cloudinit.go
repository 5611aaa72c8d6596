package attribute

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
)

var cloudInitTypes = map[string]attr.Type{"user_data": types.StringType}

// CloudInitAttribute is the schema of cloud_init.
func CloudInitAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"user_data": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "A cloud-config (its first line is `#cloud-config`), written as a [Go " +
					"template](https://pkg.go.dev/text/template) over the parameters: `{{ .http_port }}`. " +
					"Functions: `quote` (a quoted YAML text), `json`, `shell` (a quoted shell word), `indent N` (for " +
					"blocks), `join SEPARATOR`, `default OTHER`. With `quote` or `json`, values are always data and " +
					"cannot inject configuration.",
			},
		},
	}
}

// CloudInit reads a cloud_init.
func CloudInit(o types.Object) (*cloudinit.Config, bool) {
	return object(o, func(r reader) *cloudinit.Config {
		text := r.string("user_data")
		if text == nil {
			return nil
		}
		return &cloudinit.Config{UserData: *text}
	})
}

// CloudInitObject writes a cloud_init.
func CloudInitObject(c *cloudinit.Config) types.Object {
	if c == nil {
		return types.ObjectNull(cloudInitTypes)
	}
	return types.ObjectValueMust(cloudInitTypes, map[string]attr.Value{"user_data": types.StringValue(c.UserData)})
}
