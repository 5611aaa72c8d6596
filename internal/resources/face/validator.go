package face

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Valid creates a validator from a rule of the core.
func Valid(rule func(string) error) validator.String { return ruleValidator(rule) }

type ruleValidator func(string) error

// Description implements validator.String.
func (v ruleValidator) Description(context.Context) string { return "must be valid" }

// MarkdownDescription implements validator.String.
func (v ruleValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v ruleValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := v(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid value", finding.Sentence(err))
	}
}
