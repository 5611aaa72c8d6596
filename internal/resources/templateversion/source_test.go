package templateversion

import (
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/kinds"
	"github.com/novacron/terraform-provider-novacron/internal/source/web"
)

// written maps the names of attributes to their values.
type written map[string]attr.Value

// object builds an object from values.
func object(t *testing.T, values written) types.Object {
	t.Helper()
	all := map[string]attr.Type{}
	for name, value := range values {
		all[name] = value.Type(t.Context())
	}
	return types.ObjectValueMust(all, values)
}

func texts(values written) types.Map { return types.MapValueMust(types.StringType, values) }

func TestSettingsAreWhatWasWritten(t *testing.T) {
	got, known := settingsOf(object(t, written{
		"path":                  types.StringValue("disk.img"),
		"url":                   types.StringNull(),
		"volume":                types.StringValue(""),
		"stall_timeout_seconds": types.Int64Value(7),
		"plain":                 types.BoolValue(false),
		"headers":               texts(written{"A": types.StringValue("b"), "C": types.StringNull()}),
		"nested": object(t, written{
			"reference": types.StringValue("r"), "platform": types.StringNull(),
		}),
	}))
	want := source.Settings{
		"path":                  "disk.img",
		"volume":                "",
		"stall_timeout_seconds": int64(7),
		"plain":                 false,
		"headers":               map[string]string{"A": "b", "C": ""},
		"nested":                source.Settings{"reference": "r"},
	}
	if !known || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %t, want %v", got, known, want)
	}
	if got, known := settingsOf(types.ObjectNull(nil)); !known || len(got) > 0 {
		t.Errorf("of nothing: %v, %t", got, known)
	}
}

// A required attribute may still be unknown: a source is not judged while any part of it is
// unknown.
func TestUnknownSettingsAreWaitedFor(t *testing.T) {
	path := types.StringValue("disk.img")
	for name, of := range map[string]types.Object{
		"all":     types.ObjectUnknown(nil),
		"text":    object(t, written{"path": path, "checksum": types.StringUnknown()}),
		"number":  object(t, written{"path": path, "stall_timeout_seconds": types.Int64Unknown()}),
		"map":     object(t, written{"path": path, "headers": types.MapUnknown(types.StringType)}),
		"element": object(t, written{"path": path, "headers": texts(written{"A": types.StringUnknown()})}),
		"nested":  object(t, written{"oci": object(t, written{"reference": types.StringUnknown()})}),
	} {
		if got, known := settingsOf(of); known {
			t.Errorf("%s: all is known: %v", name, got)
		}
	}
}

// The schema has an attribute for each kind of source and for each of its own settings.
func TestTheSchemaHasTheAttributesOfAllKinds(t *testing.T) {
	attributes := sourceAttribute().GetNestedObject().GetAttributes()
	for _, kind := range kinds.All {
		names := []string{kind.Attribute}
		for name := range kind.Alone {
			names = append(names, name)
		}
		for _, name := range names {
			if _, is := attributes[name]; !is {
				t.Errorf("the schema has no %s", name)
			}
		}
	}
}

// Under ignore_changes, the plan may have another source than the configuration. The planned source
// is registered, with the headers that only the configuration has.
func TestThePlannedSourceIsRegistered(t *testing.T) {
	plan := Model{Source: object(t, written{
		"url": types.StringValue("https://planned.example/disk.img"), "headers": types.MapNull(types.StringType),
	})}
	config := Model{Source: object(t, written{
		"url":     types.StringValue("https://written.example/disk.img"),
		"headers": texts(written{"A": types.StringValue("b")}),
	})}
	got, is := plan.sourceWith(config).(web.Source)
	if !is || got.URL != "https://planned.example/disk.img" || got.Headers["A"] != "b" {
		t.Errorf("got %T %+v", got, got)
	}
}
