package cloudinit

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/texttemplate"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func userData(lines ...string) *Config {
	return &Config{UserData: "#cloud-config\n" + strings.Join(lines, "\n") + "\n"}
}

var allTypes = map[string]parameter.Parameter{
	"text":  {Type: "text"},
	"port":  {Type: "integer"},
	"ratio": {Type: "number"},
	"on":    {Type: "bool"},
	"tags":  {Type: "list"},
	"env":   {Type: "map"},
	"unset": {Type: "string"},
}

func render(t testing.TB, c *Config, given map[string]parameter.Raw) (string, error) {
	t.Helper()
	effective, fs := parameter.Resolve(allTypes, parameter.Given{Parameters: given})
	if len(fs) > 0 {
		t.Fatal(fs)
	}
	return c.Render(allTypes, effective)
}

func TestUserDataIsRendered(t *testing.T) {
	given := map[string]parameter.Raw{
		"text":  "a \"b\"\n# c: d",
		"port":  "8080",
		"ratio": "0.10",
		"on":    true,
		"tags":  []parameter.Raw{"x", "y z"},
		"env":   map[string]parameter.Raw{"K": "v'"},
	}
	for line, want := range map[string]string{
		`{{ quote .text }}`:                                    `"a \"b\"\n# c: d"`,
		`{{ .port }} {{ .ratio }} {{ .on }}`:                   `8080 0.1 true`,
		`{{ quote .port }} {{ json .port }}`:                   `"8080" 8080`,
		`{{ json .on }} {{ quote .on }}`:                       `true "true"`,
		`{{ json .tags }} {{ quote .tags }}`:                   `["x","y z"] ["x","y z"]`,
		`{{ json .env }}`:                                      `{"K":"v'"}`,
		`{{ shell .env.K }} {{ shell .tags }}`:                 `'v'\''' 'x' 'y z'`,
		`{{ join ", " .tags }}`:                                `x, y z`,
		`{{ .tags | join "+" | quote }}`:                       `"x+y z"`,
		`{{ default "none" .unset }} {{ default 1 .port }}`:    `none 8080`,
		`{{ if .on }}yes{{ else }}no{{ end }}`:                 `yes`,
		`{{ if gt .port 80 }}high{{ end }}`:                    `high`,
		`{{ range .tags }}<{{ . }}:{{ $.port }}>{{ end }}`:     `<x:8080><y z:8080>`,
		`{{ range $k, $v := .env }}{{ $k }}={{ $v }}{{ end }}`: `K=v'`,
		`{{ with .unset }}set{{ else }}{{ .port }}{{ end }}`:   `8080`,
		`x{{ .unset }}y`:                                       `xy`,
		`{{ indent 2 .text }}`:                                 "a \"b\"\n  # c: d",
		`{{ json .text }}`:                                     `"a \"b\"\n# c: d"`,
	} {
		c := userData(line)
		if fs := append(c.Validate(), c.ValidateNames(allTypes)...); len(fs) > 0 {
			t.Errorf("%s: %v", line, fs)
		}
		got, err := render(t, c, given)
		if got = strings.TrimSuffix(strings.TrimPrefix(got, "#cloud-config\n"), "\n"); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", line, got, err, want)
		}
	}
	var none *Config
	if got, err := none.Render(nil, nil); got != "" || err != nil || len(none.Validate()) > 0 ||
		len(none.ValidateNames(nil)) > 0 {
		t.Error("no cloud_init says something")
	}
}

func TestWrongTemplatesAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "cloud_init.user_data: Not a cloud-config",
		"#!/bin/sh\n":                      "cloud_init.user_data: Not a cloud-config",
		"#cloud-config\n{{ .port":          "cloud_init.user_data: Invalid template",
		"#cloud-config\n{{ qoute .port }}": "cloud_init.user_data: Invalid template",
		"#cloud-config\n{{ define \"x\" }}y{{ end }}": "cloud_init.user_data: Invalid template",
		"#cloud-config\n{{ template \"text\" }}":      "cloud_init.user_data: Invalid template",
	} {
		if fs := (&Config{UserData: text}).Validate(); len(fs) == 0 || !strings.HasPrefix(fs[0].Error(), want) {
			t.Errorf("%q: found %v, want %s", text, fs, want)
		}
	}
	fs := userData("a: {{ .port }}", "b: {{ if .on }}{{ $.nothing }}{{ end }}",
		"c: {{ range .tags }}{{ .x }}{{ end }}{{ (index .tag 0) }}").ValidateNames(allTypes)
	findingtest.Expect(t, "names", fs, "cloud_init.user_data: Unknown parameter",
		"cloud_init.user_data: Unknown parameter")
	if len(fs) == 2 && (!strings.Contains(fs[0].Detail, "Line 3") || !strings.Contains(fs[1].Detail, "Line 4") ||
		!strings.Contains(fs[1].Detail, `Did you mean "tags"?`)) {
		t.Errorf("got %v", fs)
	}
}

func TestRenderingErrorsKeepValuesToThemselves(t *testing.T) {
	for line, want := range map[string]string{
		`{{ indent 2 .text }}`:                "function indent",
		`{{ index .tags 7 }}`:                 "2:3",
		`{{ .env.missing }}`:                  "2:7",
		`{{ shell .env }}`:                    "function shell",
		`{{ range 300000 }}xxxxxxxx{{ end }}`: "1 MiB",
	} {
		_, err := render(t, userData(line), map[string]parameter.Raw{
			"text": " secret", "tags": []parameter.Raw{"secret"}, "env": map[string]parameter.Raw{"a": "secret"},
		})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
}

// Values are always data: a YAML parser reads a quoted value as it was written, and nothing next to
// it changes.
func FuzzValuesStayValues(f *testing.F) {
	for _, hostile := range []string{
		"", "plain", "\"", "'", "\\", "\n", "a\nb: c\n", "# no", ": ", "- x", "{{ .port }}", "{{", "}}", "&a", "*a",
		"!!python/object", "%", "@", "`", "|", ">",
		"no", "1:30", "0x1f", "~", "null", "\t", " lead", "trail ", "\r\n", "\u0085", "\u2028\u2029", "\ufeff",
		"\u00a0", "\x7f", "\x1b[31m", "\x00", "ü", "日本", "😀", "\ufffe",
		"$(id)", "`id`", "${HOME}", "'; id; '", "]", "}", ",", "\"]\nruncmd: [id]\n", strings.Repeat("x\"\n", 22000),
	} {
		f.Add(hostile)
	}
	c := userData("quoted: {{ quote .text }}", "flow: [{{ quote .text }}, {{ json .text }}]", "list: {{ json .tags }}",
		"map: {{ json .env }}", "after: untouched")
	block := userData("block: |2-", "  {{ indent 2 .text }}", "after: untouched")
	f.Fuzz(func(t *testing.T, value string) {
		given := map[string]parameter.Raw{
			"text": value, "tags": []parameter.Raw{value, "x"}, "env": map[string]parameter.Raw{"k": value},
		}
		effective, fs := parameter.Resolve(allTypes, parameter.Given{Parameters: given})
		if len(fs) > 0 {
			if !strings.ContainsRune(value, 0) {
				t.Fatalf("%q is refused: %v", value, fs)
			}
			return
		}
		clean := strings.ToValidUTF8(value, "\ufffd") // Terraform has only valid UTF-8
		if clean != value {
			return
		}
		text, err := c.Render(allTypes, effective)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"quoted": value,
			"flow":   []any{value, value},
			"list":   []any{value, "x"},
			"map":    map[string]any{"k": value},
			"after":  "untouched",
		}
		var got map[string]any
		if err := yaml.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q became %v (%v)\nin %s", value, got, err, text)
		}
		if text, err = block.Render(allTypes, effective); err != nil {
			return // refused, which is just as good
		}
		got = nil
		if err := yaml.Unmarshal([]byte(text), &got); err != nil ||
			strings.TrimRight(got["block"].(string), "\n") != strings.TrimRight(value, "\n") ||
			got["after"] != "untouched" || len(got) != 2 {
			t.Errorf("%q became %v (%v)\nin %s", value, got, err, text)
		}
	})
}

// Any text is either a template or refused as one; rendering it neither crashes nor hangs.
func FuzzTemplates(f *testing.F) {
	for _, text := range []string{
		"{{ .port }}", "{{ range .tags }}{{ . }}{{ end }}", "{{ template \"text\" . }}",
		"{{ $x := .env }}{{ $x.a }}", "{{ with $.on }}{{ end }}", "{{ (quote .text) | json }}", "{{ printf \"%v\" . }}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "range") && strings.ContainsAny(text, "0123456789") {
			return // counting to a large number takes long
		}
		c := &Config{UserData: CloudConfigHeader + "\n" + text}
		if len(c.Validate()) > 0 || len(c.ValidateNames(allTypes)) > 0 {
			return
		}
		effective, _ := parameter.Resolve(allTypes,
			parameter.Given{
				Parameters: map[string]parameter.Raw{
					"text": "x", "port": "1", "tags": []parameter.Raw{"a"}, "env": map[string]parameter.Raw{"a": "b"},
				},
			})
		if out, err := c.Render(allTypes, effective); err == nil && len(out) > texttemplate.MaxRendered {
			t.Errorf("%q became %d bytes", text, len(out))
		}
	})
}

func BenchmarkResolveAndRender(b *testing.B) {
	declared, g := map[string]parameter.Parameter{}, parameter.Given{Parameters: map[string]parameter.Raw{}}
	var text strings.Builder
	text.WriteString("#cloud-config\nwrite_files:\n")
	for i := range 50 {
		name := fmt.Sprintf("p%d", i)
		switch i % 4 {
		case 0:
			declared[name], g.Parameters[name] = parameter.Parameter{
				Type: "string", Regex: "^[a-z]+$", MaxLength: new(int64(20)),
			}, "value"
		case 1:
			declared[name], g.Parameters[name] = parameter.Parameter{
				Type: "integer", MinValue: new("1"), MaxValue: new("65535"),
			}, big.NewFloat(8080)
		case 2:
			declared[name], g.Parameters[name] = parameter.Parameter{
				Type: "string", AllowedValues: []string{"a", "b", "c"},
			}, "b"
		case 3:
			declared[name], g.Parameters[name] = parameter.Parameter{Type: "list", MaxLength: new(int64(5))},
				[]parameter.Raw{"a", "b"}
		}
		fmt.Fprintf(&text, "  - path: /etc/%s\n    content: {{ quote .%s }}\n", name, name)
	}
	c := &Config{UserData: text.String()}
	if fs := append(parameter.Validate(declared), c.ValidateNames(declared)...); len(fs) > 0 {
		b.Fatal(fs)
	}
	for b.Loop() {
		effective, fs := parameter.Resolve(declared, g)
		if len(fs) > 0 {
			b.Fatal(fs)
		}
		if _, err := c.Render(declared, effective); err != nil {
			b.Fatal(err)
		}
	}
}
