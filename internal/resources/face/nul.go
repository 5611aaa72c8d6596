package face

import (
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// FindNUL reports texts of a configuration, and keys of its maps, that contain a NUL character. A
// catalog in PostgreSQL cannot store one, and no text needs it.
func FindNUL(config tftypes.Value) finding.List {
	var fs finding.List
	// the callback returns no errors
	_ = tftypes.Walk(config, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		var text string
		var names map[string]tftypes.Value
		switch {
		case v.IsNull() || !v.IsKnown():
		case v.Type().Is(tftypes.String) && v.As(&text) == nil && strings.ContainsRune(text, 0):
			fs.Add(pathOf(at), "NUL character in a text", "The text holds a NUL character (U+0000), which a "+
				"catalog cannot store. Remove it.")
		case v.As(&names) == nil:
			for name := range names {
				if strings.ContainsRune(name, 0) {
					fs.Add(pathOf(at), "NUL character in a name", "One of the names in it holds a NUL character "+
						"(U+0000), which a catalog cannot store. Remove it.")
				}
			}
		}
		return true, nil
	})
	return fs
}

// pathOf returns a path as far as it has names and keys. Elements of sets and lists have neither.
func pathOf(at *tftypes.AttributePath) finding.Path {
	var path finding.Path
	for _, step := range at.Steps() {
		switch step := step.(type) {
		case tftypes.AttributeName:
			path = path.Name(string(step))
		case tftypes.ElementKeyString:
			path = path.Key(string(step))
		default:
			return path
		}
	}
	return path
}
