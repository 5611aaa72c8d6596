package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
)

// Settings are what a user wrote about a source, by attribute: a string, an int64, a bool, a
// map[string]string, or Settings again. Attributes that were not written are missing.
type Settings map[string]any

// Text is the value of an attribute that is a string; "" for none.
func (s Settings) Text(attribute string) string {
	text, _ := s[attribute].(string)
	return text
}

// Texts is the value of an attribute that is a map of strings; nil for none.
func (s Settings) Texts(attribute string) map[string]string {
	texts, _ := s[attribute].(map[string]string)
	return texts
}

// Seconds is the value of an attribute that is a number of seconds; 0 for none.
func (s Settings) Seconds(attribute string) time.Duration {
	seconds, _ := s[attribute].(int64)
	return time.Duration(seconds) * time.Second
}

// has reports whether an attribute was written, and is not empty.
func (s Settings) has(attribute string) bool {
	switch value := s[attribute].(type) {
	case string:
		return value != ""
	case map[string]string:
		return len(value) > 0
	default:
		return value != nil
	}
}

// Kind is a way to say where an image is.
type Kind struct {
	// Attribute says where the image is. No other kind has it.
	Attribute string
	// Alone are further attributes that only this kind can have, each with the reason, such as
	// "headers are sent with requests for a url".
	Alone map[string]string
	// Whole is set if the host copies the image as a whole. Such an image cannot be compared with
	// that of another version.
	Whole bool
	// New creates a source from settings that have Attribute. It reports no mistakes; Validate does.
	New func(Settings) Source
}

// Kinds are all kinds that there are, in the order in which messages list them.
type Kinds []Kind

// Source creates the source that settings describe. If they describe none, or several, Validate of
// the result says so.
func (k Kinds) Source(s Settings) Source {
	given := slices.DeleteFunc(slices.Clone(k), func(kind Kind) bool { return !s.has(kind.Attribute) })
	const doing = "looking for the image"
	switch len(given) {
	case 0:
		return misdescribed{image.Blame(k[0].Attribute, doing, errors.New("no source is given"),
			"Set one of "+k.listed()+".")}
	case 1:
	default:
		return misdescribed{image.Blame(given[1].Attribute, doing, fmt.Errorf("%s are given", given.listed()),
			"Keep the one to read the image from.")}
	}
	made := given[0].New(s)
	for _, other := range k {
		for attribute, why := range other.Alone {
			if other.Attribute != given[0].Attribute && s.has(attribute) {
				return misdescribed{image.Blame(attribute, "reading the source "+made.String(), errors.New(why),
					"Leave them out.")}
			}
		}
	}
	return made
}

// listed names the attributes of kinds: "path, url and volume".
func (k Kinds) listed() string {
	names := make([]string, len(k))
	for n, kind := range k {
		names[n] = kind.Attribute
	}
	last := len(names) - 1
	return strings.TrimPrefix(strings.Join(names[:last], ", ")+" and "+names[last], " and ")
}

// misdescribed is a source whose settings do not describe exactly one source.
type misdescribed struct{ err *image.SourceError }

func (m misdescribed) String() string                                { return "(no source)" }
func (m misdescribed) Attribute() string                             { return m.err.Attribute() }
func (m misdescribed) Validate() error                               { return m.err }
func (m misdescribed) Same(Source) bool                              { return false }
func (m misdescribed) Expected() image.Checksum                      { return image.Checksum{} }
func (m misdescribed) Open(context.Context) (*transfer.Image, error) { return nil, m.err }
