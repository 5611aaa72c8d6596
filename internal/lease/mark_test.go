//go:build linux

package lease

import (
	"strings"
	"testing"
)

func TestAMarkTellsWhetherItsProcessHasEnded(t *testing.T) {
	place, rest, _ := strings.Cut(Mark(), "-")
	pid, start, _ := strings.Cut(rest, "-")
	const gone = "4194305" // beyond PID_MAX_LIMIT of Linux
	for what, c := range map[string]struct {
		mark string
		dead bool
	}{
		"this process":            {Mark(), false},
		"none of its number":      {strings.Join([]string{place, gone, start}, "-"), true},
		"its number is another's": {strings.Join([]string{place, pid, start + "0"}, "-"), true},
		"another place":           {strings.Join([]string{"0" + place[1:] + "0", gone, start}, "-"), false},
		"without a start":         {strings.Join([]string{place, gone}, "-"), false},
		"no number":               {strings.Join([]string{place, "x", start}, "-"), false},
		"nothing":                 {"", false},
	} {
		if got := MarkDead(c.mark); got != c.dead {
			t.Errorf("%s: %q counts as dead: %t, want %t", what, c.mark, got, c.dead)
		}
	}
	if len(Mark()) > 64 || strings.ContainsAny(Mark(), "./ ") {
		t.Errorf("%q does not fit into a volume's name", Mark())
	}
}
