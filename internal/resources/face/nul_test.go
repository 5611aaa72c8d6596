package face

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestNULIsFoundWhereItIs(t *testing.T) {
	text := func(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }
	list, labels := tftypes.List{ElementType: tftypes.String}, tftypes.Map{ElementType: tftypes.String}
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"name":        tftypes.String,
		"later":       tftypes.String,
		"none":        tftypes.String,
		"description": tftypes.String,
		"users":       list,
		"labels":      labels,
		"names":       labels,
	}}
	value := tftypes.NewValue(object, map[string]tftypes.Value{
		"name":        text("plain\x01\r\n"),
		"later":       tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
		"none":        tftypes.NewValue(tftypes.String, nil),
		"description": text("a\x00b"),
		"users":       tftypes.NewValue(list, []tftypes.Value{text("\x00")}),
		"labels":      tftypes.NewValue(labels, map[string]tftypes.Value{"os": text("\x00")}),
		"names":       tftypes.NewValue(labels, map[string]tftypes.Value{"\x00": text("")}),
	})
	var got []string
	for _, f := range FindNUL(value) {
		got = append(got, f.Path.String())
	}
	slices.Sort(got)
	if want := []string{"description", `labels["os"]`, "names", "users"}; !slices.Equal(got, want) {
		t.Errorf("found at %q, want %q", got, want)
	}
}
