package parameter

import "slices"

// Parameter types.
const (
	TypeString  = "string"  // one line
	TypeText    = "text"    // any number of lines
	TypeInteger = "integer" // a whole number
	TypeNumber  = "number"
	TypeBool    = "bool"
	TypeList    = "list" // of texts
	TypeMap     = "map"  // of texts
)

// definition describes a parameter type. To add one, add an entry to definitions, and its
// conversion for Terraform to package resources/instance/model.
type definition struct {
	name string
	// convert turns a raw value that is known into a text; see Value and convert.
	convert func(Raw) (text, problem string)
	// variable is a value as user data sees it, if that is not its text.
	variable func(Value) any
	// Which limits apply.
	numeric bool   // min_value and max_value
	unit    string // what min_length and max_length count; "" if they do not apply
	textual bool   // regex
	listed  bool   // allowed_values
}

// definitions are in the order in which messages list them.
var definitions = []definition{
	{name: TypeString, convert: scalarText, unit: "characters", textual: true, listed: true},
	{name: TypeText, convert: scalarText, unit: "characters", textual: true, listed: true},
	{name: TypeInteger, convert: integerText, variable: integerVariable, numeric: true, listed: true},
	{name: TypeNumber, convert: numberText, numeric: true, listed: true},
	{name: TypeBool, convert: boolText, variable: func(v Value) any { return v.Text == "true" }},
	{
		name:     TypeList,
		convert:  listText,
		variable: func(v Value) any { return v.List() },
		unit:     "elements",
		listed:   true,
	},
	{name: TypeMap, convert: mapText, variable: func(v Value) any { return v.Map() }, unit: "elements"},
}

// Types lists the types of parameters.
func Types() []string {
	names := make([]string, len(definitions))
	for i, t := range definitions {
		names[i] = t.name
	}
	return names
}

// definitionOf returns the type of a name. It treats an unknown one, which validation refuses, as a
// text.
func definitionOf(name string) definition {
	i := slices.IndexFunc(definitions, func(t definition) bool { return t.name == name })
	if i < 0 {
		return definition{convert: scalarText}
	}
	return definitions[i]
}

func integerText(raw Raw) (text, problem string) { return decimalText(raw, true) }
func numberText(raw Raw) (text, problem string)  { return decimalText(raw, false) }

// integerVariable is a number if it has at most 64 bits, and otherwise its text.
func integerVariable(v Value) any {
	if n, ok := v.Integer(); ok {
		return n
	}
	return v.Text
}
