package attribute

import (
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

func TestWarmIsReadAsWritten(t *testing.T) {
	memory := int64(64)
	for name, want := range map[string]*catalog.Warm{
		"none":     nil,
		"defaults": {},
		"commands": {SealCommands: []string{"a", "b"}, ResumeCommands: []string{"c"}},
		"all": {Hardware: &profile.Hardware{MemoryMB: &memory}, SettleSeconds: 5, SealCommands: []string{"a"},
			ResumeCommands: []string{"b"}},
	} {
		got, known := Warm(WarmObject(want))
		if !known || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v (known: %t), want %+v", name, got, known, want)
		}
		if set := want == nil || !allNull(WarmObject(want)); !set {
			t.Errorf("%s: nothing is set in %s, which is warned of", name, WarmObject(want))
		}
	}
}

func allNull(o types.Object) bool {
	for _, v := range o.Attributes() {
		if !v.IsNull() {
			return false
		}
	}
	return true
}

func textsOf(values ...attr.Value) types.List { return types.ListValueMust(types.StringType, values) }

// What is unknown is not checked, and the other commands keep their positions.
func TestUnknownPartsOfWarmAreNotFoundWrong(t *testing.T) {
	text := types.StringValue
	for name, c := range map[string]struct {
		warm  types.Object
		wrong []string
	}{
		"all of it":   {types.ObjectUnknown(warmTypes), nil},
		"the seconds": {with(WarmObject(&catalog.Warm{}), "settle_seconds", types.Int64Unknown()), nil},
		"a list":      {with(WarmObject(&catalog.Warm{}), "seal_commands", types.ListUnknown(types.StringType)), nil},
		"a command": {with(WarmObject(&catalog.Warm{}), "seal_commands", textsOf(types.StringUnknown(), text(" "))),
			[]string{"Element 1 runs nothing: write a command of the guest's shell, or remove it."}},
		"a field of the hardware": {with(WarmObject(&catalog.Warm{}), "hardware_profile",
			with(HardwareObject(&profile.Hardware{}), "memory_mb", types.Int64Unknown())), nil},
	} {
		warm, known := Warm(c.warm)
		var wrong []string
		for _, f := range warm.Validate() {
			wrong = append(wrong, f.Detail)
		}
		if known || !reflect.DeepEqual(wrong, c.wrong) {
			t.Errorf("%s: known is %t, found %q, want %q", name, known, wrong, c.wrong)
		}
	}
}

// A refresh keeps what the user wrote as long as it means the same.
func TestWarmIsKeptAsWritten(t *testing.T) {
	sparse := with(WarmObject(&catalog.Warm{}), "seal_commands", textsOf())
	if got := KeepWarm(sparse, &catalog.Warm{}); !got.Equal(sparse) {
		t.Errorf("%s became %s, which means the same", sparse, got)
	}
	changed := &catalog.Warm{SettleSeconds: 1}
	if got := KeepWarm(sparse, changed); !got.Equal(WarmObject(changed)) {
		t.Errorf("%s became %s, want %s", sparse, got, WarmObject(changed))
	}
	if got := KeepWarm(sparse, nil); !got.IsNull() {
		t.Errorf("without a snapshot, %s became %s", sparse, got)
	}
}

// What resumed guests run is no part of a snapshot.
func TestTheSameSnapshotIsRecognized(t *testing.T) {
	a := &catalog.Warm{SealCommands: []string{"a"}}
	for name, c := range map[string]struct {
		other *catalog.Warm
		same  bool
	}{
		"itself":            {a, true},
		"to run afterwards": {&catalog.Warm{SealCommands: []string{"a"}, ResumeCommands: []string{"b"}}, true},
		"to seal with":      {&catalog.Warm{SealCommands: []string{"b"}}, false},
		"to wait for":       {&catalog.Warm{SealCommands: []string{"a"}, SettleSeconds: 1}, false},
		"none":              {nil, false},
	} {
		if same := SameSnapshot(WarmObject(a), WarmObject(c.other)); same != c.same {
			t.Errorf("%s: the same is %t", name, same)
		}
	}
}
