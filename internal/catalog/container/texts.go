package container

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/texttemplate"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// text is a text of settings that may be a template.
type text struct {
	at      finding.Path
	element string // begins a sentence about an element of a list: "Element 1: "
	summary string // of a finding about its form
	secret  bool   // it may hold a secret, and is not quoted
	text    *string
	form    func(string) string // what is wrong with the text once it is rendered, as the end of a sentence
}

// named names the text in a sentence.
func (t text) named() string {
	if t.secret {
		return "it"
	}
	return quoted(*t.text)
}

// maxArgument is how many bytes an argument or a variable of a program may have on Linux, with the
// zero at its end (MAX_ARG_STRLEN, 128 KiB). A variable has its name, too.
const maxArgument = 120 << 10

// texts returns all texts of s that may be templates. s may be nil. Of a map, which has no addresses,
// it returns copies of the values.
func (s *Settings) texts() []text {
	var all []text
	if s == nil {
		return nil
	}
	list := func(at finding.Path, summary string, first int, texts []string, program bool) {
		for i := first; i < len(texts); i++ {
			form := argumentProblem
			if i == first && program {
				form = programProblem
			}
			all = append(all, text{at, fmt.Sprintf("Element %d: ", i), summary, true, &texts[i], form})
		}
	}
	list(at().Name("entrypoint"), "Invalid program", 0, s.Entrypoint, true)
	list(at().Name("command"), "Invalid argument", 0, s.Command, s.Entrypoint != nil && len(s.Entrypoint) == 0)
	for _, name := range naming.SortedNames(s.Env) {
		value := s.Env[name]
		all = append(all, text{
			at().Name("env").Key(name), "", "Invalid value of a variable", true, &value, argumentProblem})
	}
	if s.WorkingDir != nil {
		all = append(all, text{at().Name("working_dir"), "", "Invalid path", false, s.WorkingDir, directoryProblem})
	}
	if s.User != nil {
		all = append(all, text{at().Name("user"), "", "Invalid user", false, s.User, userProblem})
	}
	if s.HealthCheck != nil {
		list(at().Name("health_check").Name("command"), "Invalid health check", 1, s.HealthCheck.Command, true)
	}
	return all
}

// Render renders every template with effective values, all of which must be known, and checks what
// that makes. An error is a finding.List at the attributes of container, and never quotes a value. s
// may be nil. What s was laid over has to be in it already, but for what the image says: texts of an
// image are no templates.
func (s *Settings) Render(declared map[string]parameter.Parameter, effective parameter.Values) (*Settings, error) {
	var fs finding.List
	if s == nil {
		return nil, nil
	}
	var (
		rendered  = s.clone()
		variables = texttemplate.VariablesOf(declared, effective)
	)
	for _, t := range rendered.texts() {
		parsed, err := texttemplate.Parse(*t.text)
		if err != nil {
			fs.Add(t.at, texttemplate.Invalid, t.element+finding.Sentence(err))
			continue
		}
		if *t.text, err = parsed.Render(variables); err != nil {
			fs.Add(t.at, "Could not fill in parameters", t.element+finding.Sentence(err))
		} else if problem := t.form(*t.text); problem != "" {
			fs.Add(t.at, t.summary, fmt.Sprintf("%sFilled in with these parameters, it %s.", t.element, problem))
		}
		if name := t.at[len(t.at)-1]; name.Key {
			rendered.Env[name.Name] = *t.text
		}
	}
	if err := fs.Err(); err != nil {
		return nil, err
	}
	return rendered, nil
}

// clone copies all that Render changes.
func (s *Settings) clone() *Settings {
	c := *s
	c.Entrypoint, c.Command, c.Env = slices.Clone(s.Entrypoint), slices.Clone(s.Command), maps.Clone(s.Env)
	c.WorkingDir, c.User = copied(s.WorkingDir), copied(s.User)
	if s.HealthCheck != nil {
		h := *s.HealthCheck
		h.Command = slices.Clone(h.Command)
		c.HealthCheck = &h
	}
	return &c
}

func copied(s *string) *string {
	if s == nil {
		return nil
	}
	c := *s
	return &c
}

// quoted quotes a text for a message.
func quoted(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

// argumentProblem is what is wrong with an argument or the value of a variable.
func argumentProblem(s string) string {
	switch {
	case strings.ContainsRune(s, 0):
		return "has a NUL character"
	case len(s) > maxArgument:
		return fmt.Sprintf("is longer than %d KiB, and Linux takes no longer ones: write a file", maxArgument>>10)
	}
	return ""
}

func programProblem(s string) string {
	if strings.TrimSpace(s) == "" {
		return "is not the name of a program"
	}
	return argumentProblem(s)
}

// own are the directories that the kernel and nova-init have in a container.
var own = []string{"/proc", "/sys", "/dev", "/.nova"}

// sharedMemory is the one directory in /dev that can be a tmpfs of its own size.
const sharedMemory = "/dev/shm"

// directoryProblem is what is wrong with the path of a directory.
func directoryProblem(s string) string {
	switch {
	case !path.IsAbs(s):
		return "is not an absolute path"
	case strings.ContainsFunc(s, isControl):
		return "has a control character"
	case path.Clean(s) != s:
		return "is not in its shortest form: leave out . and .., doubled slashes, and a slash at its end"
	}
	for _, o := range own {
		if inside(s, o) {
			return fmt.Sprintf("is in %s, which is not the image's", o)
		}
	}
	return ""
}

// MountProblem is what is wrong with a path at which a container has a disk, as a sentence; "" for
// nothing.
func MountProblem(s string) string {
	problem := directoryProblem(s)
	if s == "/" {
		problem = "is the root, which is the system disk's"
	}
	if problem == "" {
		return ""
	}
	return fmt.Sprintf("%s %s.", quoted(s), problem)
}

// userForm is what a user or a group is: a number, or a name as useradd(8) and images have it.
var userForm = regexp.MustCompile(`^[0-9]+$|^[A-Za-z_][A-Za-z0-9_.-]*\$?$`)

func userProblem(s string) string {
	for id := range strings.SplitSeq(s, ":") {
		if !userForm.MatchString(id) {
			return "is not a user, or a user and a group, by names or numbers, such as app, app:app or 1000:1000"
		}
		if n, err := strconv.ParseUint(id, 10, 64); id[0] <= '9' && (err != nil || n > maxID) {
			return fmt.Sprintf("has a number above %d", maxID)
		}
	}
	if strings.Count(s, ":") > 1 {
		return "has more than one colon"
	}
	return ""
}

// maxID is the largest number of a user or a group that images may use.
const maxID = 1<<31 - 1

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// inside reports whether a path is a directory or something in it.
func inside(s, directory string) bool {
	return s == directory || strings.HasPrefix(s, strings.TrimSuffix(directory, "/")+"/")
}
