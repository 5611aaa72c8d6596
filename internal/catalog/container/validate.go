package container

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/texttemplate"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Limits of settings. Times are in seconds.
const (
	maxStopTimeout = 3600
	maxHealthTime  = 24 * 60 * 60
	maxRetries     = 1000
	maxTmpfsMB     = 1 << 20
)

func at() finding.Path { return finding.At("container") }

// Validate returns findings for what is wrong no matter what s is laid over; s may be nil. Paths
// start at container. Texts with templates are checked once they are rendered.
func (s *Settings) Validate() finding.List {
	var fs finding.List
	if s == nil {
		return nil
	}
	oneOf(&fs, at().Name("init"), "Unknown init", s.Init, Inits())
	oneOf(&fs, at().Name("restart"), "Unknown restart policy", s.Restart, Restarts())
	if s.StopSignal != nil {
		if _, known := Signal(*s.StopSignal); !known {
			fs.Add(at().Name("stop_signal"), "Unknown signal", fmt.Sprintf("%q is not a signal of Linux: write its "+
				"name or number, such as SIGQUIT, 3 or SIGRTMIN+3.", *s.StopSignal))
		}
	}
	within(&fs, at().Name("stop_timeout_seconds"), s.StopTimeoutSeconds, 0, maxStopTimeout)
	s.HealthCheck.validate(&fs)
	for _, name := range naming.SortedNames(s.Tmpfs) {
		at := at().Name("tmpfs").Key(name)
		if problem := MountProblem(name); problem != "" && name != sharedMemory {
			fs.Add(at, "Invalid path", problem)
		}
		within(&fs, at.Name("size_mb"), s.Tmpfs[name].SizeMB, 1, maxTmpfsMB)
	}
	for _, name := range naming.SortedNames(s.Env) {
		if problem := nameProblem(name); problem != "" {
			fs.Add(at().Name("env").Key(name), "Invalid name of a variable", problem)
		}
	}
	for _, t := range s.texts() {
		parsed, err := texttemplate.Parse(*t.text)
		if err != nil {
			fs.Add(t.at, texttemplate.Invalid, t.element+finding.Sentence(err))
		} else if problem := t.form(*t.text); problem != "" && parsed.Plain() {
			fs.Add(t.at, t.summary, fmt.Sprintf("%s%s %s.", t.element, t.named(), problem))
		}
	}
	return fs
}

// ValidateNames returns findings for names in templates that are not parameters. s may be nil.
func (s *Settings) ValidateNames(declared map[string]parameter.Parameter) finding.List {
	var fs finding.List
	for _, t := range s.texts() {
		if parsed, err := texttemplate.Parse(*t.text); err == nil { // otherwise Validate tells
			var found finding.List
			parsed.ValidateNames(&found, t.at, declared)
			for n := range found {
				found[n].Detail = t.element + found[n].Detail
			}
			fs = append(fs, found...)
		}
	}
	return fs
}

// ValidateWhole returns findings for what does not fit together in complete settings, but for those
// of the image: settings of an application where the image's init is process 1. s may be nil.
func (s *Settings) ValidateWhole() finding.List {
	var fs finding.List
	if !s.System() {
		return nil
	}
	if s.Privileged == nil || !*s.Privileged {
		fs.Add(at().Name("privileged"), "System container is not privileged", "With init = \"system\", root in the "+
			"container is root on the host: set privileged = true to allow that.")
	}
	for _, set := range []struct {
		name string
		is   bool
	}{
		{"entrypoint", s.Entrypoint != nil},
		{"command", s.Command != nil},
		{"env", len(s.Env) > 0},
		{"working_dir", s.WorkingDir != nil},
		{"user", s.User != nil},
		{"restart", s.Restart != nil},
		{"stop_signal", s.StopSignal != nil},
		{"health_check", s.HealthCheck != nil},
	} {
		if set.is {
			fs.Add(at().Name(set.name), "Not supported by a system container", fmt.Sprintf("With init = \"system\", "+
				"the init system of the image decides what runs, and how: leave %s out, in the template and its "+
				"version too, or use init = \"process\".", set.name))
		}
	}
	return fs
}

func (h *HealthCheck) validate(fs *finding.List) {
	if h == nil {
		return
	}
	at := at().Name("health_check")
	within(fs, at.Name("interval_seconds"), h.IntervalSeconds, 1, maxHealthTime)
	within(fs, at.Name("timeout_seconds"), h.TimeoutSeconds, 1, maxHealthTime)
	within(fs, at.Name("start_period_seconds"), h.StartPeriodSeconds, 0, maxHealthTime)
	within(fs, at.Name("retries"), h.Retries, 1, maxRetries)
	if problem := formProblem(h.Command); problem != "" {
		fs.Add(at.Name("command"), "Invalid health check", problem)
	}
}

// formProblem is what is wrong with the form of a health check's command, as a sentence.
func formProblem(command []string) string {
	const forms = "write [\"CMD\", \"/bin/check\", \"--quick\"], [\"CMD-SHELL\", \"wget -qO- http://127.0.0.1/\"], " +
		"or [\"NONE\"] for no check."
	switch {
	case command == nil:
	case len(command) == 0:
		return "It is empty: " + forms
	case command[0] == HealthCommand && len(command) == 1:
		return "There is no program after \"CMD\": " + forms
	case command[0] == HealthShell && len(command) != 2:
		return "After \"CMD-SHELL\" there is one line for the shell: " + forms
	case command[0] == HealthNone && len(command) != 1:
		return "Nothing may follow \"NONE\": " + forms
	case !slices.Contains([]string{HealthCommand, HealthShell, HealthNone}, command[0]):
		return fmt.Sprintf("It begins with %s: %s", quoted(command[0]), forms)
	}
	return ""
}

// nameProblem is what is wrong with the name of a variable, as a sentence.
func nameProblem(name string) string {
	switch {
	case name == "":
		return "A name is empty."
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '=' || r >= 0x7f }):
		return "Use letters, digits and underscores: other characters of ASCII are allowed, but no spaces and no \"=\"."
	}
	return ""
}

func within(fs *finding.List, at finding.Path, v *int64, low, high int64) {
	if v != nil && (*v < low || *v > high) {
		fs.Add(at, "Value out of range", fmt.Sprintf("%d is not between %d and %d.", *v, low, high))
	}
}

func oneOf(fs *finding.List, at finding.Path, summary string, v *string, known []string) {
	if v != nil && !slices.Contains(known, *v) {
		fs.Add(at, summary, fmt.Sprintf("%q is not one of %s.", *v, strings.Join(known, ", ")))
	}
}
