// Package finding describes what is wrong with what a user wrote: where, what, and what to do about
// it. All findings are returned at once, so that a plan and an apply report the same, each at the
// attribute to blame.
package finding

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Step is one step of a Path: an attribute's name, or a key of a map that the user chose.
type Step struct {
	Name string
	Key  bool
}

// Path leads from a resource's root to the attribute that a Finding blames.
type Path []Step

// At returns a path that starts at a top-level attribute.
func At(attribute string) Path { return Path{{Name: attribute}} }

// Name extends the path to a nested attribute.
func (p Path) Name(attribute string) Path {
	return append(slices.Clip(p), Step{Name: attribute})
}

// Key extends the path to an element of a map.
func (p Path) Key(key string) Path {
	return append(slices.Clip(p), Step{Name: key, Key: true})
}

// String writes the path as Terraform does: storage_profile.disks["system"].size_gb.
func (p Path) String() string {
	var b strings.Builder
	for i, step := range p {
		switch {
		case step.Key:
			b.WriteString(`["` + step.Name + `"]`)
		case i > 0:
			b.WriteString("." + step.Name)
		default:
			b.WriteString(step.Name)
		}
	}
	return b.String()
}

// Finding is one problem with what a user wrote: where, what, and what to do about it.
type Finding struct {
	Path    Path
	Summary string
	Detail  string
}

func (f Finding) Error() string { return f.Path.String() + ": " + f.Summary + ": " + f.Detail }

// List has all findings at once, so that a user can fix them in one go.
type List []Finding

// Add appends one finding. If its path leads through something that the user named, such as a
// parameter or a disk, the detail starts with that name unless it already contains it: Terraform
// may show no more of the path than the line of its first attribute.
func (fs *List) Add(path Path, summary, detail string) {
	for n, step := range slices.Backward(path) {
		if !step.Key {
			continue
		}
		// the detail may name the subject within a sentence, in lower case
		if subject := fmt.Sprintf("%s %q", noun(path[:n]), step.Name); !strings.Contains(detail, subject[1:]) {
			detail = subject + ": " + detail
		}
	}
	*fs = append(*fs, Finding{Path: path, Summary: summary, Detail: detail})
}

// noun is the noun for an element of the map at a path, as at the beginning of a sentence.
func noun(path Path) string {
	if len(path) == 0 {
		return "Element"
	}
	attribute := path[len(path)-1].Name
	if strings.HasPrefix(attribute, "parameters") { // and parameters_wo
		return "Parameter"
	}
	switch attribute {
	case "env":
		return "Variable"
	case "tmpfs":
		return "Tmpfs"
	}
	word := strings.TrimSuffix(attribute, "s")
	return strings.ToUpper(word[:1]) + word[1:]
}

// Collect returns what several checks find. It ends at the first that cannot check.
func Collect(checks ...func() (List, error)) (List, error) {
	var fs List
	for _, check := range checks {
		found, err := check()
		if err != nil {
			return nil, err
		}
		fs = append(fs, found...)
	}
	return fs, nil
}

// Err returns nil if there are no findings, and otherwise the findings as one error; errors.As
// returns the List.
func (fs List) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

func (fs List) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Sentence turns an error's text into a sentence that can end a diagnostic, without the words of
// package context.
func Sentence(err error) string {
	text := strings.TrimSpace(err.Error())
	if what, cut := strings.CutSuffix(text, context.DeadlineExceeded.Error()); cut {
		text = what + "the time ran out"
	} else if what, cut := strings.CutSuffix(text, context.Canceled.Error()); cut {
		text = what + "cancelled"
	}
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

// Available is a sentence that lists what exists instead of what was not found: "It has: a, b." for
// "It has".
func Available(has string, names []string) string {
	if len(names) == 0 {
		return has + " none."
	}
	return has + ": " + strings.Join(names, ", ") + "."
}
