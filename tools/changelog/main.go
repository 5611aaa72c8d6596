// Changelog keeps the entries of CHANGELOG.md as files until a release, so that branches do not
// conflict.
//
//	changelog ROOT check                 reports the entries that cannot be read
//	changelog ROOT show                  prints the entries as the next release will list them
//	changelog ROOT release VERSION DATE  moves the entries to CHANGELOG.md
//
// .changes/README.md of the repository describes an entry.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// kinds are the kinds of changes in Keep a Changelog, in the order of their sections.
var kinds = []string{"added", "changed", "deprecated", "removed", "fixed", "security"}

// entry is one file. Its text is Markdown without the dash of the list.
type entry struct{ path, kind, text string }

var (
	format  = regexp.MustCompile(`\A---\nkind: ([a-z]+)\n---\n\n?((?s:.*\S))\n\z`)
	version = regexp.MustCompile(`\A\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?\z`)
	// released matches the heading of a version.
	released = regexp.MustCompile(`(?m)^## \[\d`)
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "changelog:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: changelog ROOT check|show|release [VERSION DATE]")
	}
	root, command, args := args[0], args[1], args[2:]
	entries, err := read(filepath.Join(root, ".changes", "unreleased"))
	if err != nil {
		return err
	}
	switch {
	case command == "check" && len(args) == 0:
		return nil
	case command == "show" && len(args) == 0:
		fmt.Print(strings.TrimSuffix(render(entries), "\n"))
		return nil
	case command == "release" && len(args) == 2:
		return release(root, entries, args[0], args[1])
	}
	return fmt.Errorf("%s %q: unknown command or arguments", command, args)
}

// read reads all entries of a directory, in the order of their names. The error names every file
// that is not an entry.
func read(directory string) (entries []entry, err error) {
	paths, err := filepath.Glob(filepath.Join(directory, "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		content, unread := os.ReadFile(path)
		if unread != nil {
			err = errors.Join(err, unread)
			continue
		}
		e, wrong := parse(string(content))
		if wrong == nil && filepath.Ext(path) != ".md" {
			wrong = errors.New("its name does not end with .md")
		}
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s is no entry: %w", path, wrong))
			continue
		}
		e.path = path
		entries = append(entries, e)
	}
	return entries, err
}

func parse(content string) (entry, error) {
	found := format.FindStringSubmatch(content)
	switch {
	case found == nil:
		return entry{}, errors.New(`it must be "---", "kind: KIND", "---", and a text, each on a line of its own`)
	case !slices.Contains(kinds, found[1]):
		return entry{}, fmt.Errorf("its kind is %q, and must be one of %s", found[1], strings.Join(kinds, ", "))
	case strings.HasPrefix(found[2], "- "):
		return entry{}, errors.New("its text begins with a dash, which is added later")
	}
	return entry{kind: found[1], text: found[2]}, nil
}

// render returns the sections of a version.
func render(entries []entry) string {
	var out strings.Builder
	for _, kind := range kinds {
		heading := "### " + strings.ToUpper(kind[:1]) + kind[1:] + "\n\n"
		for _, e := range entries {
			if e.kind == kind {
				out.WriteString(heading + "- " + strings.ReplaceAll(e.text, "\n", "\n  ") + "\n")
				heading = ""
			}
		}
		if heading == "" {
			out.WriteString("\n")
		}
	}
	return out.String()
}

// release inserts the entries above the versions in CHANGELOG.md, and removes their files.
func release(root string, entries []entry, number, date string) error {
	if !version.MatchString(number) {
		return fmt.Errorf("version %q: write it as 1.2.3", number)
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return err
	}
	if len(entries) == 0 {
		return errors.New("there are no entries to release")
	}
	path := filepath.Join(root, "CHANGELOG.md")
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.Contains(string(content), "\n## ["+number+"]") {
		return fmt.Errorf("%s has version %s already", path, number)
	}
	before, after := strings.TrimRight(string(content), "\n")+"\n\n", ""
	if at := released.FindIndex(content); at != nil {
		before, after = string(content[:at[0]]), string(content[at[0]:])
	}
	text := before + "## [" + number + "] - " + date + "\n\n" + render(entries) + after
	if err := os.WriteFile(path, []byte(strings.TrimRight(text, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	for _, e := range entries {
		err = errors.Join(err, os.Remove(e.path))
	}
	return err
}
