package client

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Path is a finding's path as Terraform has it.
func Path(p catalog.Path) path.Path {
	if len(p) == 0 {
		return path.Empty()
	}
	tf := path.Root(p[0].Name)
	for _, step := range p[1:] {
		if step.Key {
			tf = tf.AtMapKey(step.Name)
		} else {
			tf = tf.AtName(step.Name)
		}
	}
	return tf
}

// AddFindings reports findings, each at its attribute.
func AddFindings(diags *diag.Diagnostics, findings catalog.Findings) {
	for _, f := range findings {
		diags.AddAttributeError(Path(f.Path), f.Summary, f.Detail)
	}
}

// AddError reports an error of the core: at the attribute to blame where it names one.
func AddError(diags *diag.Diagnostics, summary string, err error) {
	if err == nil {
		return
	}
	var findings catalog.Findings
	if errors.As(err, &findings) {
		AddFindings(diags, findings)
		return
	}
	detail := sentence(err)
	if errors.Is(err, context.DeadlineExceeded) {
		detail += "\n\nThe time ran out; it is set by the timeouts block."
	}
	var source interface{ Attribute() string }
	if errors.As(err, &source) && source.Attribute() != "" {
		diags.AddAttributeError(path.Root("source").AtName(source.Attribute()), summary, detail)
		return
	}
	diags.AddError(summary, detail)
}

// sentence makes an error's text a sentence.
func sentence(err error) string {
	text := strings.TrimSpace(err.Error())
	if text == "" {
		return text
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}
