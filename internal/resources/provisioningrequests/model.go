package provisioningrequests

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

// model is a list of requests and the filters that selected them.
type model struct {
	Tenant       types.String `tfsdk:"tenant"`
	TemplateID   types.String `tfsdk:"template_id"`
	InstanceName types.String `tfsdk:"instance_name"`
	Status       types.String `tfsdk:"status"`
	Limit        types.Int64  `tfsdk:"limit"`
	Requests     []entry      `tfsdk:"requests"`
}

// entry is one request.
type entry struct {
	RequestID       types.String `tfsdk:"request_id"`
	Tenant          types.String `tfsdk:"tenant"`
	Action          types.String `tfsdk:"action"`
	InstanceName    types.String `tfsdk:"instance_name"`
	InstanceID      types.String `tfsdk:"instance_id"`
	TemplateID      types.String `tfsdk:"template_id"`
	ResolvedVersion types.String `tfsdk:"resolved_version"`
	Strategy        types.String `tfsdk:"strategy"`
	URI             types.String `tfsdk:"uri"`
	RequestedBy     types.String `tfsdk:"requested_by"`
	Status          types.String `tfsdk:"status"`
	Error           types.String `tfsdk:"error"`
	CreatedAt       types.String `tfsdk:"created_at"`
	StartedAt       types.String `tfsdk:"started_at"`
	CompletedAt     types.String `tfsdk:"completed_at"`
	DurationSeconds types.Int64  `tfsdk:"duration_seconds"`
	Steps           []step       `tfsdk:"steps"`
}

// step is one step of a request.
type step struct {
	Name       string `tfsdk:"name"`
	DurationMS int64  `tfsdk:"duration_ms"`
}

func (m model) filter() catalog.RequestFilter {
	return catalog.RequestFilter{
		Template: m.TemplateID.ValueString(), Instance: m.InstanceName.ValueString(),
		Status: catalog.RequestStatus(m.Status.ValueString()), Limit: int(m.Limit.ValueInt64()),
	}
}

func fromRequest(r catalog.ProvisioningRequest) entry {
	e := entry{
		RequestID:       types.StringValue(r.ID.ID),
		Tenant:          types.StringValue(r.ID.Tenant),
		Action:          types.StringValue(r.Action),
		InstanceName:    types.StringValue(r.Instance),
		InstanceID:      attribute.OptionalString(r.UUID),
		TemplateID:      types.StringValue(r.Template),
		ResolvedVersion: types.StringValue(r.Version),
		Strategy:        attribute.OptionalString(string(r.Strategy)),
		URI:             types.StringValue(r.Host),
		RequestedBy:     types.StringValue(r.RequestedBy),
		Status:          types.StringValue(string(r.Status)),
		Error:           attribute.OptionalString(r.Error),
		CreatedAt:       moment(&r.CreatedAt),
		StartedAt:       moment(r.StartedAt),
		CompletedAt:     moment(r.CompletedAt),
		Steps:           []step{},
	}
	if r.StartedAt != nil && r.CompletedAt != nil {
		e.DurationSeconds = types.Int64Value(int64(r.CompletedAt.Sub(*r.StartedAt).Round(time.Second) / time.Second))
	}
	for _, s := range r.Steps {
		e.Steps = append(e.Steps, step{s.Name, s.DurationMS})
	}
	return e
}

// moment writes a time, or null for nil.
func moment(t *time.Time) types.String {
	if t == nil {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}
