package attribute

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// KeepString writes the current value of an optional string, or returns what the user wrote if null
// and "" mean the same.
func KeepString(written types.String, current string) types.String {
	if !written.IsUnknown() && written.ValueString() == current {
		return written
	}
	return OptionalString(current)
}

// Labels reads labels. Unknown labels read as unset.
func Labels(m types.Map) map[string]string {
	if m.IsNull() || m.IsUnknown() {
		return nil
	}
	labels := make(map[string]string, len(m.Elements()))
	for key, element := range m.Elements() {
		if s, ok := element.(types.String); ok && !s.IsUnknown() {
			labels[key] = s.ValueString()
		}
	}
	return labels
}

// KeepLabels writes the current labels, or returns what the user wrote if null and {} mean the
// same.
func KeepLabels(written types.Map, current map[string]string) types.Map {
	if !written.IsUnknown() && maps.Equal(Labels(written), current) {
		return written
	}
	return LabelsMap(current)
}

// LabelsMap writes labels, or null for none.
func LabelsMap(labels map[string]string) types.Map {
	if len(labels) == 0 {
		return types.MapNull(types.StringType)
	}
	values := make(map[string]attr.Value, len(labels))
	for key, v := range labels {
		values[key] = types.StringValue(v)
	}
	return types.MapValueMust(types.StringType, values)
}

// Strings reads a set or list of strings. It leaves out unknown elements.
func Strings(elements []attr.Value) []string {
	texts := make([]string, 0, len(elements))
	for _, element := range elements {
		if s, ok := element.(types.String); ok && !s.IsNull() && !s.IsUnknown() {
			texts = append(texts, s.ValueString())
		}
	}
	return texts
}

// unknownCommand stands for a command that is not known yet, because findings refer to the other
// commands by their positions.
const unknownCommand = "true"

// Commands reads a list of commands; nil for none. A null one is "", and an unknown one is a
// command that does nothing.
func Commands(l types.List) []string {
	var all []string
	for _, element := range l.Elements() {
		command, _ := element.(types.String)
		if command.IsUnknown() {
			command = types.StringValue(unknownCommand)
		}
		all = append(all, command.ValueString())
	}
	return all
}

// Known reports whether a value and everything in it is known.
func Known(ctx context.Context, v attr.Value) bool {
	tf, err := v.ToTerraformValue(ctx)
	return err == nil && tf.IsFullyKnown()
}
