package functions

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

// versionMatches implements the function version_matches.
type versionMatches struct{}

func newVersionMatches() function.Function { return versionMatches{} }

// Metadata implements function.Function.
func (versionMatches) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "version_matches"
}

// Definition implements function.Function.
func (versionMatches) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Tells whether a constraint allows a version",
		MarkdownDescription: "Tells whether a version constraint allows a version, by the rules of `version` of " +
			"`novacron_instance`.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name: "version", MarkdownDescription: "A semantic version, such as `1.2.3` or `2.0.0-rc.1`.",
			},
			constraintParameter,
		},
		Return: function.BoolReturn{},
	}
}

// Run implements function.Function.
func (versionMatches) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var version, constraint string
	if resp.Error = req.Arguments.Get(ctx, &version, &constraint); resp.Error != nil {
		return
	}
	allowed, err := newest(0, []string{version}, constraint)
	if err != nil {
		resp.Error = err
		return
	}
	resp.Error = resp.Result.Set(ctx, allowed != "")
}
