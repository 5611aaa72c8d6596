package parameter

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Value is a parameter's value: a parameter type, and a text. Equal values have equal texts. The
// text of a number is decimal without an exponent, of a bool true or false, of a list a JSON array
// of strings, of a map a JSON object of strings in the order of its keys.
type Value struct{ Type, Text string }

// Values are parameter values by name. A nil value is not known yet (during a plan).
type Values map[string]*Value

// Raw is a value as a user wrote it: string, bool, *big.Float, []Raw, map[string]Raw, or Unknown,
// also within lists and maps.
type Raw any

// Unknown is a raw value that is not known yet.
type Unknown struct{}

// numberBits is the precision in which Terraform calculates (cty.ParseNumberVal).
const numberBits = 512

// convert converts a raw value to the type, as Terraform converts if nothing is lost: "8080" is a
// number, true is a text. nil is unknown. A problem is the rest of a sentence about the value,
// without repeating it: "is not an integer".
func convert(kind string, raw Raw) (value *Value, problem string) {
	if unknown(raw) {
		return nil, ""
	}
	text, problem := definitionOf(kind).convert(raw)
	if problem != "" {
		return nil, problem
	}
	return &Value{kind, text}, ""
}

func unknown(raw Raw) bool {
	switch v := raw.(type) {
	case Unknown:
		return true
	case []Raw:
		return slices.ContainsFunc(v, unknown)
	case map[string]Raw:
		for _, element := range v {
			if unknown(element) {
				return true
			}
		}
	}
	return false
}

func scalarText(raw Raw) (text, problem string) {
	switch v := raw.(type) {
	case string:
		return v, ""
	case bool:
		return strconv.FormatBool(v), ""
	case *big.Float:
		return formatNumber(v)
	}
	return "", "is " + describe(raw) + ", not a text"
}

func boolText(raw Raw) (text, problem string) {
	if v, ok := raw.(bool); ok {
		return strconv.FormatBool(v), ""
	}
	if v, ok := raw.(string); ok && (v == "true" || v == "false") {
		return v, ""
	}
	return "", "is " + orText(raw, "a bool") + ": write true or false"
}

func decimalText(raw Raw, whole bool) (text, problem string) {
	wanted := "a number"
	if whole {
		wanted = "an integer"
	}
	n, ok := raw.(*big.Float)
	if text, isText := raw.(string); isText {
		n, ok = parseNumber(text)
	}
	if !ok {
		return "", "is " + orText(raw, wanted)
	}
	if whole && !n.IsInt() {
		return "", "is a fraction, not " + wanted
	}
	return formatNumber(n)
}

// parseNumber reads a decimal number, as Terraform does when it converts a text.
func parseNumber(text string) (*big.Float, bool) {
	if text == "" || strings.ContainsAny(text, "_xXoObBpPiInN \t\r\n") { // forms of big.Float that users do not mean
		return nil, false
	}
	n, _, err := big.ParseFloat(text, 10, numberBits, big.ToNearestEven)
	return n, err == nil && !n.IsInf()
}

// largestExponent bounds numbers (2^4096 has 1,234 digits): a few characters can stand for a text
// of gigabytes.
const largestExponent = 4096

func formatNumber(n *big.Float) (text, problem string) {
	if e := n.MantExp(nil); n.IsInf() || e > largestExponent || e < -largestExponent {
		return "", "is too large or too small a number"
	}
	if n.Sign() == 0 {
		return "0", "" // big.Float has a negative zero
	}
	return n.Text('f', -1), ""
}

func listText(raw Raw) (text, problem string) {
	if v, ok := raw.(string); ok { // as a default is written, and as map(any) has it
		return parsedText(v, "a list", `["a", "b"]`, func(decoded any) (string, string) {
			if list, ok := decoded.([]any); ok {
				return listText(fromJSON(list))
			}
			return "", "not a list"
		})
	}
	elements, ok := raw.([]Raw)
	if !ok {
		return "", "is " + describe(raw) + ", not a list"
	}
	texts := make([]string, len(elements))
	for i, element := range elements {
		var problem string
		if texts[i], problem = scalarText(element); problem != "" {
			return "", fmt.Sprintf("has the element %d, which is %s: the elements of a list are texts, "+
				"numbers or bools", i, describe(element))
		}
	}
	return encode(texts), ""
}

func mapText(raw Raw) (text, problem string) {
	if v, ok := raw.(string); ok {
		return parsedText(v, "a map", `{"a": "b"}`, func(decoded any) (string, string) {
			if m, ok := decoded.(map[string]any); ok {
				return mapText(fromJSON(m))
			}
			return "", "not a map"
		})
	}
	elements, ok := raw.(map[string]Raw)
	if !ok {
		return "", "is " + describe(raw) + ", not a map"
	}
	texts := make(map[string]string, len(elements))
	for key, element := range elements {
		if element == nil {
			continue // like an object's attribute that is not set
		}
		var problem string
		if texts[key], problem = scalarText(element); problem != "" {
			return "", fmt.Sprintf("has the element %q, which is %s: the elements of a map are texts, numbers or bools",
				key, describe(element))
		}
	}
	return encode(texts), ""
}

// parsedText reads a list or map written in JSON.
func parsedText(text, wanted, example string, use func(decoded any) (text, problem string)) (string, string) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var decoded any
	if decoder.Decode(&decoded) != nil || decoder.More() {
		return "", fmt.Sprintf("is a text that is not %s in JSON, such as %s: use jsonencode", wanted, example)
	}
	text, problem := use(decoded)
	if strings.HasPrefix(problem, "not ") {
		problem = fmt.Sprintf("is a text that is not %s in JSON, such as %s: use jsonencode", wanted, example)
	}
	return text, problem
}

// fromJSON turns a decoded value into a raw one.
func fromJSON(v any) Raw {
	switch v := v.(type) {
	case json.Number:
		if n, ok := parseNumber(v.String()); ok {
			return n
		}
		return nil
	case []any:
		list := make([]Raw, len(v))
		for i, element := range v {
			list[i] = fromJSON(element)
		}
		return list
	case map[string]any:
		m := make(map[string]Raw, len(v))
		for key, element := range v {
			m[key] = fromJSON(element)
		}
		return m
	}
	return v
}

func encode(v any) string {
	text, _ := json.Marshal(v) // marshaling strings cannot fail
	return string(text)
}

// orText says that a value is not what is wanted. Of a text, which may have been meant as that, it
// says nothing else.
func orText(raw Raw, wanted string) string {
	if _, text := raw.(string); text {
		return "not " + wanted
	}
	return describe(raw) + ", not " + wanted
}

func describe(raw Raw) string {
	switch raw.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return "a bool"
	case *big.Float:
		return "a number"
	case []Raw:
		return "a list"
	case map[string]Raw:
		return "a map or an object"
	}
	return fmt.Sprintf("a %T", raw)
}

// List returns the elements of a list; nil for other types.
func (v Value) List() []string {
	var list []string
	if v.Type == TypeList {
		_ = json.Unmarshal([]byte(v.Text), &list) // convert wrote it
	}
	return list
}

// Map returns the elements of a map; nil for other types.
func (v Value) Map() map[string]string {
	var m map[string]string
	if v.Type == TypeMap {
		_ = json.Unmarshal([]byte(v.Text), &m) // convert wrote it
	}
	return m
}

// Integer returns the value of an integer, if it has at most 64 bits.
func (v Value) Integer() (int64, bool) {
	n, err := strconv.ParseInt(v.Text, 10, 64)
	return n, err == nil && v.Type == TypeInteger
}

// length is what min_length and max_length count: characters, or elements.
func (v Value) length() int64 {
	switch v.Type {
	case TypeList:
		return int64(len(v.List()))
	case TypeMap:
		return int64(len(v.Map()))
	}
	return int64(utf8.RuneCountInString(v.Text))
}
