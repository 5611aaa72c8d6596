package noop

import (
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// encodeWarnings writes warnings as Terraform reads them, which the framework does not offer. Of a path it keeps the
// attribute at the top, which is what Terraform finds a line by.
func encodeWarnings(warnings diag.Diagnostics) []*tfprotov6.Diagnostic {
	var encoded []*tfprotov6.Diagnostic
	for _, w := range warnings {
		d := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityWarning, Summary: w.Summary(), Detail: w.Detail()}
		if at, ok := w.(diag.DiagnosticWithPath); ok && len(at.Path().Steps()) > 0 {
			d.Attribute = tftypes.NewAttributePath().WithAttributeName(at.Path().Steps()[0].String())
		}
		encoded = append(encoded, d)
	}
	return encoded
}
