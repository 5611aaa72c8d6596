package texttemplate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"unicode"
)

// functions are the functions of texts besides those of text/template.
//
//   - quote X: the value as a text in double quotes, for YAML. A list or a map becomes YAML of
//     quoted texts, on one line.
//   - json X: the value in JSON, which is YAML, too: numbers and bools keep their types.
//   - shell X: the value as one word of a POSIX shell, in single quotes; a list as one word each.
//   - indent N X: N spaces after each line break, for blocks of YAML ("|"). It refuses a value
//     that such a block would not preserve.
//   - join SEPARATOR LIST: one text.
//   - default X Y: Y, or X if Y is empty.
var functions = template.FuncMap{
	"quote": quote, "json": jsonText, "shell": shell, "indent": indent, "join": join, "default": fallback,
}

// functionError is a problem that a function finds; it does not repeat the value.
type functionError struct{ function, problem string }

func (e *functionError) Error() string { return e.function + ": " + e.problem }

func quote(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return jsonText(v)
	case []string, map[string]string:
		return jsonText(v)
	}
	return jsonText(fmt.Sprint(v))
}

// jsonText writes JSON that a YAML parser reads as the same value: YAML requires escapes for some
// characters that JSON does not (https://yaml.org/spec/1.1/#c-printable), and YAML 1.1 treats some
// more as line breaks.
func jsonText(v any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", &functionError{"json", "the value cannot be written"}
	}
	var b strings.Builder
	for _, r := range strings.TrimSuffix(out.String(), "\n") {
		if r < 0x10000 && !plainYAML(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String(), nil
}

// plainYAML reports whether a character may appear unescaped in YAML, and is not a line break in
// any version of it.
func plainYAML(r rune) bool {
	switch {
	case r == '\t', r >= 0x20 && r < 0x7f, r >= 0xa0 && r < 0xd800 && r != 0x2028 && r != 0x2029:
		return true
	case r >= 0xe000 && r <= 0xfffd && r != 0xfeff, r >= 0x10000 && r <= unicode.MaxRune:
		return true
	}
	return false
}

func shell(v any) (string, error) {
	if list, ok := v.([]string); ok {
		words := make([]string, len(list))
		for i, element := range list {
			words[i] = ShellWord(element)
		}
		return strings.Join(words, " "), nil
	}
	if _, ok := v.(map[string]string); ok {
		return "", &functionError{"shell", "a map is not a word: use its elements"}
	}
	return ShellWord(fmt.Sprint(v)), nil
}

// ShellWord quotes a text as one word for a POSIX shell: within single quotes, every character
// except the quote is literal
// (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_02_02).
func ShellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func indent(n int, v any) (string, error) {
	text, ok := v.(string)
	switch {
	case !ok:
		text = fmt.Sprint(v)
	case n < 0 || n > 100:
		return "", &functionError{"indent", "the number of spaces is not between 0 and 100"}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !plainYAML(r) }) {
		return "", &functionError{"indent", "the value has characters that a YAML block does not keep: use quote"}
	}
	first := strings.TrimLeft(text, "\n")
	if strings.HasPrefix(first, " ") || strings.HasPrefix(first, "\t") {
		return "", &functionError{"indent", "the value begins with white space, which YAML takes for the " +
			"indentation of a block: use quote"}
	}
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", n)), nil
}

func join(separator string, list []string) string { return strings.Join(list, separator) }

func fallback(other, v any) any {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return other
	case reflect.String, reflect.Slice, reflect.Map:
		if value.Len() == 0 {
			return other
		}
	}
	return v
}
