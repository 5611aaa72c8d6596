package tfacc

import (
	"slices"
	"testing"
)

func TestDiagnosticsAreToldApart(t *testing.T) {
	const out = `
Warning: Not about it_7

Careful.

Error: Invalid value

  with novacron_template.it_0,
  on main.tf line 7, in resource "novacron_template" "it_0":

Error: an "Error: " in the midst of a line is none.

Error: Invalid value

  with novacron_template.it_12,

Warning: The end
`
	var got []int
	for _, diagnostic := range diagnostics(out) {
		got = append(got, numbered(diagnostic))
	}
	if want := []int{0, -1, 12}; !slices.Equal(got, want) {
		t.Errorf("the errors are about %v, want %v", got, want)
	}
	if got := diagnostics("nothing"); len(got) > 0 {
		t.Errorf("nothing has the errors %q", got)
	}
}
