// Package findingtest compares findings with those that a test expects.
package findingtest

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// found lists findings as "path: summary".
func found(fs finding.List) []string {
	var lines []string
	for _, f := range fs {
		lines = append(lines, f.Path.String()+": "+f.Summary)
		if !strings.HasSuffix(f.Detail, ".") && !strings.HasSuffix(f.Detail, "?") || len(f.Detail) < 2 {
			lines = append(lines, "not a sentence: "+f.Detail)
		}
		for _, step := range f.Path {
			if step.Key && !strings.Contains(f.Detail, strconv.Quote(step.Name)) {
				lines = append(lines, "does not name "+step.Name+": "+f.Detail)
			}
		}
	}
	return lines
}

// Expect reports differences between the findings and those wanted, each written as "path:
// summary", and details that are not sentences or do not name the keys of their path.
func Expect(t *testing.T, name string, fs finding.List, want ...string) {
	t.Helper()
	if got := found(fs); !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}
