package templateversion

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// progress returns a function that logs the progress of a transfer every few seconds.
func progress(ctx context.Context, id catalog.VersionID) func(done, total int64) {
	started := time.Now()
	return func(done, total int64) {
		tflog.Info(ctx, "sending image", progressFields(id, done, total, time.Since(started)))
	}
}

// progressFields returns the known figures. If a server does not announce the length of a download,
// they do not include how much is left.
func progressFields(id catalog.VersionID, done, total int64, since time.Duration) map[string]any {
	fields := map[string]any{"version": id.String(), "done_mib": done >> 20}
	rate := float64(done) / max(since.Seconds(), 0.001)
	fields["mib_per_second"] = int64(rate) >> 20
	if total > 0 {
		fields["total_mib"], fields["percent"] = total>>20, int64(float64(done)/float64(total)*100)
		if rate > 0 {
			fields["seconds_left"] = int64(float64(total-done) / rate)
		}
	}
	return fields
}

var (
	stepType = types.ObjectType{
		AttrTypes: map[string]attr.Type{"name": types.StringType, "duration_ms": types.Int64Type},
	}
	provisioningTypes = map[string]attr.Type{
		"started_at": types.StringType, "completed_at": types.StringType, "duration_seconds": types.Int64Type,
		"steps": types.ListType{ElemType: stepType},
	}
)

// provisioning writes the record of a version's registration.
func provisioning(r *catalog.RegistrationRecord) types.Object {
	if r == nil {
		return types.ObjectNull(provisioningTypes)
	}
	steps := make([]attr.Value, len(r.Steps))
	for n, s := range r.Steps {
		steps[n] = types.ObjectValueMust(stepType.AttrTypes, map[string]attr.Value{
			"name": types.StringValue(s.Name), "duration_ms": types.Int64Value(s.DurationMS),
		})
	}
	return types.ObjectValueMust(provisioningTypes, map[string]attr.Value{
		"started_at":       types.StringValue(r.StartedAt.Format(time.RFC3339)),
		"completed_at":     types.StringValue(r.CompletedAt.Format(time.RFC3339)),
		"duration_seconds": types.Int64Value(int64(r.CompletedAt.Sub(r.StartedAt).Round(time.Second) / time.Second)),
		"steps":            types.ListValueMust(stepType, steps),
	})
}

// provisioningAttribute is the schema of provisioning. It has an instance's attributes, except
// those that a version has elsewhere, and the steps, which are recorded nowhere else.
func provisioningAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Computed: true, PlanModifiers: []planmodifier.Object{objectplanmodifier.UseStateForUnknown()},
		MarkdownDescription: "How the version was registered. Null for versions of an older release of the provider.",
		Attributes: map[string]schema.Attribute{
			"started_at": schema.StringAttribute{
				Computed: true, MarkdownDescription: "When the work began (RFC 3339, UTC).",
			},
			"completed_at": schema.StringAttribute{
				Computed: true, MarkdownDescription: "When the work ended (RFC 3339, UTC).",
			},
			"duration_seconds": schema.Int64Attribute{Computed: true,
				MarkdownDescription: "How long the work took, in whole seconds; `steps` has exact durations."},
			"steps": schema.ListNestedAttribute{
				Computed: true,
				MarkdownDescription: "The steps, in order: `open` (find and recognize the source), `index` (find out " +
					"which files the layers of a container image result in), `send` (send the image to the host) or " +
					"`copy` (copy it on the host: libvirt copies an instance's disk, and the provider copies a file, " +
					"or writes a container's file system, if this machine is the host), `verify`; or `join` if the " +
					"pool had the image.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the step."},
					"duration_ms": schema.Int64Attribute{
						Computed: true, MarkdownDescription: "How long it took, in milliseconds.",
					},
				}},
			},
		},
	}
}
