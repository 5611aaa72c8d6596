// Package needs declares what a test needs of the machine that it runs on. If something is missing,
// the test fails where acceptance tests run, and is skipped elsewhere.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Tool runs a program and returns its output. If the program is not installed or fails, Tool ends
// the test.
func Tool(t testing.TB, command ...string) string {
	t.Helper()
	Installed(t, command[0])
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, out)
	}
	return string(out)
}

// Installed ends the test if a program is not installed.
func Installed(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		Missing(t, "%s is not installed: run tools/install-deps.sh", program)
	}
}

// Missing ends a test that lacks something: it fails with TF_ACC=1, and is skipped otherwise.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("TF_ACC") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
