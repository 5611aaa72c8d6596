package tfconfig

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// parsed returns the only block of a configuration, as Terraform parses it.
func parsed(t *testing.T, config string) *hclsyntax.Block {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(config), "main.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, config)
	}
	blocks := file.Body.(*hclsyntax.Body).Blocks
	if len(blocks) != 1 {
		t.Fatalf("there are %d blocks in\n%s", len(blocks), config)
	}
	return blocks[0]
}

// read returns the value of an attribute.
func read(t *testing.T, block *hclsyntax.Block, name string, scope *hcl.EvalContext) cty.Value {
	t.Helper()
	attribute := block.Body.Attributes[name]
	if attribute == nil {
		t.Fatalf("there is no %s", name)
	}
	v, diags := attribute.Expr.Value(scope)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", name, diags)
	}
	return v
}

// A text written as a value is read as the same text, whatever its content.
func TestValuesAreReadAsTheyAre(t *testing.T) {
	type values = map[string]cty.Value
	text, number, object := cty.StringVal, cty.NumberIntVal, cty.ObjectVal
	list := func(elements ...cty.Value) cty.Value { return cty.TupleVal(elements) }
	said := text("it's \"hunter2\"\n")
	heredoc := Expr("<<-EOT\n    it's \"${var.secret}\"\n  EOT")
	later := object(values{"output": cty.UnknownVal(cty.String)})
	scope := &hcl.EvalContext{Variables: values{
		"var":            object(values{"secret": text("hunter2")}),
		"terraform_data": object(values{"later": later}),
	}}
	for name, c := range map[string]struct {
		value Value
		want  cty.Value
	}{
		"a text":                    {"plain", text("plain")},
		"nothing":                   {"", text("")},
		"quotes and backslashes":    {`"double" 'single' \back\slash \n`, text(`"double" 'single' \back\slash \n`)},
		"lines":                     {"one\ntwo\r\n\tthree\n", text("one\ntwo\r\n\tthree\n")},
		"what looks like a heredoc": {"<<EOT\nx\nEOT\n", text("<<EOT\nx\nEOT\n")},
		"what looks like a template": {
			"${var.x} %{if x} $${a} %%{b} $ % {", text("${var.x} %{if x} $${a} %%{b} $ % {"),
		},
		"what looks like a comment": {"# // /* */", text("# // /* */")},
		"no ASCII":                  {"ünï ☃ 🖥 \u0000 \u2028", text("ünï ☃ 🖥 \u0000 \u2028")},
		"a whole number":            {-3, number(-3)},
		"a large one":               {uint64(math.MaxUint64), cty.NumberUIntVal(math.MaxUint64)},
		"a fraction":                {-1.5, cty.NumberFloatVal(-1.5)},
		"a power":                   {1e21, cty.NumberFloatVal(1e21)},
		"a bool":                    {false, cty.False},
		"null":                      {Null, cty.NullVal(cty.DynamicPseudoType)},
		"nil in a list":             {[]Value{nil}, list(cty.NullVal(cty.DynamicPseudoType))},
		"no elements":               {[]string{}, cty.EmptyTupleVal},
		"no keys":                   {map[string]Value{}, cty.EmptyObjectVal},
		"an empty struct":           {&Hardware{}, cty.EmptyObjectVal},
		"a list": {
			[]Value{"a,b", 1, []string{"c"}}, list(text("a,b"), number(1), list(text("c"))),
		},
		"keys of all kinds": {
			map[string]Value{
				"plain": 1, "for": 2, "null": 3, "a.b/c": 4, "${x}": 5, "": 6, "two words": 7, "true": 8, "1st": 9,
			},
			object(values{
				"plain": number(1), "for": number(2), "null": number(3), "a.b/c": number(4),
				"${x}": number(5), "": number(6), "two words": number(7), "true": number(8),
				"1st": number(9),
			}),
		},
		"maps in maps": {
			map[string]Value{"a": map[string]Value{"b": map[string]string{"c": "${d}"}}},
			object(values{"a": object(values{"b": object(values{"c": text("${d}")})})}),
		},
		"structs in maps": {
			Network{Interfaces: map[string]Interface{
				"eth0": {}, "eth1": {IPConfiguration: &Addresses{StaticIPs: []Value{"10.0.0.5/24"}}},
			}},
			object(values{"interfaces": object(values{
				"eth0": cty.EmptyObjectVal,
				"eth1": object(values{"ip_configuration": object(values{"static_ips": list(text("10.0.0.5/24"))})}),
			})}),
		},
		"a reference":               {Expr("var.secret"), text("hunter2")},
		"one that is not known yet": {[]Value{Expr("terraform_data.later.output")}, list(cty.UnknownVal(cty.String))},
		"a template":                {Expr(`"login ${var.secret}"`), text("login hunter2")},
		"a heredoc":                 {heredoc, said},
		"heredocs in a list":        {[]Value{heredoc, "x", heredoc}, list(said, text("x"), said)},
		"a heredoc in a map": {
			map[string]Value{"a": heredoc, "b": "x"}, object(values{"a": said, "b": text("x")}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := Render(Instance{Name: c.value})
			if got := read(t, parsed(t, config), "name", scope); !got.RawEquals(c.want) {
				t.Errorf("%#v, want %#v, of\n%s", got, c.want, config)
			}
		})
	}
}

func TestWhatHCLHasNotIsRefused(t *testing.T) {
	for name, v := range map[string]Value{
		"no UTF-8": "\xff", "no number": math.NaN(), "infinite": math.Inf(1), "function": func() {},
		"keys": map[int]string{1: "a"}, "complex": 1i,
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if said, _ := recover().(string); !strings.HasPrefix(said, "tfconfig: HCL has no ") {
					t.Errorf("it panics with %q", said)
				}
			}()
			t.Errorf("rendered as\n%s", Render(Instance{Name: v}))
		})
	}
}

// Any text is read as itself: as a value, as a key, and nested deeply.
func FuzzTexts(f *testing.F) {
	for _, seed := range []string{
		"", "${a}", "$${a}", "$$${a}", "%%%{a}", "$", "%", "{", "\\", `\${`, "\"", "\n", "\r\n", "\x00", "\ufeff",
		"\u2028",
		"🖥", "<<EOT\n\nEOT", "for", "a-b", "1", "é", "e\u0301", "\U000e0001",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		if !utf8.ValidString(name) || !utf8.ValidString(text) {
			t.Skip("no text of HCL's")
		}
		config := Render(Instance{
			Name: text, Labels: map[string]Value{name: []Value{text, map[string]string{name: text}}},
		})
		block := parsed(t, config)
		want := cty.StringVal(text)
		if got := read(t, block, "name", nil); !got.RawEquals(want) {
			t.Errorf("the text %q is read as %#v of\n%s", text, got, config)
		}
		labels := cty.ObjectVal(map[string]cty.Value{
			name: cty.TupleVal([]cty.Value{want, cty.ObjectVal(map[string]cty.Value{name: want})}),
		})
		if got := read(t, block, "labels", nil); !got.RawEquals(labels) {
			t.Errorf("the labels are read as %#v, want %#v, of\n%s", got, labels, config)
		}
	})
}

// An attribute that is not set is not written, so the output has exactly what the test set.
func TestFieldsThatAreNotSetAreLeftOut(t *testing.T) {
	for _, b := range []Block{Template{}, Version{}, Instance{}, Provider{}} {
		block := parsed(t, Render(b))
		if len(block.Body.Attributes)+len(block.Body.Blocks) > 0 {
			t.Errorf("%v is rendered as\n%s", reflect.TypeOf(b), b)
		}
	}
}
