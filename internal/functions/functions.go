// Package functions implements the provider's functions, with which configurations evaluate
// versions and ids by the provider's own rules.
package functions

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// All returns constructors of all functions.
func All() []func() function.Function {
	return []func() function.Function{newVersionMatches, newNewestVersion, newParseID}
}

// constraintParameter is the definition of a parameter that takes a version constraint.
var constraintParameter = function.StringParameter{
	Name: "constraint",
	MarkdownDescription: "An exact version or a constraint, such as `1.2.0`, `~> 1.0` or `>= 1.0, < 2.0`. " +
		"An empty one allows every release. Only constraints that name a pre-release allow one.",
}

// readVersion checks an argument that is a version.
func readVersion(argument int64, text string) *function.FuncError {
	if _, err := catalog.ParseVersion(text); err != nil {
		return function.NewArgumentFuncError(argument, said(err))
	}
	return nil
}

// readConstraint parses an argument that is a constraint.
func readConstraint(argument int64, text string) (version.Constraints, *function.FuncError) {
	c, err := catalog.ParseConstraint(text)
	if err != nil {
		return nil, function.NewArgumentFuncError(argument, said(err))
	}
	return c, nil
}

// newest returns the newest version in an argument that the constraint in the next argument allows,
// or "" for none.
func newest(argument int64, versions []string, constraint string) (string, *function.FuncError) {
	for i, text := range versions {
		if err := readVersion(argument, text); err != nil {
			if len(versions) > 1 {
				err.Text = fmt.Sprintf("Element %d: %s", i, err.Text)
			}
			return "", err
		}
	}
	c, err := readConstraint(argument+1, constraint)
	if err != nil {
		return "", err
	}
	return catalog.Newest(versions, c), nil
}

// said returns an error's text as Terraform expects it from functions: Terraform adds the full stop
// itself.
func said(err error) string { return strings.TrimSuffix(finding.Sentence(err), ".") }
