package cloudinit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Config is what a template tells its guests at first boot.
type Config struct {
	// UserData is a cloud-config, written as a template of package text/template over the
	// parameters. Functions are those of userDataFunctions, and text/template's own.
	UserData string `json:"user_data"`
}

// CloudConfigHeader is the first word of a cloud-config
// (https://cloudinit.readthedocs.io/en/latest/explanation/format.html).
const CloudConfigHeader = "#cloud-config"

// ByteOrderMark is what some editors put before a text in UTF-8. It is not part of the text, but
// programs that do not know it take it for a part.
const ByteOrderMark = "\ufeff"

// CloudConfigBody returns what follows the first line of a cloud-config; ok is false for any other
// text. cloud-init skips blank space before that line, and ignores its case. CloudConfigBody skips
// a byte order mark before it.
func CloudConfigBody(text string) (body string, ok bool) {
	header, body, _ := strings.Cut(strings.TrimLeft(strings.TrimPrefix(text, ByteOrderMark), " \t\r\n"), "\n")
	words := strings.Fields(header)
	return body, len(words) > 0 && strings.EqualFold(words[0], CloudConfigHeader)
}

// NotCloudConfig says what to do about a text that is not a cloud-config, depending on what else
// cloud-init would take it for
// (https://cloudinit.readthedocs.io/en/latest/explanation/format.html).
func NotCloudConfig(text string) string {
	const must = "The first line must be " + CloudConfigHeader + ". "
	first := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(text, ByteOrderMark), " \t\r\n"))
	begins := func(prefix string) bool { return strings.HasPrefix(first, prefix) }
	switch {
	case begins("## template: jinja"):
		return must + "Jinja templates are not supported. A template's user_data is a Go template over its " +
			"parameters, so write {{ .hostname }} for what differs between instances; commands can ask for what " +
			"cloud-init knows about a guest with `cloud-init query`."
	case begins("#!"):
		return must + "A plain script is not supported: write it to a file with write_files, and run that with runcmd."
	case begins("content-type:"), begins("mime-version:"):
		return must + "MIME archives are not supported: combine the parts into one cloud-config."
	case begins("#include"), begins("#cloud-config-archive"), begins("#cloud-boothook"), begins("#part-handler"),
		begins("#cloud-config-jsonp"):
		return must + "Other forms of user data are not supported: write one cloud-config."
	}
	return must + "For a script use its runcmd or write_files."
}

// Validate returns findings for syntax errors in a template of user data. c may be nil; paths start
// at cloud_init.
func (c *Config) Validate() finding.List {
	var fs finding.List
	if c == nil {
		return nil
	}
	at := finding.At("cloud_init").Name("user_data")
	if _, ok := CloudConfigBody(c.UserData); !ok {
		fs.Add(at, "Not a cloud-config", NotCloudConfig(c.UserData))
	}
	if _, err := parseUserData(c.UserData); err != nil {
		fs.Add(at, "Invalid template", finding.Sentence(err))
	}
	return fs
}

// ValidateNames returns findings for names in a template of user data that are not parameters.
func (c *Config) ValidateNames(declared map[string]parameter.Parameter) finding.List {
	var fs finding.List
	if c == nil {
		return nil
	}
	parsed, err := parseUserData(c.UserData)
	if err != nil {
		return nil //nolint:nilerr // which Validate tells
	}
	at := finding.At("cloud_init").Name("user_data")
	for _, use := range uses(parsed.Root) {
		switch p, known := declared[use.name]; {
		case !known:
			fs.Add(at, "Unknown parameter", fmt.Sprintf("Line %d: there is no parameter %q. %s",
				line(c.UserData, use.pos), use.name, parameter.Instead(use.name, declared)))
		case use.deeper && p.Type != parameter.TypeMap:
			fs.Add(at, "Unknown field",
				fmt.Sprintf("Line %d: only a map has fields, and the parameter %q is of type %s.",
					line(c.UserData, use.pos), use.name, p.Type))
		}
	}
	return fs
}

// errUserDataSize says that rendering a template exceeds maxUserData.
var errUserDataSize = errors.New("user data becomes larger than 1 MiB")

// maxUserData bounds the size of a rendered template, in bytes.
const maxUserData = 1 << 20

// Render renders the user data with effective values, all of which must be known. Errors name the
// line, and never a value. c may be nil.
func (c *Config) Render(declared map[string]parameter.Parameter, effective parameter.Values) (string, error) {
	if c == nil {
		return "", nil
	}
	parsed, err := parseUserData(c.UserData)
	if err != nil {
		return "", err
	}
	data := make(map[string]any, len(declared))
	for name, p := range declared {
		data[name] = p.Variable(effective[name])
	}
	var out limited
	if err := parsed.Execute(&out, data); err != nil {
		return "", renderError(err)
	}
	return out.text.String(), nil
}

// limited collects text up to maxUserData.
type limited struct{ text strings.Builder }

func (l *limited) Write(data []byte) (int, error) {
	if l.text.Len()+len(data) > maxUserData {
		return 0, errUserDataSize
	}
	return l.text.Write(data)
}

// parsedUserData remembers templates by their text: a plan renders the same one for each instance.
var parsedUserData sync.Map

func parseUserData(text string) (*template.Template, error) {
	if parsed, ok := parsedUserData.Load(text); ok {
		return parsed.(*template.Template), nil
	}
	parsed, err := template.New("user_data").Option("missingkey=error").Funcs(userDataFunctions).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: user_data:"))
	}
	if parsed.Tree == nil {
		return nil, errors.New("it is empty")
	}
	w := walker{}
	if w.walk(parsed.Root, true); w.calls || len(parsed.Templates()) > 1 {
		return nil, errors.New("define, block and template have no use here: write their content where it belongs")
	}
	parsedUserData.Store(text, parsed)
	return parsed, nil
}

// renderError is an error of a template, without the values that the original may quote.
func renderError(err error) error {
	if errors.Is(err, errUserDataSize) {
		return errUserDataSize
	}
	if problem, ok := errors.AsType[*functionError](err); ok {
		return fmt.Errorf("function %s: %s", problem.function, problem.problem)
	}
	if _, ok := errors.AsType[template.ExecError](err); !ok {
		return errors.New("the template could not be rendered")
	}
	// template: user_data:LINE:COLUMN: executing "user_data" at <ACTION>: …
	place, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "template: user_data:"), ">: ")
	return fmt.Errorf("%s> failed", place)
}

// use is a place where a template uses a parameter.
type use struct {
	name   string
	deeper bool // a field of it is used
	pos    parse.Pos
}

// uses finds the parameters that a template uses. Within range and with, the dot has another
// meaning.
func uses(root parse.Node) []use {
	w := walker{}
	w.walk(root, true)
	slices.SortStableFunc(w.found, func(a, b use) int { return int(a.pos) - int(b.pos) })
	return w.found
}

type walker struct {
	found []use
	calls bool // other templates are called
}

// walk walks a node. root says that the dot still means the parameters.
func (w *walker) walk(n parse.Node, root bool) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				w.walk(child, root)
			}
		}
	case *parse.ActionNode:
		w.walk(n.Pipe, root)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				w.walk(command, root)
			}
		}
	case *parse.CommandNode:
		for _, argument := range n.Args {
			w.walk(argument, root)
		}
	case *parse.ChainNode:
		w.walk(n.Node, root)
	case *parse.FieldNode:
		if root {
			w.found = append(w.found, use{n.Ident[0], len(n.Ident) > 1, n.Pos})
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			w.found = append(w.found, use{n.Ident[1], len(n.Ident) > 2, n.Pos})
		}
	case *parse.TemplateNode:
		w.calls = true
	case *parse.IfNode:
		w.branch(&n.BranchNode, root, root)
	case *parse.WithNode:
		w.branch(&n.BranchNode, root, false)
	case *parse.RangeNode:
		w.branch(&n.BranchNode, root, false)
	}
}

func (w *walker) branch(n *parse.BranchNode, root, within bool) {
	w.walk(n.Pipe, root)
	w.walk(n.List, within)
	w.walk(n.ElseList, root)
}

func line(text string, pos parse.Pos) int {
	return 1 + strings.Count(text[:min(int(pos), len(text))], "\n")
}
