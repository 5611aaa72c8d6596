package attribute

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Lifecycle is the part of a model that has the state of a template or a version. Embed it.
type Lifecycle struct {
	State              types.String `tfsdk:"state"`
	DeprecationMessage types.String `tfsdk:"deprecation_message"`
	PublishedAt        types.String `tfsdk:"published_at"`
}

// LifecycleAttributes is the schema of Lifecycle's attributes. what is "template" or "version".
func LifecycleAttributes(what string) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"state": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(catalog.Active)),
			Validators: []validator.String{stringvalidator.OneOf(catalog.States()...)},
			MarkdownDescription: "`draft` (visible only to users who may write it), `active`, `deprecated` (plans " +
				"that use it show a warning) or `archived` (no new instances; existing ones stay). The stricter " +
				"state of template and version applies. A published one cannot become a draft again while it has " +
				"instances. Default: `active`.",
		},
		"deprecation_message": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Why the " + what + " is deprecated or archived, and what to use instead. " +
				"Plans that still use it show this message.",
		},
		"published_at": schema.StringAttribute{
			Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			MarkdownDescription: "When the " + what + " first became active, and so usable by users who may not " +
				"write it (RFC 3339, UTC); null if it never was.",
		},
	}
}

// Core reads the requested lifecycle.
func (l Lifecycle) Core() catalog.Lifecycle {
	return catalog.Lifecycle{
		State: catalog.State(l.State.ValueString()), Deprecation: l.DeprecationMessage.ValueString(),
	}
}

// Refresh copies what the catalog has.
func (l *Lifecycle) Refresh(c catalog.Lifecycle) {
	l.State = types.StringValue(string(c.State.OrActive()))
	l.DeprecationMessage = KeepString(l.DeprecationMessage, c.Deprecation)
	l.Published(c)
}

// Published copies what only the catalog knows.
func (l *Lifecycle) Published(c catalog.Lifecycle) {
	l.PublishedAt = types.StringNull()
	if c.PublishedAt != nil {
		l.PublishedAt = types.StringValue(c.PublishedAt.Format(time.RFC3339))
	}
}

// PlanPublished plans published_at. before is the lifecycle in the prior state.
func (l *Lifecycle) PlanPublished(before Lifecycle) {
	published := catalog.Lifecycle{}
	if !before.PublishedAt.IsNull() {
		published.PublishedAt = &time.Time{}
	}
	l.PublishedAt = before.PublishedAt
	if l.State.IsUnknown() && before.PublishedAt.IsNull() || published.Publishes(catalog.State(l.State.ValueString())) {
		l.PublishedAt = types.StringUnknown()
	}
}

// Validate reports mistakes that can already be known.
func (l Lifecycle) Validate() finding.List {
	if l.State.IsUnknown() {
		return nil
	}
	return catalog.ValidateLifecycle(catalog.State(l.State.ValueString()), l.DeprecationMessage.ValueString())
}
