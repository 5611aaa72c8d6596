// Package tfconfig renders Terraform configurations of tests from typed values. A test takes the
// configuration of another one, changes a field, and renders it:
//
//	clone := instance("it", name)
//	clone.PowerState = "stopped"
//	w.Configure(t, tfconfig.Render(template, version, clone))
//
// A field that is not set is left out. "" as a Value, an empty list, and a pointer to an empty
// struct count as set. Write what has no field as text into Settings. A copy shares maps, lists and
// what pointers point to, so replace them instead of changing them.
package tfconfig

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Expr is an expression that is rendered as written: a reference, a call, a heredoc.
type Expr string

// Null writes null, which explicitly leaves an attribute to the provider.
const Null Expr = "null"

// Value is a Go value of the attribute's type (a text, a number, a bool, a slice, or a map whose
// keys are texts), or an Expr anywhere in it. nil leaves the attribute out.
type Value = any

// Block is a block of a configuration, such as an Instance.
type Block interface {
	fmt.Stringer
	// head returns what precedes the braces of the block.
	head() (kind string, labels []string)
}

// Render writes blocks, one after another. It panics if a Value has a type that a Value cannot
// have.
func Render(blocks ...Block) string {
	file := hclwrite.NewEmptyFile()
	for _, b := range blocks {
		kind, labels := b.head()
		write(file.Body().AppendNewBlock(kind, labels).Body(), reflect.Indirect(reflect.ValueOf(b)))
	}
	return string(hclwrite.Format(file.Bytes()))
}

// Meta is what every resource and data source has.
type Meta struct {
	Label     string // default: "it"
	Provider  Expr   `tf:"provider"`
	ForEach   Expr   `tf:"for_each"`
	DependsOn []Expr `tf:"depends_on"`
	Lifecycle *Lifecycle
	// Settings are further attributes and blocks, as the text that the block has for each.
	Settings []string
}

// Lifecycle is a lifecycle block.
type Lifecycle struct {
	CreateBeforeDestroy bool `tf:"create_before_destroy"`
}

// Timeouts is a timeouts block.
type Timeouts struct {
	Create string `tf:"create"`
	Update string `tf:"update"`
	Delete string `tf:"delete"`
}

func (m Meta) label() string {
	if m.Label == "" {
		return "it"
	}
	return m.Label
}

func (m Meta) labels(kind string) []string { return []string{kind, m.label()} }

// refer returns a reference to an attribute of a resource of that kind.
func (m Meta) refer(kind, attribute string) Expr {
	return Expr(kind + "." + m.label() + "." + attribute)
}

// write writes the fields of a struct: first those with a tag, in order, then blocks, then
// settings.
func write(body *hclwrite.Body, fields reflect.Value) {
	blocks, settings := map[string]reflect.Value{}, []string(nil)
	var order []string
	var attributes func(reflect.Value)
	attributes = func(fields reflect.Value) {
		for field, v := range fields.Fields() {
			name := field.Tag.Get("tf")
			switch {
			case field.Anonymous:
				attributes(v)
			case field.Name == "Settings":
				settings = v.Interface().([]string)
			case isBlock(field.Type) && !v.IsNil():
				block := strings.ToLower(field.Name)
				blocks[block], order = v.Elem(), append(order, block)
			case name != "" && !unset(v):
				body.SetAttributeRaw(name, tokens(v))
			}
		}
	}
	attributes(fields)
	for _, name := range order {
		write(body.AppendNewBlock(name, nil).Body(), blocks[name])
	}
	for _, text := range settings {
		body.AppendUnstructuredTokens(verbatim(text + "\n"))
	}
}

// isBlock reports whether a field is a block rather than an attribute.
func isBlock(field reflect.Type) bool {
	return field == reflect.TypeFor[*Lifecycle]() || field == reflect.TypeFor[*Timeouts]()
}

func verbatim(text string) hclwrite.Tokens {
	return hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: []byte(text)}}
}
