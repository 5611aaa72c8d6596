package metadata

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is any text. XML has no way to write most control characters (https://www.w3.org/TR/xml/#charsets), and its
// encoder exchanges them without a word: a text that has some is written in base64, behind a mark.
type Text string

const base64Mark = "base64:"

// MarshalText implements encoding.TextMarshaler.
func (t Text) MarshalText() ([]byte, error) {
	if utf8.ValidString(string(t)) && !strings.ContainsFunc(string(t), notXML) && !strings.HasPrefix(string(t), base64Mark) {
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

// Described is a description as the description of a domain holds it, and what the instance's metadata has to keep, "" for
// nothing: libvirt's XML has no way to write most control characters, and makes a line feed of a carriage return.
func Described(description string) (shown string, exact Text) {
	shown = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(description, string(unicode.ReplacementChar)))
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

// DescriptionOf is what Described was given. Somebody may have changed the domain's since: then that counts.
func DescriptionOf(shown string, exact Text) string {
	if was, _ := Described(string(exact)); exact != "" && was == shown {
		return string(exact)
	}
	return shown
}
