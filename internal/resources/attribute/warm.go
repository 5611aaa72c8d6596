package attribute

import (
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

var warmTypes = map[string]attr.Type{
	"hardware_profile": types.ObjectType{AttrTypes: hardwareTypes},
	"settle_seconds":   types.Int64Type,
	"seal_commands":    types.ListType{ElemType: types.StringType},
	"resume_commands":  types.ListType{ElemType: types.StringType},
}

// WarmAttribute is the schema of warm.
func WarmAttribute() schema.SingleNestedAttribute {
	commands := func(description string) schema.ListAttribute {
		return schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Asks for a warm snapshot: the apply boots a guest of the version once, seals it, and " +
			"saves its memory and its disk. Instances with the strategy `instantiate` are resumed from copies of it, " +
			"without a boot. `{ settle_seconds = 0 }` asks for one with the defaults.\n" +
			"  - The guest is sealed before it has an identity: it gets no parameters, keys or addresses. The guide " +
			"[Instantiating](../guides/instantiating) says what the image needs, and what must not be in memory.\n" +
			"  - A snapshot that cannot be made is a warning, and the version exists without it. Instances with the " +
			"strategy `instantiate` then boot. The next change of the version tries again.\n" +
			"  - A change makes another snapshot, unless only `resume_commands` change, and never replaces the " +
			"version.",
		Attributes: map[string]schema.Attribute{
			"hardware_profile": HardwareAttribute("Shape of the machine, laid over the version's field by field. A " +
				"resumed guest has the memory, processors and firmware of its snapshot, so its instance has to ask " +
				"for the same in its own `hardware_profile`. `efi` and GPUs cannot be resumed."),
			"settle_seconds": schema.Int64Attribute{Optional: true,
				MarkdownDescription: "For how many more seconds the guest is left alone, once it is sealed and idle, " +
					"before its memory is saved: 0 to 3600. Default: 0."},
			"seal_commands": commands("Commands for the guest's `sh`, as root, one after another: the last ones " +
				"before the memory is saved. Stop what holds keys, connections or random state of its own here. The " +
				"saved memory may hold the commands. A command with an exit status other than 0 is an error."),
			"resume_commands": commands("Commands for the guest's `sh`, as root, one after another. They run in each " +
				"resumed guest once it has its own identity, and before cloud-init. Start here what `seal_commands` " +
				"stopped. A command with an exit status other than 0 is an error."),
		},
	}
}

// Warm reads a warm.
func Warm(o types.Object) (*catalog.Warm, bool) {
	return object(o, func(r reader) *catalog.Warm {
		w := &catalog.Warm{
			SealCommands: r.commands("seal_commands"), ResumeCommands: r.commands("resume_commands"),
		}
		if seconds := r.int("settle_seconds"); seconds != nil {
			w.SettleSeconds = *seconds
		}
		if profile, ok := r.attributes["hardware_profile"].(types.Object); ok {
			hardware, known := Hardware(profile)
			w.Hardware, *r.unknown = hardware, *r.unknown || !known
		}
		return w
	})
}

// WarmObject writes a warm. What has its default is null, except that at least settle_seconds is
// set: an object in which nothing is set is warned of.
func WarmObject(w *catalog.Warm) types.Object {
	if w == nil {
		return types.ObjectNull(warmTypes)
	}
	settle := types.Int64Null()
	if w.SettleSeconds != 0 || w.Hardware == nil && len(w.SealCommands)+len(w.ResumeCommands) == 0 {
		settle = types.Int64Value(w.SettleSeconds)
	}
	return types.ObjectValueMust(warmTypes, map[string]attr.Value{
		"hardware_profile": HardwareObject(w.Hardware),
		"settle_seconds":   settle,
		"seal_commands":    textList(w.SealCommands),
		"resume_commands":  textList(w.ResumeCommands),
	})
}

// SameSnapshot reports whether two warms, both known, ask for the same snapshot: they may differ in
// what resumed guests run.
func SameSnapshot(a, b types.Object) bool {
	one, _ := Warm(a)
	other, _ := Warm(b)
	if one != nil && other != nil {
		one.ResumeCommands, other.ResumeCommands = nil, nil
	}
	return reflect.DeepEqual(one, other)
}

// KeepWarm writes the current warm, or returns what the user wrote if it means the same.
func KeepWarm(written types.Object, current *catalog.Warm) types.Object {
	prior, _ := Warm(written)
	return keep(written, prior, current, WarmObject)
}
