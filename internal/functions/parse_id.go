package functions

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// parseID implements the function parse_id.
type parseID struct{}

func newParseID() function.Function { return parseID{} }

var partTypes = map[string]attr.Type{
	"tenant": types.StringType, "name": types.StringType, "version": types.StringType, "template_id": types.StringType,
}

// parts holds the parts of an id.
type parts struct {
	Tenant     string       `tfsdk:"tenant"`
	Name       string       `tfsdk:"name"`
	Version    types.String `tfsdk:"version"`
	TemplateID string       `tfsdk:"template_id"`
}

// Metadata implements function.Function.
func (parseID) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "parse_id"
}

// Definition implements function.Function.
func (parseID) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Splits the id of a template or a version",
		MarkdownDescription: "Splits the id of a template (`tenant/name`) or of a version " +
			"(`tenant/name@1.0.0`) into an object of `tenant`, `name`, `version` (`null` for a template) and " +
			"`template_id` (`tenant/name`).",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "id", MarkdownDescription: "The id of a template or a version."},
		},
		Return: function.ObjectReturn{AttributeTypes: partTypes},
	}
}

// Run implements function.Function.
func (parseID) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var id string
	if resp.Error = req.Arguments.Get(ctx, &id); resp.Error != nil {
		return
	}
	var template catalog.TemplateID
	var err error
	version := types.StringNull()
	if strings.Contains(id, "@") {
		var v catalog.VersionID
		v, err = catalog.ParseVersionID(id)
		template, version = v.Template, types.StringValue(v.Version)
	} else if template, err = catalog.ParseTemplateID(id); err != nil {
		err = fmt.Errorf("%q is not an id: write a template's as tenant/name, and a version's as tenant/name@1.0.0", id)
	}
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, said(err))
		return
	}
	resp.Error = resp.Result.Set(ctx, parts{template.Tenant, template.Name, version, template.String()})
}
