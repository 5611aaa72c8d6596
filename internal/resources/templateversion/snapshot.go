package templateversion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// States of a snapshot that only users see; the others are catalog.SnapshotState.
const (
	snapshotNone     = "none"     // there is no snapshot yet, or not any more
	snapshotUnusable = "unusable" // it is ready, but nothing can be resumed from it
)

var snapshotTypes = map[string]attr.Type{
	"state":        types.StringType,
	"memory_bytes": types.Int64Type,
	"disk_bytes":   types.Int64Type,
	"machine":      types.StringType,
	"qemu_version": types.StringType,
	"created_at":   types.StringType,
	"error":        types.StringType,
}

// snapshotAttribute is the schema of warm_snapshot.
func snapshotAttribute() schema.Attribute {
	text := func(says string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: says}
	}
	number := func(says string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: says}
	}
	return schema.SingleNestedAttribute{
		Computed: true, PlanModifiers: []planmodifier.Object{objectplanmodifier.UseStateForUnknown()},
		MarkdownDescription: "The snapshot that `warm` asks for, in the pool of the provider's host; null without " +
			"`warm`. Versions of the same image that ask for the same share one.",
		Attributes: map[string]schema.Attribute{
			"state": text("State of the snapshot. Whatever it is, a change of the version makes a snapshot that is " +
				"not `ready`.\n" +
				"  - `ready`: instances can be resumed from it.\n" +
				"  - `failed`: it could not be made; `error` says why. Plans do not try again by themselves.\n" +
				"  - `unusable`: nothing can be resumed from it any more, because the host has another QEMU or " +
				"processor than it was made with, or because three guests in a row could not be resumed; `error` " +
				"says which. The next apply makes another one.\n" +
				"  - `none`: there is none. The next apply makes it.\n" +
				"  - `making`: another process is making it. The next apply waits for that."),
			"memory_bytes": number("Size of the memory image in the pool, in bytes; null unless it is there. So are " +
				"the others below."),
			"disk_bytes":   number("What the snapshot's disk takes in the pool beside the version's image, in bytes."),
			"machine":      text("Machine type of the guest, in full."),
			"qemu_version": text("Version of the QEMU that it was made with."),
			"created_at":   text("When it was made (RFC 3339, UTC)."),
			"error":        text("Why instances cannot be resumed from it, or null if they can."),
		},
	}
}

// snapshotObject writes a snapshot.
func snapshotObject(s provision.Snapshot) types.Object {
	state, why := string(s.State), types.StringNull()
	switch {
	case s.State == catalog.SnapshotFailed:
		why = types.StringValue(finding.Sentence(errors.New(s.Error)))
	case s.State == catalog.SnapshotReady && s.Unusable != "":
		state, why = snapshotUnusable, types.StringValue(finding.Sentence(errors.New(s.Unusable)))
	}
	values := noSnapshot(state)
	values["error"] = why
	if s.State == catalog.SnapshotReady {
		values["memory_bytes"], values["disk_bytes"] = types.Int64Value(s.MemorySize), types.Int64Value(s.DiskSize)
		values["machine"], values["qemu_version"] = types.StringValue(s.Machine), types.StringValue(s.Hypervisor)
		values["created_at"] = types.StringValue(s.CreatedAt.Format(time.RFC3339))
	}
	return types.ObjectValueMust(snapshotTypes, values)
}

// noSnapshot are the attributes of warm_snapshot in a state in which there is no snapshot.
func noSnapshot(state string) map[string]attr.Value {
	return map[string]attr.Value{
		"state":        types.StringValue(state),
		"memory_bytes": types.Int64Null(),
		"disk_bytes":   types.Int64Null(),
		"machine":      types.StringNull(),
		"qemu_version": types.StringNull(),
		"created_at":   types.StringNull(),
		"error":        types.StringNull(),
	}
}

// snapshotText is a text in warm_snapshot; "" if it is null or not known.
func snapshotText(o types.Object, name string) string {
	text, _ := o.Attributes()[name].(types.String)
	return text.ValueString()
}

// readSnapshot is the warm snapshot of a version as its pool has it. A snapshot that cannot be read
// is a warning, because the version can be used, changed and removed without it; then it is what it
// was.
func readSnapshot(
	ctx context.Context, s *face.Session, v catalog.Version, before types.Object, diags *diag.Diagnostics,
) types.Object {
	if v.Warm == nil {
		return types.ObjectNull(snapshotTypes)
	}
	snapshot, err := s.Fleet.Home().Snapshot(ctx, v)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return types.ObjectValueMust(snapshotTypes, noSnapshot(snapshotNone))
	case err != nil:
		face.WarnError(ctx, diags, path.Root("warm"), "Could not read warm snapshot",
			fmt.Errorf("the warm snapshot of version %q: %w", v.ID, err))
		return before
	}
	return snapshotObject(snapshot)
}

// makeSnapshot makes the warm snapshot that a version asks for, or removes the one that it does not
// ask for any more, and returns what there is then. No failure is one of the version.
func (r *Resource) makeSnapshot(ctx context.Context, v catalog.Version, diags *diag.Diagnostics) types.Object {
	at := path.Root("warm")
	snapshot, err := r.Fleet.Home().Warm(ctx, v)
	if snapshot.State == "" && v.Warm != nil {
		face.WarnError(ctx, diags, at, "Warm snapshot not made", fmt.Errorf(
			"making the warm snapshot of version %q, which exists without it until the next apply: %w", v.ID, err))
		return types.ObjectValueMust(snapshotTypes, noSnapshot(snapshotNone))
	}
	face.WarnError(ctx, diags, at, "Could not remove earlier warm snapshot", err)
	switch {
	case v.Warm == nil:
		return types.ObjectNull(snapshotTypes)
	case snapshot.Unusable != "":
		diags.AddAttributeWarning(at, "Warm snapshot not made", withoutSnapshot(v.ID.String(), snapshot.Unusable)+
			" Correct the image or warm: the next change of the version tries again.")
	}
	return snapshotObject(snapshot)
}

// withoutSnapshot says what it means that a version has no warm snapshot; why is the end of a
// sentence.
func withoutSnapshot(version, why string) string {
	because := fmt.Errorf("version %q has no warm snapshot that instances could be resumed from, because %s", version,
		why)
	return finding.Sentence(because) +
		" Instances with the strategy \"instantiate\" boot instead, unless their on_no_warm is \"fail\"."
}

// draftsSnapshot is the snapshot of a version in a state. A draft follows its template, so a plan
// that changes the template may leave the draft without the snapshot that the state has.
func (r *Resource) draftsSnapshot(ctx context.Context, state *Model, diags *diag.Diagnostics) types.Object {
	if state.Warm.IsNull() || state.State.ValueString() != string(catalog.Draft) {
		return state.WarmSnapshot
	}
	_, v, found := r.planned(ctx, state, diags)
	if !found {
		return state.WarmSnapshot
	}
	v.Warm, _ = attribute.Warm(state.Warm)
	return readSnapshot(ctx, r.Session, v, state.WarmSnapshot, diags)
}

func known(warm types.Object) bool {
	_, known := attribute.Warm(warm)
	return known
}

// planSnapshot plans what becomes of the version's snapshot: another one if warm changes, and one
// in place of one that cannot be used any more. One that could not be made is tried again only if
// something else of the version changes.
func planSnapshot(plan, state *Model, changes bool, diags *diag.Diagnostics) {
	at, version, before := path.Root("warm"), state.ID.ValueString(), state.WarmSnapshot
	plan.WarmSnapshot = types.ObjectUnknown(snapshotTypes)
	switch {
	case plan.Warm.IsNull():
		plan.WarmSnapshot = types.ObjectNull(snapshotTypes)
	case !known(plan.Warm) || !attribute.SameSnapshot(plan.Warm, state.Warm):
	case snapshotText(before, "state") == string(catalog.SnapshotReady):
		plan.WarmSnapshot = before
	case snapshotText(before, "state") == string(catalog.SnapshotFailed):
		advice := " This plan tries again."
		if !changes {
			plan.WarmSnapshot = before
			advice = " Correct the image or warm: the next change of the version tries again."
		}
		diags.AddAttributeWarning(at, "No warm snapshot", withoutSnapshot(version,
			"it could not be made: "+snapshotText(before, "error"))+advice)
	case snapshotText(before, "state") == snapshotUnusable:
		diags.AddAttributeWarning(at, "Warm snapshot will be made again", fmt.Sprintf("Nothing can be resumed from "+
			"the warm snapshot of version %q any more: %s Applying the plan boots a guest and makes another snapshot. "+
			"Instances that were resumed from this one stay as they are.", version, snapshotText(before, "error")))
	default:
		diags.AddAttributeWarning(at, "Warm snapshot will be made", fmt.Sprintf("Version %q asks for a warm "+
			"snapshot, and the pool has none yet: applying the plan boots a guest and makes it, or waits for "+
			"another process that does.", version))
	}
}
