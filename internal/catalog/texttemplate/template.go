package texttemplate

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/template"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Invalid is the summary of a finding about a text that is not a template.
const Invalid = "Invalid template"

// Template is a text that was parsed. Its functions are those of package text/template, and
// functions.
type Template struct {
	source string
	parsed *template.Template // nil for a text without actions
}

// templateName begins the errors of package text/template.
const templateName = "text"

// known remembers templates by their sources: a plan renders the same one for each instance.
var known sync.Map

// Parse parses a text. Its error names the line of what is wrong.
func Parse(source string) (*Template, error) {
	if !strings.Contains(source, "{{") {
		return &Template{source: source}, nil
	}
	if t, ok := known.Load(source); ok {
		return t.(*Template), nil
	}
	parsed, err := template.New(templateName).Option("missingkey=error").Funcs(functions).Parse(source)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "+templateName+":"))
	}
	if parsed.Tree == nil {
		return nil, errors.New("it is empty")
	}
	w := walker{}
	if w.walk(parsed.Root, true); w.calls || len(parsed.Templates()) > 1 {
		return nil, errors.New("define, block and template have no use here: write their content where it belongs")
	}
	t := &Template{source: source, parsed: parsed}
	known.Store(source, t)
	return t, nil
}

// Plain reports whether the text has no actions, so that it is rendered as it is.
func (t *Template) Plain() bool { return t.parsed == nil }

// ValidateNames adds findings for names in the text that are not parameters.
func (t *Template) ValidateNames(
	fs *finding.List, at finding.Path, declared map[string]parameter.Parameter,
) {
	if t.Plain() {
		return
	}
	for _, use := range uses(t.parsed.Root) {
		switch p, known := declared[use.name]; {
		case !known:
			fs.Add(at, "Unknown parameter", fmt.Sprintf("%sthere is no parameter %q. %s", t.line(use.pos), use.name,
				parameter.Instead(use.name, declared)))
		case use.deeper && p.Type != parameter.TypeMap:
			fs.Add(at, "Unknown field", fmt.Sprintf("%sonly a map has fields, and the parameter %q is of type %s.",
				t.line(use.pos), use.name, p.Type))
		}
	}
}

// Variables are the values of parameters as texts use them.
type Variables map[string]any

// VariablesOf returns the variables of effective values, all of which must be known.
func VariablesOf(declared map[string]parameter.Parameter, effective parameter.Values) Variables {
	v := make(Variables, len(declared))
	for name, p := range declared {
		v[name] = p.Variable(effective[name])
	}
	return v
}

// MaxRendered is how many bytes a text may have when it is rendered.
const MaxRendered = 1 << 20

// errSize says that rendering a text exceeds MaxRendered.
var errSize = errors.New("the text becomes larger than 1 MiB")

// Render renders the text. Errors name the line, and never a value.
func (t *Template) Render(v Variables) (string, error) {
	if t.Plain() {
		return t.source, nil
	}
	var out limited
	if err := t.parsed.Execute(&out, map[string]any(v)); err != nil {
		return "", renderError(err)
	}
	return out.text.String(), nil
}

// limited collects text up to MaxRendered.
type limited struct{ text strings.Builder }

func (l *limited) Write(data []byte) (int, error) {
	if l.text.Len()+len(data) > MaxRendered {
		return 0, errSize
	}
	return l.text.Write(data)
}

// renderError is an error of a template, without the values that the original may quote.
func renderError(err error) error {
	if errors.Is(err, errSize) {
		return errSize
	}
	if problem, ok := errors.AsType[*functionError](err); ok {
		return fmt.Errorf("function %s: %s", problem.function, problem.problem)
	}
	if _, ok := errors.AsType[template.ExecError](err); !ok {
		return errors.New("the template could not be rendered")
	}
	// template: text:LINE:COLUMN: executing "text" at <ACTION>: …
	place, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "template: "+templateName+":"), ">: ")
	return fmt.Errorf("%s> failed", place)
}
