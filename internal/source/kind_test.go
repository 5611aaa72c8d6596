package source_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// described is a source that consists only of its settings.
type described struct{ kind, text string }

func (d described) String() string                                { return d.kind + " " + d.text }
func (d described) Attribute() string                             { return d.kind }
func (d described) Validate() error                               { return nil }
func (d described) Same(s source.Source) bool                     { return d == s }
func (d described) Expected() image.Checksum                      { return image.Checksum{} }
func (d described) Open(context.Context) (*transfer.Image, error) { return nil, errors.ErrUnsupported }

func kind(attribute string) source.Kind {
	return source.Kind{Attribute: attribute, New: func(s source.Settings) source.Source {
		return described{attribute, s.Text(attribute)}
	}}
}

func kinds() source.Kinds {
	nested := source.Kind{Attribute: "registry", New: func(s source.Settings) source.Source {
		registry, _ := s["registry"].(source.Settings)
		return described{"registry", registry.Text("reference")}
	}}
	tape := kind("tape")
	tape.Alone = map[string]string{"speed": "speeds are those of a tape"}
	return source.Kinds{kind("disk"), tape, nested}
}

func TestSettingsMakeTheSourceOfTheirKind(t *testing.T) {
	for want, settings := range map[source.Source]source.Settings{
		described{"disk", "a"}:     {"disk": "a", "tape": "", "checksum": "sha256:ab"},
		described{"tape", "b"}:     {"tape": "b", "speed": "9"},
		described{"registry", "c"}: {"registry": source.Settings{"reference": "c"}, "speed": ""},
	} {
		if got := kinds().Source(settings); !got.Same(want) {
			t.Errorf("%v make %s, want %s", settings, got, want)
		}
	}
}

// Settings of which no source can be created give that answer to every call.
func TestSettingsOfNoSource(t *testing.T) {
	const doing = "looking for the image: "
	for want, c := range map[string]struct {
		settings source.Settings
		blamed   string
	}{
		doing + "no source is given. Set one of disk, tape and registry.": {nil, "disk"},
		doing + "disk and tape are given. Keep the one to read the image from.": {
			source.Settings{"disk": "a", "tape": "b"}, "tape",
		},
		doing + "disk, tape and registry are given. Keep the one to read the image from.": {
			source.Settings{"disk": "a", "tape": "b", "registry": source.Settings{}}, "tape",
		},
		"reading the source disk a: speeds are those of a tape. Leave them out.": {
			source.Settings{"disk": "a", "speed": "9"}, "speed",
		},
	} {
		s := kinds().Source(c.settings)
		err := s.Validate()
		if err == nil || err.Error() != want || s.Attribute() != c.blamed {
			t.Errorf("got %v, blaming %q, want %s and %q", err, s.Attribute(), want, c.blamed)
		}
		_, opened := s.Open(t.Context())
		_, examined := source.Examine(t.Context(), s)
		if !errors.Is(opened, err) || !errors.Is(examined, err) {
			t.Errorf("it opens with %v, and is examined with %v, want %v", opened, examined, err)
		}
		if s.Same(s) || s.Expected() != (image.Checksum{}) || s.String() == "" {
			t.Errorf("%s is the same as itself: %t, and expects %s", s, s.Same(s), s.Expected())
		}
	}
}

func TestOneKindIsListedAlone(t *testing.T) {
	err := source.Kinds{kind("disk")}.Source(nil).Validate()
	if err == nil || err.Error() != "looking for the image: no source is given. Set one of disk." {
		t.Errorf("got %v", err)
	}
}

func TestSettingsAreRead(t *testing.T) {
	s := source.Settings{"text": "a", "seconds": int64(7), "texts": map[string]string{"a": "b"}}
	if s.Text("text") != "a" || s.Text("seconds") != "" || s.Text("missing") != "" {
		t.Errorf("texts are %q, %q, %q", s.Text("text"), s.Text("seconds"), s.Text("missing"))
	}
	if s.Seconds("seconds") != 7*time.Second || s.Seconds("text") != 0 {
		t.Errorf("times are %s, %s", s.Seconds("seconds"), s.Seconds("text"))
	}
	if s.Texts("texts")["a"] != "b" || len(s.Texts("text")) > 0 {
		t.Errorf("maps are %v, %v", s.Texts("texts"), s.Texts("text"))
	}
}
