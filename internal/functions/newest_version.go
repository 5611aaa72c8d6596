package functions

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// newestVersion implements the function newest_version.
type newestVersion struct{}

func newNewestVersion() function.Function { return newestVersion{} }

// Metadata implements function.Function.
func (newestVersion) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "newest_version"
}

// Definition implements function.Function.
func (newestVersion) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Picks the newest version that a constraint allows",
		MarkdownDescription: "Picks the newest of several versions that a version constraint allows, by the rules of " +
			"`version` of `novacron_instance`. The result is `null` if it allows none of them.",
		Parameters: []function.Parameter{
			function.ListParameter{Name: "versions", ElementType: types.StringType,
				MarkdownDescription: "Semantic versions, in any order, such as " +
					"`[for v in data.novacron_template_versions.x.versions : v.version]`."},
			constraintParameter,
		},
		Return: function.StringReturn{},
	}
}

// Run implements function.Function.
func (newestVersion) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var elements []types.String
	var constraint string
	if resp.Error = req.Arguments.Get(ctx, &elements, &constraint); resp.Error != nil {
		return
	}
	versions := make([]string, len(elements))
	for i, element := range elements {
		if element.IsNull() {
			resp.Error = function.NewArgumentFuncError(0, "A version is null: leave it out of the list")
			return
		}
		versions[i] = element.ValueString()
	}
	found, err := newest(0, versions, constraint)
	if err != nil {
		resp.Error = err
		return
	}
	result := types.StringNull()
	if found != "" {
		result = types.StringValue(found)
	}
	resp.Error = resp.Result.Set(ctx, result)
}
