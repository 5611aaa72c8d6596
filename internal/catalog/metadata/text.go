package metadata

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is any text. XML cannot express most control characters
// (https://www.w3.org/TR/xml/#charsets), and its encoder replaces them silently: a text that has
// some is written in base64, behind a mark.
type Text string

const base64Mark = "base64:"

// MarshalText implements encoding.TextMarshaler.
func (t Text) MarshalText() ([]byte, error) {
	if utf8.ValidString(string(t)) && !strings.ContainsFunc(string(t), notXML) &&
		!strings.HasPrefix(string(t), base64Mark) {
		return []byte(t), nil
	}
	return base64.StdEncoding.AppendEncode([]byte(base64Mark), []byte(t)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Text) UnmarshalText(data []byte) error {
	encoded, marked := bytes.CutPrefix(data, []byte(base64Mark))
	if !marked {
		*t = Text(data)
		return nil
	}
	plain, err := base64.StdEncoding.AppendDecode(nil, encoded)
	*t = Text(plain)
	return err
}

func notXML(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// Described splits a description into shown, which the description of a domain can hold, and exact,
// which the instance's metadata have to keep, "" for nothing: libvirt's XML cannot express most
// control characters, and turns a carriage return into a line feed.
func Described(description string) (shown string, exact Text) {
	shown = strings.NewReplacer("\r\n", "\n", "\r",
		"\n").Replace(strings.ToValidUTF8(description, string(unicode.ReplacementChar)))
	shown = strings.Map(func(r rune) rune {
		if notXML(r) {
			return unicode.ReplacementChar
		}
		return r
	}, shown)
	if strings.TrimSpace(shown) == "" {
		shown = ""
	}
	if shown != description {
		exact = Text(description)
	}
	return shown, exact
}

// DescriptionOf returns what Described was given. If the domain's description was changed since, it
// returns the changed one.
func DescriptionOf(shown string, exact Text) string {
	if was, _ := Described(string(exact)); exact != "" && was == shown {
		return string(exact)
	}
	return shown
}
