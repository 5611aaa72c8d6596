// Package needs says what a test needs of the machine that it runs on. Where acceptance tests run,
// all of it is there, and a test that does not find it fails; elsewhere it is skipped.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Tool runs a program and gives what it printed. The test ends where the program is not installed,
// or fails.
func Tool(t testing.TB, command ...string) string {
	t.Helper()
	Installed(t, command[0])
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, out)
	}
	return string(out)
}

// Installed ends the test where a program is not installed.
func Installed(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		Missing(t, "%s is not installed: run tools/install-deps.sh", program)
	}
}

// Missing ends a test that misses something.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("TF_ACC") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
