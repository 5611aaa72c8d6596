package parameter

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func TestParameterDeclarations(t *testing.T) {
	at := func(name string) string { return `parameters["` + name + `"]` }
	one := func(p Parameter) map[string]Parameter { return map[string]Parameter{"p": p} }
	for name, c := range map[string]struct {
		declared map[string]Parameter
		want     []string
	}{
		"none":            {nil, nil},
		"a variable":      {one(Parameter{Type: "string"}), nil},
		"targets by name": {map[string]Parameter{"hostname": {Type: "string"}, "ssh_key": {Type: "text"}}, nil},
		"a target":        {one(Parameter{Type: "string", Target: "hostname", Default: new("web")}), nil},
		"hardware": {map[string]Parameter{"memory": {Type: "integer", Target: "hardware.memory_mb"},
			"cores": {Type: "integer", Target: "hardware.cpu_cores"},
			"size":  {Type: "integer", Target: "disk.data.size_gb"}}, nil},
		"limits that fit": {
			one(Parameter{
				Type:          "integer",
				Default:       new("8080"),
				MinValue:      new("1"),
				MaxValue:      new("65535"),
				AllowedValues: []string{"80", "8080"},
			}), nil,
		},
		"lengths that fit": {
			one(Parameter{
				Type:          "list",
				Default:       new(`["a"]`),
				MinLength:     new(int64(1)),
				MaxLength:     new(int64(2)),
				AllowedValues: []string{"a", "b"},
			}), nil,
		},
		"a regex": {one(Parameter{Type: "string", Regex: "^[a-z]+$", Default: new("abc")}), nil},
		"bad name": {map[string]Parameter{"Host-Name": {Type: "string"}},
			[]string{at("Host-Name") + ": Invalid parameter name"}},
		"unknown type": {one(Parameter{Type: "float"}), []string{at("p") + ".type: Unknown parameter type"}},
		"no type":      {one(Parameter{}), []string{at("p") + ".type: Unknown parameter type"}},
		"required default": {one(Parameter{Type: "string", Required: true, Default: new("a")}),
			[]string{at("p") + ".default: Required parameter has a default"}},
		"sensitive default": {one(Parameter{Type: "string", Sensitive: true, Default: new("a")}),
			[]string{at("p") + ".default: Sensitive parameter has a default"}},
		"unknown target": {
			one(Parameter{Type: "string", Target: "prot"}), []string{at("p") + ".target: Unknown target"},
		},
		"target of another": {one(Parameter{Type: "string", Target: "hardware.memory_mb"}),
			[]string{at("p") + ".target: Target does not match type"}},
		"hostname is a number": {map[string]Parameter{"hostname": {Type: "integer"}},
			[]string{at("hostname") + ".target: Target does not match type"}},
		"secret memory": {one(Parameter{Type: "integer", Sensitive: true, Target: "hardware.memory_mb"}),
			[]string{at("p") + ".sensitive: Target exposes the value"}},
		"driven twice": {map[string]Parameter{
			"hostname": {Type: "string"}, "name": {Type: "string", Target: "hostname"},
		},
			[]string{at("name") + ".target: Duplicate target"}},
		"bad default": {map[string]Parameter{"hostname": {Type: "string", Default: new("Web_1")}},
			[]string{at("hostname") + ".default: Invalid default"}},
		"two lines": {one(Parameter{Type: "string", Default: new("a\nb")}),
			[]string{at("p") + ".default: Invalid default"}},
		"nul": {one(Parameter{Type: "text", Default: new("a\x00b")}),
			[]string{at("p") + ".default: Invalid default"}},
		"nul in a list": {one(Parameter{Type: "list", Default: new(`["a\u0000"]`)}),
			[]string{at("p") + ".default: Invalid default"}},
		"default below": {one(Parameter{Type: "integer", Default: new("0"), MinValue: new("1")}),
			[]string{at("p") + ".default: Invalid default"}},
		"default no number": {one(Parameter{Type: "number", Default: new("many")}),
			[]string{at("p") + ".default: Invalid default"}},
		"default not allowed": {one(Parameter{Type: "string", Default: new("c"), AllowedValues: []string{"a"}}),
			[]string{at("p") + ".default: Invalid default"}},
		"default no list": {
			one(Parameter{Type: "list", Default: new("a")}), []string{at("p") + ".default: Invalid default"},
		},
		"default no match": {one(Parameter{Type: "string", Default: new("A"), Regex: "^[a-z]$"}),
			[]string{at("p") + ".default: Invalid default"}},
		"range the wrong way": {one(Parameter{Type: "integer", MinValue: new("2"), MaxValue: new("1")}),
			[]string{at("p") + ".max_value: Limits allow no value"}},
		"lengths the wrong way": {one(Parameter{Type: "text", MinLength: new(int64(2)), MaxLength: new(int64(1))}),
			[]string{at("p") + ".max_length: Limits allow no value"}},
		"negative length": {one(Parameter{Type: "text", MinLength: new(int64(-1))}),
			[]string{at("p") + ".min_length: Negative length"}},
		"nothing allowed": {one(Parameter{Type: "text", AllowedValues: []string{}}),
			[]string{at("p") + ".allowed_values: Limits allow no value"}},
		"range of a text": {one(Parameter{Type: "text", MinValue: new("1")}),
			[]string{at("p") + ".min_value: Limit does not apply to type"}},
		"length of a number": {one(Parameter{Type: "number", MaxLength: new(int64(1))}),
			[]string{at("p") + ".max_length: Limit does not apply to type"}},
		"regex of a bool": {
			one(Parameter{Type: "bool", Regex: "t"}), []string{at("p") + ".regex: Limit does not apply to type"},
		},
		"choice of bools": {one(Parameter{Type: "bool", AllowedValues: []string{"true"}}),
			[]string{at("p") + ".allowed_values: Limit does not apply to type"}},
		"bad regex": {
			one(Parameter{Type: "text", Regex: "("}), []string{at("p") + ".regex: Invalid regular expression"},
		},
		"allowed out of range": {
			one(Parameter{Type: "integer", MaxValue: new("10"), AllowedValues: []string{"5", "11"}}),
			[]string{at("p") + ".allowed_values: Allowed value breaks another limit"},
		},
		"allowed of no type": {one(Parameter{Type: "integer", AllowedValues: []string{"x"}}),
			[]string{at("p") + ".allowed_values: Allowed value breaks another limit"}},
	} {
		findingtest.Expect(t, name, Validate(c.declared), c.want...)
	}
}
