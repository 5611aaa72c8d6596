package tfconfig

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// unset reports whether a field is left out.
func unset(v reflect.Value) bool { return v.IsZero() }

// tokens returns a value in HCL.
func tokens(v reflect.Value) hclwrite.Tokens {
	if !v.IsValid() {
		return verbatim(string(Null))
	}
	if e, ok := reflect.TypeAssert[Expr](v); ok {
		return verbatim(string(e))
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return tokens(v.Elem())
	case reflect.String:
		return quoted(v.String())
	case reflect.Bool:
		return verbatim(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return verbatim(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return verbatim(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return verbatim(strconv.FormatFloat(f, 'g', -1, v.Type().Bits()))
		}
	case reflect.Slice, reflect.Array:
		return tuple(v)
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			return object(v)
		}
	case reflect.Struct:
		return structure(v)
	}
	panic(fmt.Sprintf("tfconfig: HCL has no %s like %v", v.Type(), v))
}

// quoted returns a text between quotes, with template sequences escaped. It panics if the text is
// not valid UTF-8, because HCL cannot represent that.
func quoted(text string) hclwrite.Tokens {
	if !utf8.ValidString(text) {
		panic(fmt.Sprintf("tfconfig: HCL has no text like %q", text))
	}
	return hclwrite.TokensForValue(cty.StringVal(text))
}

// tuple returns a list. If an element takes several lines, as a heredoc does, each element gets a
// line of its own.
func tuple(list reflect.Value) hclwrite.Tokens {
	elements := make([]hclwrite.Tokens, list.Len())
	lines := false
	for n := range elements {
		elements[n] = tokens(list.Index(n))
		lines = lines || strings.Contains(string(elements[n].Bytes()), "\n")
	}
	if !lines {
		return hclwrite.TokensForTuple(elements)
	}
	all := verbatim("[\n")
	for n, element := range elements {
		if n > 0 {
			all = append(all, verbatim("\n,")...) // a heredoc must end with its line
		}
		all = append(all, element...)
	}
	return append(all, verbatim("\n]")...)
}

func object(m reflect.Value) hclwrite.Tokens {
	keys := slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int {
		return cmp.Compare(a.String(), b.String())
	})
	attributes := make([]hclwrite.ObjectAttrTokens, len(keys))
	for n, k := range keys {
		attributes[n] = hclwrite.ObjectAttrTokens{Name: key(k.String()), Value: tokens(m.MapIndex(k))}
	}
	return hclwrite.TokensForObject(attributes)
}

// key returns the key of an object. It quotes keys that look like names but that HCL would read as
// something else.
func key(name string) hclwrite.Tokens {
	switch name {
	case "for", "null", "true", "false":
		return quoted(name)
	}
	if hclsyntax.ValidIdentifier(name) {
		return hclwrite.TokensForIdentifier(name)
	}
	return quoted(name)
}

// structure returns an object with the fields of a struct.
func structure(s reflect.Value) hclwrite.Tokens {
	var attributes []hclwrite.ObjectAttrTokens
	for field, v := range s.Fields() {
		if name := field.Tag.Get("tf"); name != "" && !unset(v) {
			attributes = append(attributes, hclwrite.ObjectAttrTokens{Name: key(name), Value: tokens(v)})
		}
	}
	return hclwrite.TokensForObject(attributes)
}
