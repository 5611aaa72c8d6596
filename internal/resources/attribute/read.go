// Package attribute has the schemas and models of what templates, versions and instances have in
// common: hardware, network and storage profiles, parameter declarations, and lifecycles. It reads
// objects leaf by leaf, because any leaf may be unknown during a plan. Unknown leaves read as
// unset, and the caller learns that there were some.
package attribute

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// reader reads the attributes of one object.
type reader struct {
	attributes map[string]attr.Value
	unknown    *bool // set if a leaf is unknown
}

func (r reader) missing(v attr.Value) bool {
	if v != nil && v.IsUnknown() {
		*r.unknown = true
	}
	return v == nil || v.IsNull() || v.IsUnknown()
}

func (r reader) string(name string) *string {
	v, ok := r.attributes[name].(types.String)
	if !ok || r.missing(v) {
		return nil
	}
	return v.ValueStringPointer()
}

func (r reader) int(name string) *int64 {
	v, ok := r.attributes[name].(types.Int64)
	if !ok || r.missing(v) {
		return nil
	}
	return v.ValueInt64Pointer()
}

// number reads a number in decimal.
func (r reader) number(name string) *string {
	v, ok := r.attributes[name].(types.Number)
	if !ok || r.missing(v) {
		return nil
	}
	text := v.ValueBigFloat().Text('f', -1)
	return &text
}

func (r reader) bool(name string) *bool {
	v, ok := r.attributes[name].(types.Bool)
	if !ok || r.missing(v) {
		return nil
	}
	return v.ValueBoolPointer()
}

// strings reads a set or list of strings; nil if it is not set. It leaves out unknown elements.
func (r reader) strings(name string) []string {
	var elements []attr.Value
	switch v := r.attributes[name].(type) {
	case types.Set:
		if r.missing(v) {
			return nil
		}
		elements = v.Elements()
	case types.List:
		if r.missing(v) {
			return nil
		}
		elements = v.Elements()
	default:
		return nil
	}
	for _, element := range elements {
		r.missing(element)
	}
	return Strings(elements)
}

// list reads a list of texts; nil if it is not set, or if an element is unknown: elements have their
// meaning by their positions.
func (r reader) list(name string) []string {
	v, ok := r.attributes[name].(types.List)
	if !ok || r.missing(v) {
		return nil
	}
	for _, element := range v.Elements() {
		if element.IsUnknown() {
			*r.unknown = true
			return nil
		}
	}
	return Strings(v.Elements())
}

// texts reads a map of texts; nil if it is not set. It leaves out unknown elements.
func (r reader) texts(name string) map[string]string {
	v, ok := r.attributes[name].(types.Map)
	if !ok || r.missing(v) {
		return nil
	}
	all := make(map[string]string, len(v.Elements()))
	for key, element := range v.Elements() {
		if s, ok := element.(types.String); ok && !r.missing(s) {
			all[key] = s.ValueString()
		}
	}
	return all
}

// commands reads a list of commands; nil if it is not set or empty. See Commands.
func (r reader) commands(name string) []string {
	v, ok := r.attributes[name].(types.List)
	if !ok || r.missing(v) {
		return nil
	}
	for _, element := range v.Elements() {
		r.missing(element)
	}
	return Commands(v)
}

// objects reads a map of objects; nil if the map is not set. It leaves out unknown elements.
func objects[T any](r reader, name string, read func(reader) T) map[string]T {
	v, ok := r.attributes[name].(types.Map)
	if !ok || r.missing(v) {
		return nil
	}
	return elements(v, r.unknown, read)
}

func elements[T any](m types.Map, unknown *bool, read func(reader) T) map[string]T {
	read2 := make(map[string]T, len(m.Elements()))
	for key, element := range m.Elements() {
		object, ok := element.(types.Object)
		r := reader{unknown: unknown}
		if !ok || r.missing(object) {
			continue
		}
		r.attributes = object.Attributes()
		read2[key] = read(r)
	}
	return read2
}

// whole reads an object in an object; nil if it is not set or if anything in it is unknown.
func whole[T any](r reader, name string, read func(reader) *T) *T {
	o, ok := r.attributes[name].(types.Object)
	if !ok {
		return nil
	}
	value, known := object(o, read)
	if !known {
		*r.unknown = true
		return nil
	}
	return value
}

// object reads a whole profile; nil if it is not set. known is false if the profile or anything in
// it is unknown.
func object[T any](o types.Object, read func(reader) *T) (value *T, known bool) {
	var unknown bool
	r := reader{unknown: &unknown}
	if r.missing(o) {
		return nil, !unknown
	}
	r.attributes = o.Attributes()
	value = read(r)
	return value, !unknown
}
