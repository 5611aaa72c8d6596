package tfacc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Refusals is a collection of mistakes that a plan reports. It puts many of them into one plan,
// since most of the time goes into starting Terraform.
type Refusals struct {
	space    *Workspace
	base     string
	mistakes []mistake
}

type mistake struct {
	name, config string
	says         []string
}

// Refusals starts a collection of mistakes. base is the rest of the configuration, which has none.
func (w *Workspace) Refusals(base string) *Refusals { return &Refusals{space: w, base: base} }

// Add adds a mistake: the configuration of a resource with the label "it", and phrases of the error
// about it, in their order.
func (r *Refusals) Add(name, config string, says ...string) {
	r.mistakes = append(r.mistakes, mistake{name, config, says})
}

// Check plans all mistakes, and checks the errors about each as if it were planned alone. Errors of
// Terraform's validation hide errors that only a plan finds, so Check plans the remaining mistakes
// again. The workspace keeps the last of these configurations.
func (r *Refusals) Check(t *testing.T) {
	t.Helper()
	said := map[int]string{}
	for len(said) < len(r.mistakes) {
		before := len(said)
		out := r.plan(t, said)
		for _, diagnostic := range diagnostics(out) {
			n := numbered(diagnostic)
			if n < 0 {
				t.Fatalf("this is said of none of the mistakes:\n%s", diagnostic)
			}
			said[n] += numberedLabel.ReplaceAllString(diagnostic, "it")
		}
		if len(said) == before {
			t.Fatalf("nothing more is said of %q:\n%s", r.unsaid(said), out)
		}
	}
	for n, m := range r.mistakes {
		t.Run(m.name, func(t *testing.T) { Says(t, said[n], m.says...) })
	}
}

// plan plans the mistakes without an error so far.
func (r *Refusals) plan(t *testing.T, said map[int]string) string {
	t.Helper()
	var config strings.Builder
	config.WriteString(r.base)
	for n, m := range r.mistakes {
		if _, ok := said[n]; !ok {
			config.WriteString(label.ReplaceAllString(m.config, fmt.Sprintf(`${1}"it_%d"`, n)))
		}
	}
	r.space.Configure(t, config.String())
	out, err := r.space.Run(t.Context(), "plan")
	if err == nil {
		t.Fatalf("a plan accepts %q:\n%s", r.unsaid(said), out)
	}
	return out
}

// unsaid returns the names of the mistakes without an error so far.
func (r *Refusals) unsaid(said map[int]string) (names []string) {
	for n, m := range r.mistakes {
		if _, ok := said[n]; !ok {
			names = append(names, m.name)
		}
	}
	return names
}

// diagnostics returns the errors in Terraform's output.
func diagnostics(out string) (errors []string) {
	starts := append(diagnosticStart.FindAllStringIndex(out, -1), []int{len(out)})
	for n, start := range starts[:len(starts)-1] {
		if diagnostic := out[start[0]:starts[n+1][0]]; strings.HasPrefix(diagnostic, "Error: ") {
			errors = append(errors, diagnostic)
		}
	}
	return errors
}

var (
	diagnosticStart = regexp.MustCompile(`(?m)^(Error|Warning): `)

	label         = regexp.MustCompile(`(?m)^(\s*resource "\w+" )"it"`)
	numberedLabel = regexp.MustCompile(`\bit_(\d+)\b`)
)

// numbered returns the number of the mistake that a diagnostic is about, or -1.
func numbered(diagnostic string) int {
	match := numberedLabel.FindStringSubmatch(diagnostic)
	if match == nil {
		return -1
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		return -1
	}
	return n
}
