// Package tfconfig renders Terraform configurations of tests from typed values. A test takes what
// another one configures, changes a field, and renders it:
//
//	clone := instance("it", name)
//	clone.PowerState = "stopped"
//	w.Configure(t, tfconfig.Render(template, version, clone))
//
// A field that is not set is left out; "" of a Value, an empty list and an empty struct behind a
// pointer are set. What no field is for goes into Settings, as text. A copy shares what is behind
// pointers, and its maps and lists: give it others rather than change them.
package tfconfig

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Expr is an expression that is rendered as it is written: a reference, a call, a heredoc.
type Expr string

// Null leaves an attribute to the provider, in so many words.
const Null Expr = "null"

// Value is a Go value of the attribute's type (a text, a number, a bool, a slice, a map whose keys
// are texts), or an Expr anywhere in it. nil leaves the attribute out.
type Value = any

// Block is a block of a configuration, such as an Instance.
type Block interface {
	fmt.Stringer
	// head is what is written before the block's braces.
	head() (kind string, labels []string)
}

// Render writes blocks, one after another. It panics where a Value is none.
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
	// Settings are further attributes and blocks, each as the text that stands in the block.
	Settings []string
}

// Lifecycle is the block lifecycle.
type Lifecycle struct {
	CreateBeforeDestroy bool `tf:"create_before_destroy"`
}

// Timeouts is the block timeouts.
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

// refer is a reference to an attribute of a resource of that kind.
func (m Meta) refer(kind, attribute string) Expr {
	return Expr(kind + "." + m.label() + "." + attribute)
}

// write writes the fields of a struct: first those that have a tag, in their order, then blocks,
// then settings.
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

// isBlock tells whether a field is a block, not an attribute.
func isBlock(field reflect.Type) bool {
	return field == reflect.TypeFor[*Lifecycle]() || field == reflect.TypeFor[*Timeouts]()
}

func verbatim(text string) hclwrite.Tokens {
	return hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: []byte(text)}}
}
