package parameter

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func number(t testing.TB, text string) *big.Float {
	t.Helper()
	n, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestValuesAreConverted(t *testing.T) {
	list, object := []Raw{"a", number(t, "1"), true}, map[string]Raw{"a": "x", "b": number(t, "0.1"), "c": nil}
	const refused = "refused"
	for name, c := range map[string]struct {
		kind string
		raw  Raw
		want string
	}{
		"text":                     {TypeString, "a", "a"},
		"number as a text":         {TypeString, number(t, "8080"), "8080"},
		"bool as a text":           {TypeText, true, "true"},
		"list as a text":           {TypeString, list, refused},
		"integer":                  {TypeInteger, number(t, "8080"), "8080"},
		"integer in a text":        {TypeInteger, "8080", "8080"},
		"integer with a fraction":  {TypeInteger, number(t, "1.5"), refused},
		"integer of 30 digits":     {TypeInteger, "123456789012345678901234567890", "123456789012345678901234567890"},
		"exact number":             {TypeNumber, number(t, "0.1"), "0.1"},
		"number with an exponent":  {TypeNumber, "1e3", "1000"},
		"minus nothing":            {TypeNumber, "-0", "0"},
		"hexadecimal":              {TypeNumber, "0x10", refused},
		"infinity":                 {TypeNumber, "Inf", refused},
		"huge number":              {TypeNumber, "1e100000", refused},
		"tiny number":              {TypeNumber, "1e-100000", refused},
		"no number":                {TypeNumber, "", refused},
		"number with a space":      {TypeNumber, " 1", refused},
		"bool":                     {TypeBool, false, "false"},
		"bool in a text":           {TypeBool, "true", "true"},
		"bool in capitals":         {TypeBool, "True", refused},
		"bool as a number":         {TypeBool, number(t, "1"), refused},
		"list":                     {TypeList, list, `["a","1","true"]`},
		"list in JSON":             {TypeList, `["a", 1.50, true]`, `["a","1.5","true"]`},
		"empty list":               {TypeList, []Raw{}, `[]`},
		"list of lists":            {TypeList, []Raw{list}, refused},
		"list with null":           {TypeList, []Raw{nil}, refused},
		"a map for a list":         {TypeList, object, refused},
		"map in JSON for a list":   {TypeList, `{}`, refused},
		"map":                      {TypeMap, object, `{"a":"x","b":"0.1"}`},
		"map in JSON":              {TypeMap, `{"b": 1, "a": "<&>"}`, "{\"a\":\"\\u003c\\u0026\\u003e\",\"b\":\"1\"}"},
		"map of maps":              {TypeMap, map[string]Raw{"a": object}, refused},
		"two JSON texts for a map": {TypeMap, `{} {}`, refused},
	} {
		got, problem := convert(c.kind, c.raw)
		switch {
		case c.want == refused:
			if problem == "" {
				t.Errorf("%s: taken as %v", name, got)
			}
		case problem != "" || got == nil || *got != Value{c.kind, c.want}:
			t.Errorf("%s: got %v, %q, want %q", name, got, problem, c.want)
		}
	}
	for _, raw := range []Raw{Unknown{}, []Raw{"a", Unknown{}}, map[string]Raw{"a": []Raw{Unknown{}}}} {
		for _, kind := range Types() {
			if v, problem := convert(kind, raw); v != nil || problem != "" {
				t.Errorf("what is not known yet is %v, %q as %s", v, problem, kind)
			}
		}
	}
}

func TestResolveParameters(t *testing.T) {
	declared := map[string]Parameter{
		"hostname": {Type: "string", Required: true, Description: "name of the machine", Regex: "^[a-z]"},
		"port":     {Type: "integer", Default: new("8080"), MinValue: new("1"), MaxValue: new("65535")},
		"tier":     {Type: "string", AllowedValues: []string{"web", "db"}},
		"password": {Type: "string", Sensitive: true, MinLength: new(int64(8))},
		"tags":     {Type: "list", MaxLength: new(int64(2))},
	}
	for name, c := range map[string]struct {
		given Given
		want  string
		wrong []string
	}{
		"a default": {Given{Parameters: map[string]Raw{"hostname": "web"}}, "hostname=web port=8080", nil},
		"an override": {
			Given{Parameters: map[string]Raw{"hostname": "web", "port": number(t, "80"), "tier": "db"}},
			"hostname=web port=80 tier=db", nil,
		},
		"a secret": {
			Given{Parameters: map[string]Raw{"hostname": "web"}, Secrets: map[string]Raw{"password": "hunter22"}},
			"hostname=web password=hunter22 port=8080", nil,
		},
		"unknown yet":       {Given{Parameters: map[string]Raw{"hostname": Unknown{}}}, "hostname=? port=8080", nil},
		"names unknown yet": {Given{MoreParameters: true}, "hostname=? password=? port=? tags=? tier=?", nil},
		"missing":           {Given{}, "", []string{"parameters: Missing parameter"}},
		"undeclared": {Given{Parameters: map[string]Raw{"hostname": "web", "hots": "x"}}, "",
			[]string{`parameters["hots"]: Unknown parameter`}},
		"undeclared secret": {
			Given{Parameters: map[string]Raw{"hostname": "web"}, Secrets: map[string]Raw{"pass": "x"}}, "",
			[]string{`parameters_wo["pass"]: Unknown parameter`},
		},
		"set twice": {Given{
			Parameters: map[string]Raw{"hostname": "web", "tier": "db"}, Secrets: map[string]Raw{"tier": "db"},
		}, "",
			[]string{`parameters_wo["tier"]: Duplicate parameter`}},
		"secret host name": {Given{Secrets: map[string]Raw{"hostname": "web"}}, "",
			[]string{`parameters_wo["hostname"]: Target exposes the value`}},
		"all at once": {Given{
			Parameters: map[string]Raw{
				"hostname": "1web",
				"port":     "x",
				"tier":     "app",
				"tags":     []Raw{"a", "b", "c"},
				"oops":     true,
			}, Secrets: map[string]Raw{"password": "short"},
		}, "",
			[]string{`parameters["hostname"]: Invalid parameter value`, `parameters["oops"]: Unknown parameter`,
				`parameters["port"]: Invalid parameter value`,
				`parameters["tags"]: Invalid parameter value`, `parameters["tier"]: Invalid parameter value`,
				`parameters_wo["password"]: Invalid parameter value`}},
		"out of range": {Given{Parameters: map[string]Raw{"hostname": "web", "port": number(t, "65536")}}, "",
			[]string{`parameters["port"]: Invalid parameter value`}},
		"no label": {Given{Parameters: map[string]Raw{"hostname": "web.lan"}}, "",
			[]string{`parameters["hostname"]: Invalid parameter value`}},
	} {
		got, fs := Resolve(declared, c.given)
		findingtest.Expect(t, name, fs, c.wrong...)
		if text := written(got); c.want != "" && text != c.want {
			t.Errorf("%s: got %s, want %s", name, text, c.want)
		}
	}
	_, fs := Resolve(declared, Given{Parameters: map[string]Raw{"hostnme": "x"}})
	if text := fs.Error(); !strings.Contains(text, `Did you mean "hostname"?`) ||
		!strings.Contains(text, "name of the machine") {
		t.Errorf("got %q, want the nearest name, and what the missing parameter is for", text)
	}
	if _, fs := Resolve(
		nil, Given{Parameters: map[string]Raw{"a": "x"}},
	); !strings.Contains(fs.Error(), "declares no parameters") {
		t.Errorf("got %v", fs)
	}
	if _, fs := Resolve(
		declared, Given{Secrets: map[string]Raw{"password": "hunter2"}},
	); strings.Contains(fs.Error(), "hunter2") {
		t.Errorf("a secret is repeated: %v", fs)
	}
}

// Terraform may show no more than the line of parameters: a finding has to name the parameter, and
// show the value.
func TestFindingsNameParametersAndShowValues(t *testing.T) {
	declared := map[string]Parameter{
		"hostname": {Type: "string", Regex: "^[a-z]+$"},
		"port":     {Type: "integer", MaxValue: new("65535")},
		"on":       {Type: "bool"},
		"tier":     {Type: "string", AllowedValues: []string{"db", "web"}},
		"tags":     {Type: "list", MaxLength: new(int64(2)), AllowedValues: []string{"a", "b"}},
		"env":      {Type: "map"},
		"text":     {Type: "text", MaxLength: new(int64(3))},
		"line":     {Type: "string"},
		"password": {Type: "string", Sensitive: true, MinLength: new(int64(8))},
		"key":      {Type: "text", Target: TargetSSHKey, Regex: "^ssh-"},
		"pins":     {Type: "list", Sensitive: true, AllowedValues: []string{"1"}},
	}
	for _, c := range []struct {
		name string
		raw  Raw
		want string
	}{
		{"hostname", "Bad_Name", `Parameter "hostname": "Bad_Name" does not match the regular expression ^[a-z]+$.`},
		{"hostname", []Raw{"web"}, `Parameter "hostname": the value is a list, not a text.`},
		{"port", "http", `Parameter "port": "http" is not an integer.`},
		{"port", number(t, "80.5"), `Parameter "port": 80.5 is a fraction, not an integer.`},
		{"port", number(t, "65536"), `Parameter "port": 65536 is more than max_value 65535.`},
		{"port", true, `Parameter "port": true is a bool, not an integer.`},
		{"on", "yes", `Parameter "on": "yes" is not a bool: write true or false.`},
		{"tier", "app", `Parameter "tier": "app" is not one of the allowed values: db, web.`},
		{
			"tags", []Raw{"a", "c"},
			`Parameter "tags": the value has the element "c", which is not one of the allowed values: a, b.`,
		},
		{"tags", []Raw{"a", "a", "a"}, `Parameter "tags": the value has 3 elements, and max_length is 2.`},
		{
			"tags", []Raw{[]Raw{}}, `Parameter "tags": the value has the element 0, which is a list: the elements of ` +
				`a list are texts, numbers or bools.`,
		},
		{
			"tags", "a, b", `Parameter "tags": "a, b" is a text that is not a list in JSON, such as ["a", "b"]: ` +
				`use jsonencode.`,
		},
		{"env", []Raw{"a"}, `Parameter "env": the value is a list, not a map.`},
		{"text", "a\nb\n", `Parameter "text": the value has 4 characters, and max_length is 3.`},
		{"text", strings.Repeat("x", 65), `Parameter "text": "` + strings.Repeat("x", 64) +
			`…" has 65 characters, and max_length is 3.`},
		{"line", "line", ""},
		{
			"line", "a\nb", `Parameter "line": the value has a line break, and a string parameter is one line: ` +
				`remove the line break, or declare the parameter as text.`,
		},
		{"password", "hunter2", `Parameter "password": the value has 7 characters, and min_length is 8.`},
		{"key", "-----BEGIN", `Parameter "key": the value does not match the regular expression ^ssh-.`},
		{"pins", []Raw{"4711"}, `Parameter "pins": the value is not one of the allowed values: 1.`},
		{
			"prot", "secret", `There is no parameter "prot". The template declares: env, hostname, key, line, on, ` +
				`password, pins, port, tags, text, tier. Did you mean "port"?`,
		},
	} {
		_, fs := Resolve(declared, Given{Parameters: map[string]Raw{c.name: c.raw}})
		if c.want == "" && len(fs) == 0 {
			continue
		}
		if len(fs) != 1 || fs[0].Detail != c.want {
			t.Errorf("%s = %v:\n got %v\nwant %s", c.name, c.raw, fs, c.want)
		}
		if _, fs = Resolve(declared, Given{Secrets: map[string]Raw{c.name: c.raw}}); c.name != "prot" &&
			strings.Contains(fs.Error(), fmt.Sprint(c.raw)) {
			t.Errorf("the secret %s is repeated: %v", c.name, fs)
		}
	}
}

// written writes values in the order of their names.
func written(values Values) string {
	var words []string
	for _, name := range naming.SortedNames(values) {
		text := "?"
		if v := values[name]; v != nil {
			text = v.Text
		}
		words = append(words, name+"="+text)
	}
	return strings.Join(words, " ")
}

func TestSecretsAreNotShown(t *testing.T) {
	declared := map[string]Parameter{
		"a": {Type: "string"}, "b": {Type: "string", Sensitive: true}, "c": {Type: "string"},
	}
	g := Given{Parameters: map[string]Raw{"a": "1", "b": "2"}, Secrets: map[string]Raw{"c": "3"}}
	effective, _ := Resolve(declared, g)
	if got := written(Shown(declared, effective, g.Secrets)); got != "a=1" {
		t.Errorf("shown are %s", got)
	}
	same := func(a, b Raw) bool {
		return SameSecrets(declared, map[string]Raw{"a": 1, "b": a}, map[string]Raw{"a": 2, "b": b})
	}
	if !same("2", "2") || same("2", "3") || same("2", Unknown{}) ||
		SameSecrets(declared, nil, map[string]Raw{"b": "2"}) || !SameSecrets(declared, nil, nil) {
		t.Error("a change of a secret is not told from none")
	}
}

// Any raw value is either refused, or becomes a value whose text converts to the same value again.
func FuzzConvert(f *testing.F) {
	for _, kind := range Types() {
		for _, text := range []string{
			"", "a", "8080", "1e400", "-0.5", "true", `["a"]`, `{"a":"b"}`, `[1e1000000]`, `{"a":[]}`, "\xff",
		} {
			f.Add(kind, text)
		}
	}
	f.Fuzz(func(t *testing.T, kind, text string) {
		v, problem := convert(kind, text)
		if problem != "" {
			return
		}
		again, problem := convert(kind, v.Text)
		if problem != "" || *again != *v {
			t.Errorf("%q as %s is %+v, and that is %+v (%s)", text, kind, v, again, problem)
		}
		_ = fmt.Sprint(v.List(), v.Map(), v.length())
	})
}

func TestWhatHasToBeSetIsNotDefault(t *testing.T) {
	eighty, empty := "80", ""
	declared := map[string]Parameter{
		"port": {Type: TypeInteger, Default: &eighty},
		"alt":  {Type: TypeInteger, Default: &eighty},
		"name": {Type: TypeString, Required: true},
		"motd": {Type: TypeText, Default: &empty},
		"tag":  {Type: TypeString},
	}
	effective := Values{
		"port": {TypeInteger, "80"},
		"alt":  {TypeInteger, "81"},
		"name": {TypeString, "80"},
		"motd": {TypeText, ""},
		"tag":  {TypeString, ""},
	}
	set := NotDefault(declared, effective)
	if len(set) != 3 || set["alt"] != effective["alt"] || set["name"] != effective["name"] ||
		set["tag"] != effective["tag"] {
		t.Errorf("to be set: %v", set)
	}
	// When no parameters are declared any more, all values count as set.
	if set := NotDefault(nil, effective); len(set) != len(effective) {
		t.Errorf("to be set: %v", set)
	}
}
