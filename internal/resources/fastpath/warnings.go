package fastpath

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// encodeWarnings encodes warnings as the framework does, which does not export its function. ok is
// false if a diagnostic is not a plain warning.
func encodeWarnings(ctx context.Context, warnings diag.Diagnostics) (encoded []*tfprotov6.Diagnostic, ok bool) {
	for _, w := range warnings {
		if w.Severity() != diag.SeverityWarning {
			return nil, false
		}
		d := &tfprotov6.Diagnostic{
			Severity: tfprotov6.DiagnosticSeverityWarning, Summary: w.Summary(), Detail: w.Detail(),
		}
		if at, located := w.(diag.DiagnosticWithPath); located {
			if d.Attribute, ok = encodePath(ctx, at.Path()); !ok {
				return nil, false
			}
		}
		encoded = append(encoded, d)
	}
	return encoded, true
}

func encodePath(ctx context.Context, p path.Path) (encoded *tftypes.AttributePath, ok bool) {
	encoded = tftypes.NewAttributePath()
	for _, step := range p.Steps() {
		switch step := step.(type) {
		case path.PathStepAttributeName:
			encoded = encoded.WithAttributeName(string(step))
		case path.PathStepElementKeyString:
			encoded = encoded.WithElementKeyString(string(step))
		case path.PathStepElementKeyInt:
			encoded = encoded.WithElementKeyInt(int(step))
		case path.PathStepElementKeyValue:
			value, err := step.ToTerraformValue(ctx)
			if err != nil {
				return nil, false
			}
			encoded = encoded.WithElementKeyValue(value)
		default:
			return nil, false
		}
	}
	return encoded, true
}
