package tfacc

import (
	"fmt"
	"strings"
	"testing"
)

// reporter notes that a test has failed, and why.
type reporter struct {
	testing.TB
	errors []string
}

func (r *reporter) Helper() {}

func (r *reporter) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestNoiseIsFoundOutsideConsoles(t *testing.T) {
	const console = "│ Error: Not ready\n│ \n│ The end of the guest's console:\n" +
		"│ [ 31.4] rcu: stall at 0x4000000000\n│ more\n│ \n│ Raise %s to wait longer.\n"
	for more, noisy := range map[string]bool{"timeouts": false, "0xc000123456": true} {
		r := &reporter{TB: t}
		Says(r, fmt.Sprintf(console, more), "Not ready", "rcu: stall", "to wait longer")
		if found := len(r.errors) == 1 && strings.Contains(r.errors[0], "is nothing to tell a user"); found != noisy ||
			!noisy && len(r.errors) > 0 {
			t.Errorf("with %q: %q", more, r.errors)
		}
	}
}
